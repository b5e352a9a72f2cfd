import { describe, expect, test } from 'vitest';
import { errnoOf, exceeded, icmpErrno, icmpName, type Unreachable, unreachable } from '../../src/inet/icmp.ts';

describe('what a program hears of an error', () => {
  test.each<[Unreachable, string, string]>([
    ['network', 'ENETUNREACH', 'ENETUNREACH'],
    ['host', 'EHOSTUNREACH', 'EHOSTUNREACH'],
    ['port', 'ECONNREFUSED', 'ECONNREFUSED'],
    ['prohibited', 'EHOSTUNREACH', 'EACCES'],
  ])('%s unreachable', (what, four, six) => {
    expect([errnoOf(unreachable(what, 4), 4), errnoOf(unreachable(what, 6), 6)]).toEqual([four, six]);
  });

  test('time exceeded', () => {
    expect([errnoOf(exceeded(4), 4), errnoOf(exceeded(6), 6)]).toEqual(['EHOSTUNREACH', 'EHOSTUNREACH']);
  });
});

test.each<[{ type: number; code: number }, 4 | 6, string]>([
  [{ type: 3, code: 13 }, 4, 'administratively prohibited'],
  [{ type: 1, code: 4 }, 6, 'port unreachable'],
  [{ type: 11, code: 0 }, 4, 'type 11, code 0'],
  [{ type: 3, code: 200 }, 4, 'type 3, code 200'],
])('the name of %o in IPv%i', (error, family, expected) => {
  expect(icmpName(error, family)).toBe(expected);
});

test.each<[{ type: number; code: number }, 4 | 6, string | null, string | null]>([
  [{ type: 3, code: 1 }, 4, 'EHOSTUNREACH', null],
  [{ type: 3, code: 3 }, 4, 'ECONNREFUSED', 'ECONNREFUSED'],
  [{ type: 11, code: 0 }, 4, 'EHOSTUNREACH', null],
  [{ type: 3, code: 4 }, 4, null, null],
  [{ type: 1, code: 3 }, 6, 'EHOSTUNREACH', null],
  [{ type: 1, code: 1 }, 6, 'EACCES', 'EACCES'],
  [{ type: 3, code: 3 }, 6, null, null],
])('%o in IPv%i gives a TCP socket %s, one of UDP %s', (error, family, tcp, udp) => {
  expect([icmpErrno(error, family, true), icmpErrno(error, family, false)]).toEqual([tcp, udp]);
});
