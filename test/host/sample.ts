/** Snapshots for tests: recorded ones, and small ones made of outputs. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandOutput, Snapshot } from '../../src/host/snapshot.ts';

type RecordedSnapshot = Omit<Snapshot, 'takenNs'> & { readonly takenNs: string };

/** A snapshot recorded in namespaces by the collector itself. */
export function recordedSnapshot(name: string): Snapshot {
  const recorded: RecordedSnapshot = JSON.parse(
    readFileSync(join(import.meta.dirname, 'samples', `${name}.json`), 'utf8'),
  );
  return { ...recorded, takenNs: BigInt(recorded.takenNs) };
}

/** What a command printed when it succeeded. */
export function printed(command: string, text: string): CommandOutput {
  return { command, exitCode: 0, text, error: '' };
}

/** A snapshot of one namespace with these outputs. */
export function snapshotOf(outputs: readonly CommandOutput[], name = 'host'): Snapshot {
  return { takenNs: 0n, namespaces: [{ name, inode: 1, container: null, outputs }], processes: [], missing: [] };
}
