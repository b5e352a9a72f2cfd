import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { StampReader } from '../../src/capfile/timestamp.ts';

test.each([
  ['microseconds', 6, 1_000_000n],
  ['nanoseconds', 9, 1_000_000_000n],
  ['seconds', 0, 1n],
  ['picoseconds', 12, 10n ** 12n],
  ['2^-10 s', 0x8a, 1024n],
])('a stamp in %s is read as its quotient says', (_name, resolution, unitsPerSecond) => {
  const stamps = new StampReader(resolution, 0n);
  // Seconds that a number holds exactly: 2^53 is 285 million years.
  const stamp = fc.bigInt({ min: 0n, max: resolution === 0 ? 2n ** 53n : 2n ** 63n });
  fc.assert(
    fc.property(stamp, (units) => {
      const instant = { seconds: 0, nanoseconds: 0 };
      stamps.read(Number(units >> 32n), Number(units & 0xffff_ffffn), instant);
      expect(BigInt(instant.seconds)).toBe(units / unitsPerSecond);
      expect(BigInt(instant.nanoseconds)).toBe(((units % unitsPerSecond) * 1_000_000_000n) / unitsPerSecond);
    }),
  );
});

test('an offset shifts the seconds, back before 1970 as well', () => {
  const instant = { seconds: 0, nanoseconds: 0 };
  new StampReader(9, -5n).read(0, 1_500_000_000, instant);
  expect(instant).toEqual({ seconds: -4, nanoseconds: 500_000_000 });
});
