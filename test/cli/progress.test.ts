import { expect, it } from 'vitest';
import { type HowFar, howFarText } from '../../src/cli/progress.ts';

it.each<[string, HowFar]>([
  ['450 MB of 1.8 GB, 900 MB/s, 2 s left', { what: 'reading', done: 450e6, total: 1.8e9, elapsedMs: 500 }],
  ['450 MB, 900 MB/s', { what: 'reading', done: 450e6, total: null, elapsedMs: 500 }],
  ['100 of 5000 connections, 1000/s, 5 s left', { what: 'diagnosing', done: 100, total: 5000, elapsedMs: 100 }],
  ['0 of 70 frames, 0/s', { what: 'filtering', done: 0, total: 70, elapsedMs: 0 }],
])('%s', (text, howFar) => {
  expect(howFarText(howFar)).toBe(text);
});
