/**
 * Reads what `nettrace snapshot` wrote; apart, because collecting a snapshot takes modules that reading one does not.
 */

import { largestSnapshot, readSnapshot } from '../../capfile/snapshot-file.ts';
import type { Snapshot } from '../../host/snapshot.ts';
import { UserError } from '../errors.ts';
import { nameOf, openInput, whatStopped } from './captures.ts';

/** Reads a snapshot from a file, which may be compressed; - is standard input. Throws a UserError that names it. */
export async function openSnapshot(path: string): Promise<Snapshot> {
  await using input = await openInput(path);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of input.chunks()) {
    chunks.push(chunk.slice());
    size += chunk.length;
    // A device may never end, and a compressed file may be far larger than it looks.
    if (size > largestSnapshot) break;
  }
  const read = readSnapshot(Buffer.concat(chunks, size));
  const stopped = whatStopped(input.problem, input.compression, null);
  if (!('problem' in read)) return read;
  throw new UserError(
    `cannot read ${nameOf(path)}: ${stopped ?? read.problem}. nettrace snapshot -o FILE writes what can be read here.`,
  );
}
