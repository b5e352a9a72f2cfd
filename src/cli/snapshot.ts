/** `nettrace snapshot`: the host's state in one JSON document. */

import { encodeSnapshot } from '../capfile/snapshot-file.ts';
import { collectSnapshot } from '../host/collect.ts';
import { listContainers } from '../host/containers.ts';
import { findNamespaces } from '../host/namespaces.ts';
import type { Snapshot } from '../host/snapshot.ts';
import { escapeText } from '../report/escape.ts';
import { escapeJson } from '../report/json.ts';
import { checkSavable, saveParts } from './save.ts';

/** The command line's options. */
export interface SnapshotOptions {
  readonly output?: string;
}

/** The state of this host, now. What could not be had is in its `missing`. */
async function takeSnapshot(): Promise<Snapshot> {
  // Somebody else's engine would answer for that user's own, and make its directories in that user's home.
  const isRoot = process.getuid?.() === 0;
  const { containers, missing } = isRoot ? await listContainers() : { containers: [], missing: [] };
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
  try {
    return await collectSnapshot(within, { missing: [...missing, ...set.missing, ...unentered] });
  } finally {
    set.dispose();
  }
}

/** Says what a snapshot lacks on standard error. */
function tellMissing(subject: string, { missing }: Snapshot): void {
  for (const sentence of missing) process.stderr.write(`nettrace: ${subject}: ${escapeText(sentence)}\n`);
}

/** Collects the snapshot and writes it. */
export async function snapshot({ output }: SnapshotOptions): Promise<void> {
  if (output !== undefined) checkSavable(output);
  const taken = await takeSnapshot();
  tellMissing('snapshot', taken);
  if (output === undefined) for (const piece of encodeSnapshot(taken)) process.stdout.write(escapeJson(piece));
  else saveParts(output, encodeSnapshot(taken));
}
