import { describe, expect, test } from 'vitest';
import { errnoOf, exceeded, icmpName, type Unreachable, unreachable } from '../../src/model/icmp.ts';

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
