import { describe, expect, it } from 'vitest';
import { durationText, hopIntervals } from '../../src/report/duration.ts';

it.each([
  [0, '0 µs'],
  [35_499, '35 µs'],
  [1_200_000, '1.2 ms'],
  [3_000_000_000, '3.0 s'],
])('%i nanoseconds are %s', (ns, text) => {
  expect(durationText(ns)).toBe(text);
});

describe('what passed between hops', () => {
  const there = (time: string | null) => ({ direction: 'request' as const, time });
  const back = (time: string | null) => ({ direction: 'reply' as const, time });

  it.each([
    ['none is known of one hop', [there('7.000000000')], ['']],
    [
      'hops that no frame shows are counted over',
      [there('7.000000000'), there(null), there('7.000012000')],
      ['', '', '+12 µs'],
    ],
    ['seconds change', [there('7.999999000'), there('8.000001000')], ['', '+2 µs']],
    ['each way has a beginning', [there('7.000000000'), back('7.000100000'), back('7.000105000')], ['', '', '+5 µs']],
    ['a clock that was set back tells nothing', [there('7.000000000'), there('6.900000000')], ['', '']],
  ])('%s', (_name, hops, expected) => {
    expect(hopIntervals(hops)).toEqual(expected);
  });
});
