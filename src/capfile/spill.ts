/** A file for bytes that pass by once, so that they can be read again: no name, no other reader, gone with the process. */

import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';

/** Reads `length` bytes at `offset`, or as many as there are. */
export function readAt(descriptor: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(descriptor, bytes, filled, length - filled, offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

/** A temporary file that has no name from its first moment on, so that nothing is left of it even after `kill -9`. */
export class Spill implements Disposable {
  readonly #descriptor: number;
  #length = 0;

  /**
   * @param folder Where it takes room.
   * @throws the system's error when the folder cannot be written to.
   */
  constructor(folder: string) {
    const name = path.join(folder, `nettrace-${randomBytes(12).toString('hex')}`);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    this.#descriptor = openSync(name, flags, 0o600);
    unlinkSync(name);
  }

  /** Bytes that it holds. */
  get length(): number {
    return this.#length;
  }

  /** @throws the system's error when there is no room; what was appended before stays. */
  append(chunk: Uint8Array): void {
    let written = 0;
    while (written < chunk.length) {
      written += writeSync(this.#descriptor, chunk, written, chunk.length - written, this.#length + written);
    }
    this.#length += written;
  }

  /** `length` bytes at `offset`, or as many of them as it holds. */
  read(offset: number, length: number): Uint8Array {
    return readAt(this.#descriptor, offset, Math.max(0, Math.min(length, this.#length - offset)));
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}
