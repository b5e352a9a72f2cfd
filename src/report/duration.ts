/** Spans of time in words, and those between the hops of a way. */

import type { Hop } from '../diagnose/diagnosis.ts';

const nsPerSecond = 1e9;

/** Nanoseconds in the unit that fits: `35 µs`, `1.2 ms`, `3.0 s`. */
export function durationText(ns: number): string {
  if (ns < 1e6) return `${(ns / 1e3).toFixed(0)} µs`;
  if (ns < nsPerSecond) return `${(ns / 1e6).toFixed(1)} ms`;
  return `${(ns / nsPerSecond).toFixed(1)} s`;
}

/** Seconds with nine decimals, as the document has them, to nanoseconds. */
const toNs = (seconds: string): bigint => BigInt(seconds.replace('.', ''));

/**
 * For each hop how long after the one before it, of those that frames show, the packet was seen there: `+35 µs`; empty for
 * the first one of each direction, where no frame shows it, and where a clock that was set meanwhile would say "before".
 */
export function hopIntervals(hops: readonly Pick<Hop, 'direction' | 'time'>[]): string[] {
  let before: { readonly direction: Hop['direction']; readonly ns: bigint } | null = null;
  return hops.map(({ direction, time }) => {
    if (time === null) return '';
    const ns = toNs(time);
    const passed = before?.direction === direction ? ns - before.ns : null;
    before = { direction, ns };
    return passed === null || passed < 0n ? '' : `+${durationText(Number(passed))}`;
  });
}
