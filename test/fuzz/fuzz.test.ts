import { expect, test } from 'vitest';
import { checkInput } from './check.ts';
import { mutate } from './mutate.ts';
import { Random } from './random.ts';
import { ownSamples } from './samples.ts';

const seed = 20_261_121;
const count = 20_000;

test(`${count} damaged captures neither break a reader nor a decoder (npm run fuzz tries more)`, () => {
  for (let index = 0; index < count; index++) {
    const random = new Random(seed, index);
    const input = mutate(ownSamples, random);
    try {
      checkInput(input, random);
    } catch (error) {
      throw new Error(`seed ${seed}, input ${index}`, { cause: error });
    }
  }
});

test('a seed repeats its inputs, and they differ', () => {
  const bytes = mutate(ownSamples, new Random(seed, 0));
  expect(mutate(ownSamples, new Random(seed, 0))).toEqual(bytes);
  const inputs = new Set(
    Array.from({ length: 100 }, (_, index) => String(mutate(ownSamples, new Random(seed, index)))),
  );
  expect(inputs.size).toBeGreaterThan(95);
});
