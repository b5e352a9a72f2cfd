import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { FrameSet } from '../../src/case/frame-set.ts';

const most = 5000;

it('is what an array of its numbers is', () => {
  const numbers = fc
    .uniqueArray(fc.integer({ min: 1, max: most }), { maxLength: 400 })
    .map((all) => all.sort((a, b) => a - b));
  fc.assert(
    fc.property(numbers, fc.integer({ min: 0, max: most }), (list, other) => {
      const set = FrameSet.of(most, list);
      expect([...set]).toEqual(list);
      expect(set.length).toBe(list.length);
      expect(list.map((_, index) => set.at(index))).toEqual(list);
      expect(list.map((number) => set.indexOf(number))).toEqual(list.map((_, index) => index));
      expect([set.includes(other), set.indexOf(other)]).toEqual([list.includes(other), list.indexOf(other)]);
      expect([set.at(-1), set.at(list.length)]).toEqual([undefined, undefined]);
    }),
  );
});

it('answers while it grows', () => {
  const set = new FrameSet(most);
  const list: number[] = [];
  for (const number of [1, 31, 32, 1023, 1024, 4999, 5000]) {
    set.add(number);
    list.push(number);
    expect(list.map((_, index) => set.at(index))).toEqual(list);
    expect(set.indexOf(number)).toBe(list.length - 1);
  }
});
