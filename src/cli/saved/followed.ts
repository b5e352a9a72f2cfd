/** Follows a connection of an indexed capture, for `nettrace follow` and for the terminal UI. */

import type { Frame } from '../../case/evidence.ts';
import { followStream, type Stream } from '../../flow/stream.ts';
import type { ConnectionSummary } from '../../flow/summary.ts';
import type { IndexedCapture } from '../../index/indexed-capture.ts';

/** A connection that was followed. */
export interface FollowedConnection {
  readonly summary: ConnectionSummary;
  readonly stream: Stream;
  /** Frames that were not looked at, because there are too many. */
  readonly leftOut: number;
}

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

/**
 * Follows a connection. Of one that NAT split it is the half that the client knows.
 *
 * @param number As `nettrace connections` numbers them; it must be there.
 * @param mostBytes Frames are kept up to so many bytes; those behind them are counted.
 * @param frameOf The frame of a row; its bytes are asked for only where they are kept.
 * @returns Null when it is a ping: only TCP and UDP say something that can be followed.
 */
export function followConnection(
  capture: IndexedCapture,
  number: number,
  mostBytes: number,
  frameOf: (row: number) => Frame = (row) => capture.frame(row),
): FollowedConnection | null {
  const summary = capture.numbers.summary(number);
  const { protocol, client } = summary;
  if (protocol === 'icmp' || protocol === 'icmpv6') return null;
  const id = capture.numbers.originalOf(number);
  const point = busiestInterface(capture, id);
  const frames: Frame[] = [];
  let [room, leftOut] = [mostBytes, 0];
  for (let row = 0; row < capture.index.packets.count; row += 1) {
    if (capture.idOf(row) !== id || capture.frame(row).interfaceIndex !== point) continue;
    if (room <= 0) {
      leftOut += 1;
      continue;
    }
    const frame = frameOf(row);
    room -= frame.bytes.length;
    frames.push(frame);
  }
  const linkTypes = capture.index.interfaces.map(({ linkType }) => linkType);
  return { summary, stream: followStream({ protocol, client, frames }, linkTypes), leftOut };
}
