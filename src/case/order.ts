/** The order of frames in time. Several capture points, or several files, may have written them in another. */

import type { Frame } from './evidence.ts';

/** A pcapng simple packet has no time, which a case shows as 1970. */
const noTime = 0n;

/**
 * Frames in the order of their times, those of one time in the order of their numbers. A frame without a time stays
 * behind the one that it follows in the file.
 *
 * @returns The list itself where it is in order, as nearly every one is.
 */
export function inTimeOrder(frames: readonly Frame[]): readonly Frame[] {
  let latest: bigint | null = null;
  let ordered = true;
  const times = frames.map(({ timeNs }) => {
    const own = timeNs === noTime ? (latest ?? noTime) : timeNs;
    if (latest !== null && own < latest) ordered = false;
    latest = own;
    return own;
  });
  if (ordered) return frames;
  const keyed = frames.map((frame, index) => ({ frame, timeNs: times[index] ?? noTime }));
  // The sort is stable, so frames of one time keep their order.
  keyed.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
  return keyed.map(({ frame }) => frame);
}
