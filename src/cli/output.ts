/** Writes to standard output what may be long: in few calls, and no faster than its reader takes it. */

import { once } from 'node:events';

/** Text is handed over in pieces of about this size: few system calls, little memory. */
const pieceLength = 64 * 1024;

/** Writes text or bytes, and waits until there is room for more. */
export async function write(piece: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
}

/** Writes texts as they come, joined to larger pieces. */
export async function writeAll(texts: Iterable<string>): Promise<void> {
  let piece = '';
  for (const text of texts) {
    piece += text;
    if (piece.length < pieceLength) continue;
    await write(piece);
    piece = '';
  }
  if (piece !== '') await write(piece);
}
