/** The wall clock, finer than milliseconds. */

/** Nanoseconds since 1970, UTC, to the microsecond. */
export function wallClockNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}
