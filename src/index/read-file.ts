/** Feeds a file to an index, and takes single packets from it again. */

import { read } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { CaptureIndex } from './capture-index.ts';
import { packetDouble, packetWord } from './packet-row.ts';

/** Larger chunks leave the processor's cache, smaller ones cost more turns: 256 KiB and 4 MiB are slower. */
const chunkLength = 1024 * 1024;

const readFrom = promisify(read);

/**
 * Reads an opened file from its start in chunks, each borrowed until the call of `take` returns. The next chunk is read
 * while the present one is taken.
 */
export async function readChunks(descriptor: number, take: (chunk: Uint8Array) => void): Promise<void> {
  let [present, next] = [new Uint8Array(chunkLength), new Uint8Array(chunkLength)];
  let offset = 0;
  let reading = readFrom(descriptor, present, 0, chunkLength, offset);
  for (;;) {
    const { bytesRead } = await reading;
    if (bytesRead === 0) return;
    offset += bytesRead;
    reading = readFrom(descriptor, next, 0, chunkLength, offset);
    take(present.subarray(0, bytesRead));
    [present, next] = [next, present];
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
