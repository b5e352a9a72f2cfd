/** Reads small files whose names or contents others may control. */

import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';

/** Largest file that a snapshot keeps: an /etc/hosts is far smaller. */
const mostBytes = 64 * 1024;

/**
 * The first `limit` bytes of a file, or null when it cannot be opened or read. Never waits (a FIFO yields nothing) and
 * never follows a symbolic link in the last component unless `followLinks` says that its owner may be trusted.
 */
export function readBounded(path: string, options: { limit?: number; followLinks?: boolean } = {}): Buffer | null {
  const { limit = mostBytes, followLinks = false } = options;
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | (followLinks ? 0 : constants.O_NOFOLLOW));
  } catch {
    return null;
  }
  try {
    if (!fstatSync(descriptor).isFile()) return null;
    const buffer = Buffer.alloc(limit);
    let length = 0;
    while (length < limit) {
      const count = readSync(descriptor, buffer, length, limit - length, null);
      if (count === 0) break;
      length += count;
    }
    return buffer.subarray(0, length);
  } catch {
    return null;
  } finally {
    closeSync(descriptor);
  }
}

/** True for a file that is there, and is neither a link nor anything that a reader would wait for. */
export function isPlainFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** The names in a directory, sorted; none where it cannot be read. */
export function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
