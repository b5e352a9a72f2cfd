/** `nettrace follow FILE N`: what the two ends of a connection said to each other. */

import type { Frame } from '../case/evidence.ts';
import { none } from '../flow/connection-row.ts';
import { followStream, type Side, type Stream } from '../flow/stream.ts';
import type { IndexedCapture } from '../index/indexed-capture.ts';
import { streamHex, streamRaw, streamText } from '../report/stream.ts';
import { remark } from './captures.ts';
import { UserError } from './errors.ts';
import { OpenedIndex } from './opened-index.ts';
import { write, writeAll } from './output.ts';

/** How it is shown. */
export interface FollowOptions {
  readonly as: 'text' | 'hex' | 'raw';
  /** The one side that is wanted; both when absent. */
  readonly from?: Side;
}

/** Bytes of frames that are kept of one connection: twice what is followed of its payload. */
const mostBytes = 128 * 1024 * 1024;

/** The interface that saw most frames of a connection: what several saw is to be told once. */
function busiestInterface(capture: IndexedCapture, id: number): number {
  const counts = new Map<number, number>();
  for (let row = 0; row < capture.index.packets.count; row += 1) {
    if (capture.idOf(row) !== id) continue;
    const { interfaceIndex } = capture.frame(row);
    counts.set(interfaceIndex, (counts.get(interfaceIndex) ?? 0) + 1);
  }
  const [[busiest] = [0]] = [...counts].sort(([a, m], [b, n]) => n - m || a - b);
  return busiest;
}

function readFrames(capture: IndexedCapture, id: number): { frames: Frame[]; leftOut: number } {
  const point = busiestInterface(capture, id);
  const frames: Frame[] = [];
  let [bytes, leftOut] = [0, 0];
  for (let row = 0; row < capture.index.packets.count; row += 1) {
    if (capture.idOf(row) !== id) continue;
    const frame = capture.frame(row);
    if (frame.interfaceIndex !== point) continue;
    bytes += frame.bytes.length;
    if (bytes > mostBytes) leftOut += 1;
    else frames.push(frame);
  }
  return { frames, leftOut };
}

async function print(
  stream: Stream,
  { as, from = null }: { as: FollowOptions['as']; from?: Side | null },
): Promise<void> {
  if (as === 'raw') {
    for (const bytes of streamRaw(stream, from)) await write(bytes);
    return;
  }
  const lines = as === 'hex' ? streamHex(stream, from) : streamText(stream, from);
  await writeAll(lines.map((line) => `${line}\n`));
}

/**
 * `follow`. Of a connection that NAT split it is the half that the client knows.
 *
 * @param number As `nettrace connections` numbers them. Throws a UserError when there is none of it, or it is a ping.
 */
export async function follow(path: string, number: number, options: FollowOptions): Promise<void> {
  await using opened = await OpenedIndex.open(path);
  const { capture, name } = opened;
  const id = capture.numbers.originalOf(number);
  if (id === none) {
    const { count } = capture.numbers;
    const there = count === 0 ? 'it has no connections' : `it has connections 1 to ${count}`;
    throw new UserError(`${name} has no connection ${number}: ${there}, which nettrace connections lists`);
  }
  const { protocol, client } = capture.numbers.summary(number);
  if (protocol === 'icmp' || protocol === 'icmpv6') {
    throw new UserError(
      `connection ${number} of ${name} is a ping: only TCP and UDP say something that can be followed`,
    );
  }
  const { frames, leftOut } = readFrames(capture, id);
  const linkTypes = capture.index.interfaces.map(({ linkType }) => linkType);
  const stream = followStream({ protocol, client, frames }, linkTypes);
  await print(stream, options);
  opened.remark();
  const missing = stream.tally.client.missing + stream.tally.server.missing;
  if (options.as === 'raw' && missing > 0) remark(name, `${missing} bytes of connection ${number} are missing`);
  if (leftOut > 0) remark(name, `${leftOut} frames of connection ${number} are left out: it is too long`);
}
