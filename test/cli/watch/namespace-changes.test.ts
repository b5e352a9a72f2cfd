import { expect, test } from 'vitest';
import { namespaceChanges } from '../../../src/cli/watch/namespace-changes.ts';

const one = (name: string, inode: number) => ({ name, inode });

test('a container that was started again has its name, and is another namespace', () => {
  expect(namespaceChanges([one('host', 1), one('web', 2)], [one('host', 1), one('web', 3)])).toEqual([
    'The network namespace web was gone before the end: its state is that of before.',
    'The network namespace web came after the start: nothing was looked at or captured there.',
  ]);
});

test('several are told in one sentence; one that has another name now is none', () => {
  const before = [one('host', 1), one('a', 2), one('b', 3), one('pid:7', 4)];
  expect(namespaceChanges(before, [one('host', 1), one('pid:9', 4)])).toEqual([
    'The network namespaces a and b were gone before the end: their state is that of before.',
  ]);
});
