import { expect, test } from 'vitest';
import { readIpv4, readIpv6, readMac } from '../../src/wire/address.ts';
import { bytesOf } from './frames.ts';

test('addresses are read at their offset', () => {
  expect(readMac(bytesOf('ff 02420a580001'), 1)).toBe('02:42:0a:58:00:01');
  expect(readIpv4(bytesOf('ff 0a580001'), 1)).toBe('10.88.0.1');
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
  expect(readIpv6(bytesOf(hex), 0)).toBe(text);
});
