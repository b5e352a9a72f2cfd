/** `nettrace snapshot`: the host's state in one JSON document. */

import { encodeSnapshot } from '../capfile/snapshot-file.ts';
import { collectSnapshot } from '../host/collect.ts';
import { listContainers } from '../host/containers.ts';
import { findNamespaces, type NamespaceSet } from '../host/namespaces.ts';
import type { Snapshot } from '../host/snapshot.ts';
import { escapeText } from '../report/escape.ts';
import { escapeJson } from '../report/json.ts';
import { checkSavable, saveParts } from './save.ts';

/** The command line's options. */
export interface SnapshotOptions {
  readonly output?: string;
}

/** This host's namespaces as far as this user may enter them, its own first; to be disposed of. */
export async function openNamespaces(): Promise<NamespaceSet & Disposable> {
  // Somebody else's engine would answer for that user's own, and make its directories in that user's home.
  const isRoot = process.getuid?.() === 0;
  const { containers, missing } = isRoot ? await listContainers() : { containers: [], missing: new Map() };
  const set = findNamespaces(containers);
  // Only root may enter another namespace: without it there is one failure less to wait for in each.
  const within = isRoot ? set.namespaces : set.namespaces.filter(({ own }) => own);
  const others = set.namespaces.length - within.length;
  const unentered =
    others === 0
      ? []
      : [
          `${others === 1 ? 'One network namespace was' : `${others} network namespaces were`} not entered: that needs root.`,
        ];
  const dispose = (): void => set.dispose();
  return {
    namespaces: within,
    missing: [...missing.values(), ...set.missing, ...unentered],
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** The state of this host, now. What could not be had is in its `missing`. */
export async function takeSnapshot(): Promise<Snapshot> {
  using set = await openNamespaces();
  // The children read through the descriptors: they are to be done before these close.
  return await collectSnapshot(set.namespaces, { missing: set.missing });
}

/** Says what a snapshot lacks on standard error. */
function tellMissing({ missing }: Snapshot): void {
  for (const sentence of missing) process.stderr.write(`nettrace: snapshot: ${escapeText(sentence)}\n`);
}

/** Collects the snapshot and writes it. */
export async function snapshot({ output }: SnapshotOptions): Promise<void> {
  if (output !== undefined) checkSavable(output);
  const taken = await takeSnapshot();
  tellMissing(taken);
  if (output === undefined) for (const piece of encodeSnapshot(taken)) process.stdout.write(escapeJson(piece));
  else saveParts(output, encodeSnapshot(taken));
}
