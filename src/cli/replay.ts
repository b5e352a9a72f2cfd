/** `nettrace replay FILE...` and `nettrace demo`: saved cases or captures, without root and without starting anything. */

import { fileURLToPath } from 'node:url';
import { readCaptures } from './captures.ts';
import { readFilter } from './filter.ts';
import { type ShowOptions, showCase } from './show.ts';

/** How captures are shown, and which of their connections. */
export interface ReplayOptions extends ShowOptions {
  readonly filter?: string;
}

/** `replay`. */
export async function replay(paths: readonly string[], options: ReplayOptions): Promise<void> {
  const filter = options.filter === undefined ? null : readFilter(options.filter);
  const { name, evidence } = await readCaptures(paths);
  await showCase(name, evidence, options, filter);
}

const shippedCase = fileURLToPath(new URL('../fixtures/loopback-only-listener.pcapng', import.meta.url));

/** `demo`: the shipped case. */
export async function demo(options: ShowOptions): Promise<void> {
  await replay([shippedCase], options);
}
