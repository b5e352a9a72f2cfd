import { expect, test } from 'vitest';
import { mergeSnapshots } from '../../src/host/merge-snapshots.ts';
import type { Snapshot } from '../../src/host/snapshot.ts';

function snapshot(takenNs: bigint, texts: Readonly<Record<number, string>>, pids: readonly number[] = []): Snapshot {
  return {
    takenNs,
    namespaces: Object.entries(texts).map(([inode, text]) => ({
      name: `n${inode}`,
      inode: Number(inode),
      container: null,
      outputs: [{ command: 'ip', exitCode: 0, text, error: '' }],
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
