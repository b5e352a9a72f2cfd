/** `nettrace replay FILE...` and `nettrace demo`: saved cases or captures, without root and without starting anything. */

import { fileURLToPath } from 'node:url';
import type { Case } from '../case/evidence.ts';
import { joinSnapshot } from '../case/join-snapshot.ts';
import { readCaptures, remark } from './captures.ts';
import { UserError } from './errors.ts';
import { readFilter } from './filter.ts';
import { type ShowOptions, showCase } from './show.ts';
import { failureStatus, hasFailed } from './status.ts';

/** How captures are shown, and which of their connections. */
export interface ReplayOptions extends ShowOptions {
  readonly filter?: string;
  readonly snapshot?: string;
  readonly fail?: true;
}

/** The case with the state of its host from another file. Throws a UserError where it has one of its own. */
async function withSnapshot(name: string, evidence: Case, path: string): Promise<Case> {
  // What is left of a recording that was killed has a snapshot of nothing.
  if (evidence.snapshot !== null && evidence.snapshot.namespaces.length > 0) {
    throw new UserError(
      `${name} holds the state of its host, taken with its frames: --snapshot would replace it. Leave that out.`,
    );
  }
  const { openSnapshot } = await import('./open-snapshot.ts');
  const joined = joinSnapshot(evidence, await openSnapshot(path));
  if ('evidence' in joined) return joined.evidence;
  remark(name, joined.problem);
  return evidence;
}

/** `replay`. */
export async function replay(paths: readonly string[], options: ReplayOptions): Promise<void> {
  const { snapshot, fail } = options;
  if (snapshot === '-' && paths.includes('-')) throw new UserError('standard input can be read once only');
  const filter = options.filter === undefined ? null : readFilter(options.filter);
  const { name, evidence } = await readCaptures(paths);
  const whole = snapshot === undefined ? evidence : await withSnapshot(name, evidence, snapshot);
  const shown = await showCase(name, whole, options, filter);
  if (fail && hasFailed(shown)) process.exitCode = failureStatus;
}

const shippedCase = fileURLToPath(new URL('../fixtures/loopback-only-listener.pcapng', import.meta.url));

/** `demo`: the shipped case. */
export async function demo(options: ShowOptions): Promise<void> {
  await replay([shippedCase], options);
}
