/** Takes single connections out of a live capture as a case, which is diagnosed as any other. */

import type { Frame } from '../case/evidence.ts';
import type { FrameStore } from './frame-store.ts';

/** Of a connection, its opening and its end tell what became of it. */
const firstFrames = 64;
const lastFrames = 192;
/** Frames that are walked over to find the first ones. */
const mostWalked = 200_000;

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
 */
export function framesOfConnections(store: FrameStore, ids: readonly number[]): Frame[] {
  const numbers = new Set<number>([store.last]);
  for (const id of ids) {
    const own = store.framesOf(id, 0, mostWalked);
    const chosen =
      own.length > firstFrames + lastFrames ? [...own.slice(0, firstFrames), ...own.slice(-lastFrames)] : own;
    for (const number of chosen) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b).flatMap((number) => liveFrame(store, number) ?? []);
}
