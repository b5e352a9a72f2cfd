/** Feeds a file to an index. */

import { readSync } from 'node:fs';

/** What the processor's cache holds beside the tables. */
const chunkLength = 256 * 1024;

/**
 * Reads an opened file from its start in chunks, each borrowed until `take` is done with it. It reads in this very thread:
 * the bytes of a chunk are then in this processor's cache, which is worth more than reading the next chunk meanwhile.
 */
export async function readChunks(descriptor: number, take: (chunk: Uint8Array) => void | Promise<void>): Promise<void> {
  const chunk = new Uint8Array(chunkLength);
  for (let offset = 0; ; ) {
    const length = readSync(descriptor, chunk, 0, chunkLength, offset);
    if (length === 0) return;
    offset += length;
    await take(chunk.subarray(0, length));
  }
}
