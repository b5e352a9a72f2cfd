/** Feeds a file to an index. */

import { open } from 'node:fs/promises';

/** Fits a second-level cache while the next chunk is read: 256 KiB and 4 MiB are slower. */
const chunkLength = 1024 * 1024;

/**
 * Reads a file from its start, in chunks that are borrowed until the call of `take` returns. The next chunk is read
 * while the present one is taken.
 */
export async function readChunks(path: string, take: (chunk: Uint8Array) => void, signal?: AbortSignal): Promise<void> {
  await using file = await open(path);
  let [present, next] = [new Uint8Array(chunkLength), new Uint8Array(chunkLength)];
  let reading = file.read(present, 0, chunkLength, null);
  for (;;) {
    const { bytesRead } = await reading;
    signal?.throwIfAborted();
    if (bytesRead === 0) return;
    reading = file.read(next, 0, chunkLength, null);
    take(present.subarray(0, bytesRead));
    [present, next] = [next, present];
  }
}
