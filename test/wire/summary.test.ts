import { expect, test } from 'vitest';
import { dissect } from '../../src/wire/dissect.ts';
import { summarize } from '../../src/wire/summary.ts';
import { bytesOf, realFrames } from './frames.ts';

test.each(realFrames)('$name: $summary', ({ hex, summary }) => {
  const bytes = bytesOf(hex);
  expect(summarize(dissect(bytes, 1, bytes.length))).toBe(summary);
});

test('a frame without bytes', () => {
  expect(summarize(dissect(new Uint8Array(0), 1, 60))).toBe('no bytes');
});
