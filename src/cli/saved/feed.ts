/** Reads a capture once, for whatever is to be made of it. */

import type { CaptureFileError } from '../../capfile/capture-error.ts';
import type { CaptureInput } from '../../capfile/input.ts';
import type { Connections } from '../../flow/connection-table.ts';
import { readChunks } from '../../index/read-file.ts';
import { errorText, UserError } from '../errors.ts';
import type { Watcher } from '../progress.ts';
import { nameOf, remark, sizeOf } from './captures.ts';

/** What takes a capture's bytes. */
interface Taker {
  push(chunk: Uint8Array): void | Promise<void>;
  readonly bytes: number;
  readonly error: CaptureFileError | null;
}

/** Gives a capture's bytes to a taker, in place where they are a plain file's, and tells how far it is. */
export async function feed(
  path: string,
  input: CaptureInput,
  chunks: AsyncIterable<Uint8Array>,
  taker: Taker,
  watcher: Watcher,
): Promise<void> {
  const total = sizeOf(input);
  const read = async (chunk: Uint8Array): Promise<void> => {
    await taker.push(chunk);
    await watcher.tell('reading', taker.bytes, total);
  };
  try {
    if (input.descriptor !== null) await readChunks(input.descriptor, read);
    else {
      for await (const chunk of chunks) {
        await read(chunk);
        // A device may never end.
        if (taker.error !== null) break;
      }
    }
  } catch (error) {
    throw new UserError(`cannot read ${nameOf(path)}: ${errorText(error)}`);
  }
}

/** Says on standard error what a capture lacks, or what of it did not fit. */
export function remarkOn(name: string, stopped: string | null, { untracked, names }: Connections): void {
  if (stopped !== null) remark(name, stopped);
  const counted = (count: number, what: string): void => {
    if (count > 0) remark(name, `${count} ${what}: there are more than fit into memory`);
  };
  counted(untracked, 'packets are counted in no connection here');
  counted(names.untold, 'messages of resolvers are not told here');
}
