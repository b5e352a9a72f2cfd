/** `nettrace replay FILE...`: saved cases or captures, without root and without starting anything. */

import { basename } from 'node:path';
import type { Case } from '../case/evidence.ts';
import type { Filter } from '../filter/filter.ts';
import { UserError } from './errors.ts';
import { readFilter } from './filter.ts';
import { Progress } from './progress.ts';
import { nameOf, readCaptures, readCase, remark, sizeOf } from './saved/captures.ts';
import { browseIndexed, diagnoseChosen, writeIndexed } from './saved/large-replay.ts';
import { OpenedIndex, openSource } from './saved/opened-index.ts';
import { Opening } from './saved/opening.ts';
import { withSnapshot } from './saved/with-snapshot.ts';
import { type ShowOptions, showCase } from './show.ts';
import { failureStatus, hasFailed } from './status.ts';
import { isTerminal } from './terminal.ts';

/** How captures are shown, and which of their connections. */
export interface ReplayOptions extends ShowOptions {
  readonly filter?: string;
  readonly snapshot?: string;
  readonly fail?: true;
}

/**
 * Bytes of a capture that is held as a whole, at some five times its size; of a larger one an index is. What is said of it is
 * the same either way.
 */
const largestWhole = 32 * 1024 * 1024;

/** Shows a case that is held as a whole. */
async function replayWhole(name: string, evidence: Case, options: ReplayOptions, filter: Filter | null): Promise<void> {
  const { evidence: whole, problem } = await withSnapshot(name, evidence, options.snapshot);
  if (problem !== null) remark(name, problem);
  const shown = await showCase(name, whole, options, filter);
  if (options.fail && hasFailed(shown)) process.exitCode = failureStatus;
}

/** Shows a capture by its index. */
async function replayIndexed(
  opened: OpenedIndex,
  watcher: Opening | Progress,
  options: ReplayOptions,
  filter: Filter | null,
): Promise<void> {
  const name = basename(opened.name);
  const { capture, around } = opened;
  const placed = await withSnapshot(name, { ...around, frames: capture.frames() }, options.snapshot);
  const shown = await diagnoseChosen(opened, placed.evidence, filter, watcher);
  const isEmpty = shown.passing !== null && shown.diagnosis.length === 0;
  if (watcher instanceof Opening && !isEmpty) await browseIndexed(name, opened, shown, watcher);
  await watcher.close();
  // Said earlier it would be gone with the screen of the UI.
  opened.remarkOnCase();
  if (placed.problem !== null) remark(name, placed.problem);
  if (watcher instanceof Progress || isEmpty) await writeIndexed(shown, options);
  // Failed connections come first.
  if (options.fail && hasFailed({ connections: [...shown.diagnosis.told().take(1)] })) process.exitCode = failureStatus;
}

/** `replay`. */
export async function replay(paths: readonly string[], options: ReplayOptions): Promise<void> {
  if (options.snapshot === '-' && paths.includes('-')) throw new UserError('standard input can be read once only');
  const filter = options.filter === undefined ? null : readFilter(options.filter);
  const [path, ...others] = paths;
  if (path === undefined || others.length > 0) {
    const { name, evidence } = await readCaptures(paths);
    await replayWhole(name, evidence, options, filter);
    return;
  }
  const source = await openSource(path);
  const name = basename(nameOf(path));
  const size = sizeOf(source.input);
  if (size !== null && size <= largestWhole) {
    await using small = source;
    await replayWhole(name, await readCase(path, small.input), options, filter);
    return;
  }
  const isBrowsed = options.json !== true && options.teach !== true && isTerminal();
  await using watcher = isBrowsed ? new Opening(name, options.color) : new Progress();
  await using opened = await OpenedIndex.read(path, source, watcher);
  if (opened.capture.index.bytes > largestWhole) {
    await replayIndexed(opened, watcher, options, filter);
    return;
  }
  await watcher.close();
  opened.remarkOnCase();
  const evidence = opened.whole();
  if (evidence !== null) await replayWhole(name, evidence, options, filter);
}
