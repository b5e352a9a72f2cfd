/** Frames as the streams of a live capture tell them, and a live capture made of packets. */

import { emptyRecord, type FrameRecord, windowOn } from '../../src/capfile/capture-parser.ts';
import { FrameStore } from '../../src/live/frame-store.ts';
import { LiveConnections } from '../../src/live/live-connections.ts';
import { Tracker } from '../../src/live/tracker.ts';
import { linked } from '../flow/frames.ts';

/** The second in which the frames of these tests begin. */
export const firstSecond = 1_795_262_315;
const nsPerSecond = 1_000_000_000;
const rawIp = 101;

/** A frame with a time in nanoseconds since `firstSecond`. */
export function record(timeNs: number, bytes: Uint8Array, originalLength = bytes.length): FrameRecord {
  return {
    ...emptyRecord(),
    window: windowOn(bytes, 0),
    capturedLength: bytes.length,
    originalLength,
    seconds: firstSecond + Math.floor(timeNs / nsPerSecond),
    nanoseconds: timeNs % nsPerSecond,
  };
}

/** Milliseconds since 1970 of a time in nanoseconds since `firstSecond`. */
export function wallMs(timeNs: number): number {
  return firstSecond * 1000 + timeNs / 1_000_000;
}

/** A live capture at one point, to which packets (from their IP header on, as hex) are told one after the other. */
export function liveCapture(): {
  readonly store: FrameStore;
  readonly tracker: Tracker;
  readonly connections: LiveConnections;
  /** Tells packets a microsecond apart from a time on, and has their connections looked at, then and at `lookedAtNs`. */
  tell(atNs: number, packets: readonly string[], lookedAtNs?: number): void;
} {
  const tracker = new Tracker(7, [rawIp, rawIp]);
  const store = new FrameStore(16 * 1024 * 1024, 0, (frame) => tracker.take(frame));
  const connections = new LiveConnections(tracker.table, 400_000_000);
  const point = store.open();
  return {
    store,
    tracker,
    connections,
    tell(atNs, packets, lookedAtNs = atNs) {
      for (const [index, packet] of packets.entries())
        store.push(point, record(atNs + 1000 * index, linked(rawIp, packet)));
      store.finish();
      connections.update(tracker.takeChanged(), lookedAtNs);
    },
  };
}
