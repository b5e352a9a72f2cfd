/** `nettrace replay FILE...` and `nettrace demo`: saved cases or captures, without root and without starting anything. */

import { fileURLToPath } from 'node:url';
import { readCaptures } from './captures.ts';
import { type ShowOptions, showCase } from './show.ts';

/** `replay`. */
export async function replay(paths: readonly string[], options: ShowOptions): Promise<void> {
  const { name, evidence } = await readCaptures(paths);
  await showCase(name, evidence, options);
}

const shippedCase = fileURLToPath(new URL('../fixtures/loopback-only-listener.pcapng', import.meta.url));

/** `demo`: the shipped case. */
export async function demo(options: ShowOptions): Promise<void> {
  await replay([shippedCase], options);
}
