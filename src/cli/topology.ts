/** `nettrace topology`: how this host, or one of which there is a snapshot, is wired. */

import type { Snapshot } from '../host/snapshot.ts';
import { formatJson } from '../report/json.ts';
import { formatTopology } from '../report/topology.ts';
import { describeTopology } from '../topology/topology.ts';
import { openSnapshot } from './saved/open-snapshot.ts';

/** The command line's options. */
export interface TopologyOptions {
  readonly json?: true;
  readonly snapshot?: string;
}

async function stateHere(): Promise<Snapshot> {
  const { takeSnapshot } = await import('./snapshot.ts');
  return await takeSnapshot();
}

/** Writes the tree, or the document. */
export async function topology({ json, snapshot }: TopologyOptions): Promise<void> {
  const described = describeTopology(snapshot === undefined ? await stateHere() : await openSnapshot(snapshot));
  process.stdout.write(json ? formatJson(described) : formatTopology(described));
}
