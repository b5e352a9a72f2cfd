import { expect, test } from 'vitest';
import { describeError } from '../../src/wire/describe.ts';
import type { Dissection } from '../../src/wire/layer.ts';
import { summarize } from '../../src/wire/summary.ts';
import { carried, join, read, shown, udp, values } from './payloads.ts';

const ends = '10.0.0.1:123 > 10.0.0.2:40000';

function message(...parts: string[]): Dissection {
  return read(udp(123, 40_000, join(...parts)));
}

/** Root delay of half a second, no dispersion. */
const root = '00008000 00000000';
const noTime = '0000000000000000';
/** 1970-01-01 and a half second; the same in era 1, which begins in 2036; none; 0xec000000 seconds after 1900. */
const times = ['83aa7e80 80000000', '00000000 80000000', noTime, 'ec000000 00000000'];

test('an answer', () => {
  const found = message('24 02 06 e9', root, '0a000009', ...times);
  expect(found.error).toBeNull();
  const names = ['flags.li', 'flags.vn', 'flags.mode', 'stratum', 'ppoll', 'precision', 'refid'];
  expect(values(found, 'ntp', names)).toEqual([0, 4, 4, 2, 6, -23, '10.0.0.9']);
  expect(values(found, 'ntp', ['reftime', 'org', 'rec', 'xmt'])).toEqual([
    '1970-01-01T00:00:00.500000000Z',
    '2036-02-07T06:28:16.500000000Z',
    'not set',
    '2025-06-20T15:42:56.000000000Z',
  ]);
  expect(shown(found, 'ntp.rootdelay')).toBe('0.500000 seconds');
  expect(summarize(found)).toBe(`NTP server version 4 stratum 2 ${ends}`);
});

test('a primary server names its clock', () => {
  expect(values(message('24 01 06 e9', root, '47505300', ...times), 'ntp', ['refid'])).toEqual(['GPS']);
});

test('a question', () => {
  expect(summarize(message('23 00 06 e9', root, '00000000', ...times))).toBe(`NTP client version 4 ${ends}`);
});

test('a control message is named', () => {
  const found = message('16 02 0001');
  expect(found.error).toBeNull();
  expect(summarize(found)).toBe(`NTP control version 2 ${ends}`);
});

test('a message that is too short', () => {
  const found = message('23 00 06 e9', root);
  expect(found.error && describeError(found.error)).toContain('malformed ntp at byte 28: 48 bytes needed, 12 bytes');
});

test.each([
  ['version 0', '03'],
  ['version 5', '2b'],
  ['mode 0', '20'],
])('%s is none', (_name, flags) => {
  expect(carried(message(flags, '00'.repeat(47)))).toEqual(['data']);
});
