import { expect, test } from 'vitest';
import { readIpv4, readIpv6, readMac } from '../../src/wire/address.ts';
import { bytesOf } from './frames.ts';

test('addresses are read at their offset', () => {
  expect(readMac(bytesOf('ff 02420a580001'), 1)).toBe('02:42:0a:58:00:01');
  expect(readIpv4(bytesOf('ff 0a580001'), 1)).toBe('10.88.0.1');
  expect(readIpv6(bytesOf('ff fd008800000000000000000000000a0b'), 1)).toBe('fd00:8800::a0b');
});
