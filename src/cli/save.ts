/** Writes files: new, readable by their owner alone, owned by whoever called sudo. */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchownSync,
  ftruncateSync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { encodeCase } from '../capfile/case-file.ts';
import type { Case } from '../case/evidence.ts';
import { errorText, UserError } from './errors.ts';
import { version } from './version.ts';

/** What the files that are written here say of their writer. */
export const application = `nettrace ${version}`;

/** A file that cannot be written, and why. */
export class CannotSave extends UserError {
  /** The reason, and what to do. */
  readonly reason: string;

  constructor(path: string, reason: string) {
    super(`cannot save to ${path}: ${reason}`);
    this.reason = reason;
  }
}

function isError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** Gives a new file to whoever called sudo; where that fails, it is removed again. */
function giveToCaller(descriptor: number, place: string): void {
  const [user = Number.NaN, group = Number.NaN] = [process.env['SUDO_UID'], process.env['SUDO_GID']].map(Number);
  if (process.getuid?.() !== 0 || !Number.isInteger(user) || !Number.isInteger(group)) return;
  try {
    fchownSync(descriptor, user, group);
  } catch (error) {
    unlinkSync(place);
    closeSync(descriptor);
    throw error;
  }
}

/** Creates the file and opens it; errors name another one. Never follows a link and never overwrites. */
function create(place: string, path = place): number {
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const descriptor = openSync(place, flags, 0o600);
    giveToCaller(descriptor, place);
    return descriptor;
  } catch (error) {
    const reason = isError(error, 'EEXIST')
      ? 'it exists already, and nettrace overwrites nothing. Name another file.'
      : `${errorText(error)}. Name a file in a folder that is there and can be written to.`;
    throw new CannotSave(path, reason);
  }
}

/** Bytes that are written at once. */
const pieceLength = 256 * 1024;

/** A file that is being written. What was begun, neither finished nor kept, is removed when it is disposed of. */
export class NewFile implements Disposable {
  readonly #path: string;
  /** Where it is written; it takes its own name when it is complete. */
  readonly #place: string;
  readonly #descriptor: number;
  #waiting: Uint8Array[] = [];
  #waitingLength = 0;
  /** What is in the file: whole parts, and their bytes. */
  #parts = 0;
  #length = 0;
  #stays = false;

  /**
   * Creates it. Throws CannotSave; never follows a link and never overwrites.
   *
   * @param place Where it is written, when it is to replace what has its name; see `replacing`.
   */
  constructor(path: string, place = path) {
    this.#path = path;
    this.#place = place;
    this.#descriptor = create(place, path);
  }

  /**
   * Creates one that replaces a file when it is finished, whole or not at all: whoever reads the old one reads it to its
   * end. Throws CannotSave where anything but a file is there.
   */
  static replacing(path: string): NewFile {
    if (whatIsAt(path) !== 'file') {
      throw new CannotSave(path, 'it is no plain file, and nettrace replaces nothing else. Name another file.');
    }
    const beside = `.nettrace-${process.pid}-${randomBytes(4).toString('hex')}`;
    return new NewFile(path, join(dirname(path), beside));
  }

  /** Parts that are in the file, or wait for it; none that it had no room for. */
  get parts(): number {
    return this.#parts + this.#waiting.length;
  }

  /**
   * Adds parts. Throws CannotSave when they cannot be written: what waited is lost then, and the file ends with the last
   * part of which all is in it.
   */
  write(parts: Iterable<Uint8Array | string>): void {
    this.#try(() => {
      for (const part of parts) {
        const bytes = typeof part === 'string' ? Buffer.from(part) : part;
        this.#waiting.push(bytes);
        this.#waitingLength += bytes.length;
        if (this.#waitingLength >= pieceLength) this.#flush();
      }
    });
  }

  /** Hands what waits to the system, so that it stays however nettrace ends. Throws CannotSave when that cannot be done. */
  flush(): void {
    this.#try(() => this.#flush());
  }

  /** What is in it stays, though the rest may fail. Not for a file that replaces another. */
  keep(): void {
    this.#stays = true;
  }

  /** The file is complete: it stays. Throws CannotSave when the last of it cannot be written. */
  finish(): void {
    this.#try(() => {
      this.#flush();
      if (this.#place !== this.#path) renameSync(this.#place, this.#path);
    });
    this.#stays = true;
  }

  #flush(): void {
    const parts = this.#waiting;
    const bytes = Buffer.concat(parts);
    this.#waiting = [];
    this.#waitingLength = 0;
    const start = this.#length;
    let written = 0;
    try {
      while (written < bytes.length) {
        written += writeSync(this.#descriptor, bytes, written, bytes.length - written, start + written);
      }
    } finally {
      for (const { length } of parts) {
        if (this.#length + length > start + written) break;
        this.#length += length;
        this.#parts += 1;
      }
      if (written < bytes.length) ftruncateSync(this.#descriptor, this.#length);
    }
  }

  #try(action: () => void): void {
    try {
      action();
    } catch (error) {
      throw new CannotSave(this.#path, errorText(error));
    }
  }

  [Symbol.dispose](): void {
    if (!this.#stays) unlinkSync(this.#place);
    closeSync(this.#descriptor);
  }
}

/** Fails early, before a command runs, when the file could not be created: it is created, and removed again. */
export function checkSavable(path: string): void {
  const descriptor = create(path);
  unlinkSync(path);
  closeSync(descriptor);
}

/** Writes a file of these parts. Never follows a link and never overwrites; what was begun and failed is removed. */
export function saveParts(path: string, parts: Iterable<Uint8Array | string>): void {
  using file = new NewFile(path);
  file.write(parts);
  file.finish();
}

/** What stands under a name, null for nothing; a link is no file, wherever it leads. May throw the system's error. */
export function whatIsAt(path: string): 'file' | 'other' | null {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return null;
  return found.isFile() ? 'file' : 'other';
}

/** Replaces a file by one of these parts, as `NewFile.replacing` does. */
export function replaceParts(path: string, parts: Iterable<Uint8Array | string>): void {
  using file = NewFile.replacing(path);
  file.write(parts);
  file.finish();
}

/** Writes the case, as `saveParts` does. */
export function saveCase(path: string, evidence: Case): void {
  saveParts(path, encodeCase(evidence, application));
}
