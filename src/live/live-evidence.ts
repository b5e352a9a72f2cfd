/** Takes single connections out of a live capture as a case, which is diagnosed as any other. */

import type { Frame } from '../case/evidence.ts';
import type { FrameStore } from './frame-store.ts';

/** Of a connection, its opening and its end tell what became of it. */
const firstFrames = 64;
const lastFrames = 192;
/** Frames of all connections that are looked at to find the first ones: a busy capture is not to wait for it. */
const mostLookedAt = 20_000;

/** A frame of the store as a case has it; its capture points are the case's interfaces. */
export function liveFrame(store: FrameStore, number: number): Frame | null {
  const stored = store.frame(number);
  if (stored === null) return null;
  const { point, ...rest } = stored;
  return { ...rest, interfaceIndex: point };
}

/**
 * The frames of connections, in the order of their numbers: of a long one those of its beginning and of its end. The
 * latest frame of all is with them: it shows until when the capture went on.
 *
 * @param firstFrame The number of a connection's first frame, kept or not.
 */
export function framesOfConnections(
  store: FrameStore,
  ids: readonly number[],
  firstFrame: (id: number) => number,
): Frame[] {
  const numbers = new Set<number>([store.last]);
  for (const id of ids) {
    const latest = store.framesOf(id, 0, firstFrames + lastFrames + 1);
    const isLong = latest.length > firstFrames + lastFrames;
    const opening = isLong ? store.firstFramesOf(id, firstFrame(id), firstFrames, mostLookedAt) : [];
    for (const number of [...opening, ...(isLong ? latest.slice(-lastFrames) : latest)]) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b).flatMap((number) => liveFrame(store, number) ?? []);
}
