/** Snapshots of a host that goes on: some namespaces taken again, and what is known of those that gave nothing. Pure. */

import type { NamespaceSnapshot, Snapshot } from './snapshot.ts';
import { snapshotCommand } from './snapshot-commands.ts';
import { listWords } from './word-list.ts';

/** Every namespace has links: one without was not looked at. */
function isKnown({ outputs }: NamespaceSnapshot): boolean {
  return outputs.some(({ command, exitCode }) => command === snapshotCommand.links && exitCode === 0);
}

const processesOf = (...snapshots: readonly Snapshot[]): Snapshot['processes'] => [
  ...new Map(snapshots.flatMap(({ processes }) => processes).map((one) => [one.pid, one])).values(),
];

/**
 * The later snapshot, with the namespaces that could not be looked at as they were in the earlier one, which it says: a
 * collection that fails does not mean that the devices are gone. It is as old as its oldest part.
 */
export function keepKnown(earlier: Snapshot, later: Snapshot): Snapshot {
  const known = new Map(earlier.namespaces.filter(isKnown).map((one) => [one.inode, one]));
  const kept = new Map(
    later.namespaces.flatMap((one) => {
      const before = isKnown(one) ? undefined : known.get(one.inode);
      return before === undefined ? [] : [[one.inode, before] as const];
    }),
  );
  if (kept.size === 0) return later;
  const names = listWords([...kept.values()].map(({ name }) => name));
  const those = kept.size === 1 ? 'the network namespace' : 'the network namespaces';
  return {
    takenNs: earlier.takenNs,
    namespaces: later.namespaces.map((one) => kept.get(one.inode) ?? one),
    processes: processesOf(earlier, later),
    missing: [...later.missing, `What is said of ${those} ${names} was collected earlier.`],
  };
}

/**
 * Puts the namespaces of a later snapshot in the place of the same ones of an earlier one, and leaves out those that are
 * gone. One that could not be looked at again stays as it was, see `keepKnown`. It is as old as its oldest part.
 *
 * @param present Inode numbers of the namespaces that there are, in the order that they are to have.
 */
export function mergeSnapshots(earlier: Snapshot, later: Snapshot, present: readonly number[]): Snapshot {
  const again = keepKnown(earlier, later);
  const byInode = new Map([...earlier.namespaces, ...again.namespaces].map((one) => [one.inode, one]));
  return {
    takenNs: earlier.takenNs,
    namespaces: present.flatMap((inode) => byInode.get(inode) ?? []),
    processes: processesOf(earlier, again),
    missing: [...new Set([...earlier.missing, ...again.missing])],
  };
}
