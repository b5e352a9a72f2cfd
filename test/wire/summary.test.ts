import { expect, test } from 'vitest';
import { dissect } from '../../src/wire/dissect.ts';
import { summarize } from '../../src/wire/summary.ts';
import type { BuiltFrame } from './build.ts';
import { builtFrames } from './built-frames.ts';
import { bytesOf, realFrames } from './frames.ts';

const frames: readonly BuiltFrame[] = [...realFrames, ...builtFrames];

test.each(frames)('$name: $summary', ({ hex, linkType = 1, summary }) => {
  const bytes = bytesOf(hex);
  expect(summarize(dissect(bytes, linkType, bytes.length))).toBe(summary);
});

test('a frame without bytes', () => {
  expect(summarize(dissect(new Uint8Array(0), 1, 60))).toBe('no bytes');
});
