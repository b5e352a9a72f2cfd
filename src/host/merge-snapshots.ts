/** A snapshot with some of its namespaces taken again. Pure. */

import type { Snapshot } from './snapshot.ts';

/**
 * Puts the namespaces of a later snapshot in the place of the same ones of an earlier one, and leaves out those that are
 * gone. It is as old as its oldest part.
 *
 * @param present Inode numbers of the namespaces that there are, in the order that they are to have.
 */
export function mergeSnapshots(earlier: Snapshot, later: Snapshot, present: readonly number[]): Snapshot {
  const byInode = new Map([...earlier.namespaces, ...later.namespaces].map((one) => [one.inode, one]));
  const processes = new Map([...earlier.processes, ...later.processes].map((one) => [one.pid, one]));
  return {
    takenNs: earlier.takenNs,
    namespaces: present.flatMap((inode) => byInode.get(inode) ?? []),
    processes: [...processes.values()],
    missing: [...new Set([...earlier.missing, ...later.missing])],
  };
}
