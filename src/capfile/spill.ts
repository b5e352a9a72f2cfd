/** A place for bytes that pass by once, so that they can be read again; a file has no other reader, and is gone with the process. */

import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';

/** Reads `length` bytes at `offset`, or as many as there are, into a new array or to the start of one that holds them. */
export function readAt(
  descriptor: number,
  offset: number,
  length: number,
  bytes: Uint8Array = new Uint8Array(length),
): Uint8Array {
  let filled = 0;
  while (filled < length) {
    const read = readSync(descriptor, bytes, filled, length - filled, offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

/** Bytes that are kept in memory before there is need of a file. */
const usuallyInMemory = 16 * 1024 * 1024;
const smallest = 64 * 1024;

/** A temporary file that loses its name as soon as it is made: it goes with the process, unless that is killed in between. */
function openNameless(folder: string): number {
  const name = path.join(folder, `nettrace-${randomBytes(12).toString('hex')}`);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const descriptor = openSync(name, flags, 0o600);
  unlinkSync(name);
  return descriptor;
}

function writeAt(descriptor: number, offset: number, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) {
    written += writeSync(descriptor, bytes, written, bytes.length - written, offset + written);
  }
}

/** Keeps bytes in the order in which they come: few of them in memory, more in a nameless file. */
export class Spill implements Disposable {
  readonly #folder: string;
  readonly #inMemory: number;
  #memory = new Uint8Array(smallest);
  #descriptor: number | null = null;
  #length = 0;

  /**
   * @param folder Where a file takes room.
   * @param inMemory Bytes that need no file.
   */
  constructor(folder: string, inMemory = usuallyInMemory) {
    this.#folder = folder;
    this.#inMemory = inMemory;
  }

  /** @throws the system's error when there is no room; what was appended before stays. */
  append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (this.#descriptor === null && length > this.#inMemory) this.#moveToFile();
    if (this.#descriptor === null) {
      if (length > this.#memory.length) this.#grow(length);
      this.#memory.set(chunk, this.#length);
    } else writeAt(this.#descriptor, this.#length, chunk);
    this.#length = length;
  }

  /** `length` bytes at `offset`, or as many of them as it holds; see `readAt`. */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array {
    const there = Math.max(0, Math.min(length, this.#length - offset));
    if (this.#descriptor !== null) return readAt(this.#descriptor, offset, there, into);
    const bytes = this.#memory.subarray(offset, offset + there);
    if (into === undefined) return bytes.slice();
    into.set(bytes);
    return into.subarray(0, there);
  }

  [Symbol.dispose](): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
  }

  #grow(length: number): void {
    const larger = new Uint8Array(Math.max(length, 2 * this.#memory.length));
    larger.set(this.#memory.subarray(0, this.#length));
    this.#memory = larger;
  }

  #moveToFile(): void {
    const descriptor = openNameless(this.#folder);
    try {
      writeAt(descriptor, 0, this.#memory.subarray(0, this.#length));
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    this.#descriptor = descriptor;
    this.#memory = new Uint8Array(0);
  }
}
