import * as fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { nextMarked, toggled } from '../../src/ui/marks.ts';

const listOf = (frames: readonly number[]) => ({
  length: frames.length,
  at: (index: number) => frames[index] ?? 1,
  indexOf: (frame: number) => frames.indexOf(frame),
});

it('sets a mark and takes it away', () => {
  const one = toggled(new Set(), 7);
  expect([[...one], [...toggled(one, 7)], [...toggled(one, 3)]]).toEqual([[7], [], [7, 3]]);
  expect([...one]).toEqual([7]);
});

test.each<[string, readonly number[], readonly number[], number, number]>([
  ['the next one below', [40, 20], [10, 20, 30, 40], 0, 1],
  ['not the one it stands on', [20, 40], [10, 20, 30, 40], 1, 3],
  ['from the top behind the last', [20], [10, 20, 30], 2, 1],
  ['itself, where it is the only one', [20], [10, 20, 30], 1, 1],
  ['by its place in the list, not by its number', [10, 30], [30, 20, 10], 0, 2],
  ['none that the list lacks', [50, 30], [10, 20, 30], 0, 2],
  ['nothing in a list without marks', [50], [10, 20], 0, -1],
  ['nothing in an empty list', [50], [], -1, -1],
])('finds %s', (_name, marks, frames, from, place) => {
  expect(nextMarked(new Set(marks), listOf(frames), from)).toBe(place);
});

it('comes to every mark of a list in turn', () => {
  const frames = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (numbers, marked) => {
      const marks = new Set(marked);
      const there = numbers.filter((number) => marks.has(number));
      const met: number[] = [];
      let place = -1;
      for (let step = 0; step < there.length; step += 1) {
        place = nextMarked(marks, listOf(numbers), place);
        met.push(numbers[place] ?? 0);
      }
      expect(met).toEqual(there);
    }),
  );
});
