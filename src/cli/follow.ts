/** `nettrace follow FILE N`: what the two ends of a connection said to each other. */

import { none } from '../flow/connection-row.ts';
import type { Side, Stream } from '../flow/stream.ts';
import { lineText, streamHex, streamRaw, streamText } from '../report/stream.ts';
import { UserError } from './errors.ts';
import { write, writeAll } from './output.ts';
import { remark } from './saved/captures.ts';
import { followConnection } from './saved/followed.ts';
import { OpenedIndex } from './saved/opened-index.ts';

/** How it is shown. */
export interface FollowOptions {
  readonly as: 'text' | 'hex' | 'raw';
  /** The one side that is wanted; both when absent. */
  readonly from?: Side;
}

/** Bytes of frames that are kept of one connection: twice what is followed of its payload. */
const mostBytes = 128 * 1024 * 1024;

async function print(
  stream: Stream,
  { as, from = null }: { as: FollowOptions['as']; from?: Side | null },
): Promise<void> {
  if (as === 'raw') {
    for (const bytes of streamRaw(stream, from)) await write(bytes);
    return;
  }
  const lines = as === 'hex' ? streamHex(stream, from) : streamText(stream, from);
  await writeAll(lines.map((line) => `${lineText(line)}\n`));
}

/**
 * `follow`. Of a connection that NAT split it is the half that the client knows.
 *
 * @param number As `nettrace connections` numbers them. Throws a UserError when there is none of it, or it is a ping; and
 *   before it reads anything when a terminal would get the bytes as they are: it would act on them.
 */
export async function follow(path: string, number: number, options: FollowOptions): Promise<void> {
  if (options.as === 'raw' && process.stdout.isTTY) {
    throw new UserError(
      '--as raw writes the bytes as they were sent, and a terminal would act on them: redirect it (> FILE), or take --as hex',
    );
  }
  await using opened = await OpenedIndex.open(path);
  const { capture, name } = opened;
  if (capture.numbers.originalOf(number) === none) {
    const { count } = capture.numbers;
    const there = count === 0 ? 'it has no connections' : `it has connections 1 to ${count}`;
    throw new UserError(`${name} has no connection ${number}: ${there}, which nettrace connections lists`);
  }
  const followed = followConnection(capture, number, mostBytes);
  if (followed === null) {
    throw new UserError(
      `connection ${number} of ${name} is a ping: only TCP and UDP say something that can be followed`,
    );
  }
  const { stream, leftOut } = followed;
  await print(stream, options);
  opened.remark();
  const missing = stream.tally.client.missing + stream.tally.server.missing;
  if (options.as === 'raw' && missing > 0) remark(name, `${missing} bytes of connection ${number} are missing`);
  if (leftOut > 0) remark(name, `${leftOut} frames of connection ${number} are left out: it is too long`);
}
