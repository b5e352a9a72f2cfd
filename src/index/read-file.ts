/** Feeds a file to an index, and takes single packets from it again. */

import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { CaptureIndex } from './capture-index.ts';
import { packetDouble, packetWord } from './packet-row.ts';

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

/**
 * The captured bytes of a packet, read from the file that was indexed: a copy.
 *
 * @param number Counts from 1.
 * @returns Null when there is no such packet, or the file has become shorter than it was.
 */
export async function readPacket(file: FileHandle, index: CaptureIndex, number: number): Promise<Uint8Array | null> {
  if (number < 1 || number > index.packets.count) return null;
  const { words, doubles } = index.packets.page(number - 1);
  const at = index.packets.at(number - 1);
  const bytes = new Uint8Array((words[at + packetWord.capturedLength] ?? 0) >>> 0);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, doubles[(at >> 1) + packetDouble.offset] ?? 0);
  return bytesRead === bytes.length ? bytes : null;
}
