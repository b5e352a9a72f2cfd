/** Writes files: new, readable by their owner alone, owned by whoever called sudo. */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchownSync,
  lstatSync,
  openSync,
  renameSync,
  rmSync,
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

/** Creates the file and opens it. Never follows a link and never overwrites. */
function create(path: string): number {
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return openSync(path, flags, 0o600);
  } catch (error) {
    const reason = isError(error, 'EEXIST')
      ? 'it exists already, and nettrace overwrites nothing. Name another file.'
      : `${errorText(error)}. Name a file in a folder that is there and can be written to.`;
    throw new CannotSave(path, reason);
  }
}

/** Bytes that are written at once. */
const pieceLength = 256 * 1024;

/** A file that is being written. What was begun and not finished is removed when it is disposed of. */
export class NewFile implements Disposable {
  readonly #path: string;
  readonly #descriptor: number;
  #waiting: Uint8Array[] = [];
  #length = 0;
  #finished = false;

  /** Creates it. Throws CannotSave; never follows a link and never overwrites. */
  constructor(path: string) {
    this.#path = path;
    this.#descriptor = create(path);
  }

  /** Adds parts. Throws CannotSave when they cannot be written. */
  write(parts: Iterable<Uint8Array | string>): void {
    this.#try(() => {
      for (const part of parts) {
        const bytes = typeof part === 'string' ? Buffer.from(part) : part;
        this.#waiting.push(bytes);
        this.#length += bytes.length;
        if (this.#length >= pieceLength) this.#flush();
      }
    });
  }

  /** The file is complete: it stays. Throws CannotSave when the last of it cannot be written. */
  finish(): void {
    this.#try(() => {
      this.#flush();
      const [user, group] = [process.env['SUDO_UID'], process.env['SUDO_GID']].map(Number);
      if (process.getuid?.() === 0 && Number.isInteger(user) && Number.isInteger(group)) {
        fchownSync(this.#descriptor, user ?? 0, group ?? 0);
      }
    });
    this.#finished = true;
  }

  #flush(): void {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#length = 0;
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#descriptor, bytes, at);
  }

  #try(action: () => void): void {
    try {
      action();
    } catch (error) {
      throw new CannotSave(this.#path, errorText(error));
    }
  }

  [Symbol.dispose](): void {
    if (!this.#finished) unlinkSync(this.#path);
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

/**
 * Replaces a file by one of these parts, whole or not at all: whoever reads the old one reads it to its end. Throws
 * CannotSave where anything but a file is there.
 */
export function replaceParts(path: string, parts: Iterable<Uint8Array | string>): void {
  if (whatIsAt(path) !== 'file') {
    throw new CannotSave(path, 'it is no plain file, and nettrace replaces nothing else. Name another file.');
  }
  const beside = join(dirname(path), `.nettrace-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    saveParts(beside, parts);
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw new CannotSave(path, error instanceof CannotSave ? error.reason : `${errorText(error)}. Name another file.`);
  }
}

/** Writes the case, as `saveParts` does. */
export function saveCase(path: string, evidence: Case): void {
  saveParts(path, encodeCase(evidence, application));
}
