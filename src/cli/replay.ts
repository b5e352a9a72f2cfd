/** `nettrace replay FILE...` and `nettrace demo`: saved cases or captures, without root and without starting anything. */

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nameOf, readCaptures, readCase, sizeOf } from './captures.ts';
import { readFilter } from './filter.ts';
import { browseIndexed, diagnoseChosen, writeIndexed } from './large-replay.ts';
import { OpenedIndex, openSource } from './opened-index.ts';
import { Opening } from './opening.ts';
import { Progress } from './progress.ts';
import { isTerminal, type ShowOptions, showCase } from './show.ts';

/** How captures are shown, and which of their connections. */
export interface ReplayOptions extends ShowOptions {
  readonly filter?: string;
}

/**
 * Bytes of a capture that is held as a whole, at some five times its size; of a larger one an index is. What is said of it is
 * the same either way.
 */
const largestWhole = 32 * 1024 * 1024;

/** `replay`. */
export async function replay(paths: readonly string[], options: ReplayOptions): Promise<void> {
  const filter = options.filter === undefined ? null : readFilter(options.filter);
  const [path, ...others] = paths;
  if (path === undefined || others.length > 0) {
    const { name, evidence } = await readCaptures(paths);
    await showCase(name, evidence, options, filter);
    return;
  }
  const source = await openSource(path);
  const name = basename(nameOf(path));
  const size = sizeOf(source.input);
  if (size !== null && size <= largestWhole) {
    await using small = source;
    await showCase(name, await readCase(path, small.input), options, filter);
    return;
  }
  const isBrowsed = options.json !== true && isTerminal();
  await using watcher = isBrowsed ? new Opening(name, options.color) : new Progress();
  await using opened = await OpenedIndex.read(path, source, watcher);
  if (opened.capture.index.bytes <= largestWhole) {
    await watcher.close();
    opened.remarkOnCase();
    const evidence = opened.whole();
    if (evidence !== null) await showCase(name, evidence, options, filter);
    return;
  }
  const shown = await diagnoseChosen(opened, filter, watcher);
  const isEmpty = shown.passing !== null && shown.diagnosis.length === 0;
  if (watcher instanceof Opening && !isEmpty) await browseIndexed(name, opened, shown, watcher);
  await watcher.close();
  // Said earlier it would be gone with the screen of the UI.
  opened.remarkOnCase();
  if (watcher instanceof Progress || isEmpty) await writeIndexed(shown, options);
}

const shippedCase = fileURLToPath(new URL('../fixtures/loopback-only-listener.pcapng', import.meta.url));

/** `demo`: the shipped case. */
export async function demo(options: ShowOptions): Promise<void> {
  await replay([shippedCase], options);
}
