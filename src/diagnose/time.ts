/** Time as the diagnosis document writes it. */

const nsPerSecond = 1_000_000_000n;

/** Nanoseconds since 1970 as decimal seconds with nine decimals: `1795252471.012870935`. */
export function formatTime(timeNs: bigint): string {
  const sign = timeNs < 0n ? '-' : '';
  const distance = timeNs < 0n ? -timeNs : timeNs;
  return `${sign}${distance / nsPerSecond}.${String(distance % nsPerSecond).padStart(9, '0')}`;
}
