import { isIP, isIPv4, isIPv6 } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  familyOf,
  formatAddress,
  formatEndpoint,
  formatIpv6Words,
  inPrefix,
  parseAddress,
  prefixRange,
  sameAddress,
} from '../../src/inet/address.ts';

const value4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n });
const value6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n });

function text4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
}

function groups6(value: bigint): string[] {
  return Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
}

test('every IPv4 address is read back', () => {
  fc.assert(
    fc.property(value4, (value) => {
      expect(parseAddress(text4(value))).toEqual({ family: 4, value });
    }),
  );
});

test('every IPv6 address is read back: in full, with a run of zeros left out, with a dotted end', () => {
  const withZeros = fc.tuple(value6, value6).map(([value, mask]) => value & mask & (mask >> 7n));
  fc.assert(
    fc.property(fc.oneof(value6, withZeros), fc.nat(7), fc.nat(7), (value, first, second) => {
      const groups = groups6(value);
      const full = groups.join(':');
      const dotted = `${groups.slice(0, 6).join(':')}:${text4(value & 0xffffffffn)}`;
      const [start, end] = [Math.min(first, second), Math.max(first, second) + 1];
      const zeroed = groups.map((group, index) => (index >= start && index < end ? '0' : group));
      const shortened = `${groups.slice(0, start).join(':')}::${groups.slice(end).join(':')}`;
      for (const text of [full, full.toUpperCase(), dotted]) expect(parseAddress(text)).toEqual({ family: 6, value });
      expect(parseAddress(shortened)).toEqual(parseAddress(zeroed.join(':')));
    }),
  );
});

test('what is an address and what is not agrees with the C library', () => {
  const almost = fc
    .array(fc.constantFrom(':', '::', '.', '0', '1', '01', '255', '256', 'ffff', 'g', '12345', '1.2.3.4', '-', ' '), {
      maxLength: 12,
    })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(almost, fc.string(), fc.ipV4(), fc.ipV6()), (text) => {
      expect(parseAddress(text)?.family ?? 0).toBe(isIP(text));
    }),
    { numRuns: 3000 },
  );
});

test.each([
  '',
  '1.2.3',
  '1.2.3.4.5',
  '1.2.3.256',
  '010.1.1.1',
  '1.2.3.4/8',
  ':',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7:8::',
])('%j is no address', (text) => {
  expect([isIPv4(text), isIPv6(text), parseAddress(text)]).toEqual([false, false, null]);
});

test.each([
  ['::1', '0:0:0:0:0:0:0:1', true],
  ['FD00::A', 'fd00::a', true],
  ['::ffff:10.88.0.1', '::ffff:a58:1', true],
  ['::ffff:10.88.0.1', '10.88.0.1', false],
  ['0.0.0.1', '::1', false],
  ['10.88.0.1', '10.88.0.2', false],
  ['nonsense', 'nonsense', true],
  ['nonsense', 'other', false],
])('%s and %s: the same is %s', (first, second, same) => {
  expect(sameAddress(first, second)).toBe(same);
  expect(sameAddress(second, first)).toBe(same);
});

describe('inPrefix', () => {
  test.each([
    ['10.88.0.10', '10.88.0.0', 16, true],
    ['10.89.0.10', '10.88.0.0', 16, false],
    ['10.88.0.10', '10.88.0.10', 32, true],
    ['10.88.0.11', '10.88.0.10', 32, false],
    ['192.0.2.1', '0.0.0.0', 0, true],
    ['192.0.2.1', '::', 0, false],
    ['fd00::1', '::', 0, true],
    ['fd00:88::1', 'fd00:88::', 64, true],
    ['fd00:88:0:1::1', 'fd00:88::', 64, false],
    ['10.0.0.1', '10.0.0.1', 33, false],
    ['10.0.0.1', '192.0.2.1', -1, false],
    ['10.0.0.1', '10.0.0.1', 8.5, false],
    ['what', '10.0.0.0', 8, false],
  ])('%s in %s/%s: %s', (address, prefix, length, inside) => {
    expect(inPrefix(address, prefix, length)).toBe(inside);
  });

  test('changing the bit in front of the boundary leaves the prefix, the one behind it does not', () => {
    fc.assert(
      fc.property(value4, fc.integer({ min: 1, max: 31 }), (value, length) => {
        const last = 1n << BigInt(32 - length);
        expect(inPrefix(text4(value ^ last), text4(value), length)).toBe(false);
        expect(inPrefix(text4(value ^ (last >> 1n)), text4(value), length)).toBe(true);
      }),
    );
  });
});

describe('prefixRange', () => {
  test.each<[string, number, [string, string] | null]>([
    ['10.88.0.10', 16, ['10.88.0.0', '10.88.255.255']],
    ['10.88.0.10', 32, ['10.88.0.10', '10.88.0.10']],
    ['192.0.2.1', 0, ['0.0.0.0', '255.255.255.255']],
    ['fd00:88::1', 64, ['fd00:88::', 'fd00:88::ffff:ffff:ffff:ffff']],
    ['10.0.0.1', 33, null],
    ['10.0.0.1', -1, null],
    ['10.0.0.1', 8.5, null],
    ['what', 8, null],
  ])('%s/%s', (prefix, length, ends) => {
    const range = prefixRange(prefix, length);
    const text = (value: bigint): string => formatAddress({ family: familyOf(prefix), value });
    expect(range === null ? null : [text(range.low), text(range.high)]).toEqual(ends);
  });
});

test('every address is written as text that is read back', () => {
  fc.assert(
    fc.property(value4, value6, (four, six) => {
      expect(parseAddress(formatAddress({ family: 4, value: four }))).toEqual({ family: 4, value: four });
      expect(parseAddress(formatAddress({ family: 6, value: six }))).toEqual({ family: 6, value: six });
    }),
  );
});

test.each(['0.0.0.0', '192.0.2.10', '255.255.255.255'])('%s is written as it was read', (text) => {
  const parsed = parseAddress(text);
  expect(parsed === null ? null : formatAddress(parsed)).toBe(text);
});

// RFC 5952 section 4: no leading zeros, the longest run shortened, the first of equals, never one group, lower case.
test.each([
  ['20010db8000000000000000000000001', '2001:db8::1'],
  ['00000000000000000000000000000000', '::'],
  ['00000000000000000000000000000001', '::1'],
  ['fe800000000000000000000000000000', 'fe80::'],
  ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
  ['20010000000000010000000000000001', '2001:0:0:1::1'],
  ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
  ['ABCD0000000000000000000000000FFF', 'abcd::fff'],
  ['00000000000000000000ffff0a580001', '::ffff:10.88.0.1'],
  ['0000000000000000000000000a580001', '::a58:1'],
])('%s is %s', (hex, text) => {
  expect(formatAddress({ family: 6, value: BigInt(`0x${hex}`) })).toBe(text);
  const words = Int32Array.from({ length: 4 }, (_, index) => Number.parseInt(hex.slice(8 * index, 8 * index + 8), 16));
  expect(formatIpv6Words(words)).toBe(text);
});

test('endpoints are written as people write them', () => {
  expect([formatEndpoint('10.88.0.1', 80), formatEndpoint('::1', 80)]).toEqual(['10.88.0.1:80', '[::1]:80']);
});
