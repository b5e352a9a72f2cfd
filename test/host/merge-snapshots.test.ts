import { expect, test } from 'vitest';
import { keepKnown, mergeSnapshots } from '../../src/host/merge-snapshots.ts';
import type { Snapshot } from '../../src/host/snapshot.ts';
import { snapshotCommand } from '../../src/host/snapshot-commands.ts';

function snapshot(takenNs: bigint, texts: Readonly<Record<number, string>>, pids: readonly number[] = []): Snapshot {
  return {
    takenNs,
    namespaces: Object.entries(texts).map(([inode, text]) => ({
      name: `n${inode}`,
      inode: Number(inode),
      container: null,
      outputs:
        text === '' ? [] : [{ command: snapshotCommand.links, exitCode: text === 'failed' ? 1 : 0, text, error: '' }],
    })),
    processes: pids.map((pid) => ({ pid, argv: [`${takenNs}`] })),
    missing: ['one', `of ${takenNs}`],
  };
}

test('what was taken again is there once, what is gone is not, in the order that is wanted', () => {
  const merged = mergeSnapshots(
    snapshot(1n, { 1: 'a', 2: 'b', 3: 'c' }, [10, 11]),
    snapshot(2n, { 2: 'B', 4: 'D' }, [11]),
    [4, 1, 2, 5],
  );
  expect(merged.namespaces.map(({ name, outputs }) => `${name} ${outputs[0]?.text}`)).toEqual(['n4 D', 'n1 a', 'n2 B']);
  expect(merged.processes).toEqual([
    { pid: 10, argv: ['1'] },
    { pid: 11, argv: ['2'] },
  ]);
  expect([merged.takenNs, merged.missing]).toEqual([1n, ['one', 'of 1', 'of 2']]);
});

test.each(['', 'failed'])('what could not be looked at again stays as it was, and that is said (%j)', (nothing) => {
  const earlier = snapshot(1n, { 1: 'a', 2: 'b' }, [10]);
  const later = snapshot(2n, { 1: nothing, 2: 'B', 3: nothing }, [11]);
  const kept = keepKnown(earlier, later);
  const text = ({ namespaces }: Snapshot) => namespaces.map(({ outputs }) => outputs[0]?.text ?? '');
  expect(text(kept)).toEqual(['a', 'B', nothing]);
  expect([kept.takenNs, kept.processes.map(({ pid }) => pid)]).toEqual([1n, [10, 11]]);
  expect(kept.missing.at(-1)).toBe('What is said of the network namespace n1 was collected earlier.');
  expect(text(mergeSnapshots(earlier, later, [1, 2]))).toEqual(['a', 'B']);
});

test('a snapshot of which everything was looked at stays what it is', () => {
  const later = snapshot(2n, { 1: 'A' });
  expect(keepKnown(snapshot(1n, { 1: 'a', 2: 'b' }), later)).toBe(later);
});
