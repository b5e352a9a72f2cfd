import { expect, it } from 'vitest';
import { listWords } from '../../src/host/word-list.ts';

it.each([
  [[], ''],
  [['a'], 'a'],
  [['a', 'b'], 'a and b'],
  [['a', 'b', 'c'], 'a, b and c'],
  [['a', 'b', 'c', 'd'], 'a, b, c and 1 more'],
  [['a', 'b', 'c', 'd', 'e', 'f'], 'a, b, c and 3 more'],
])('%j', (words, text) => {
  expect(listWords(words)).toBe(text);
});
