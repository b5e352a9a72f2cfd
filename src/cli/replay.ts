/** `nettrace replay FILE` and `nettrace demo`: a saved case or capture, without root and without starting anything. */

import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeCaptureError } from '../capfile/capture-error.ts';
import { CaseReader } from '../capfile/case-file.ts';
import type { Case } from '../case/evidence.ts';
import { escapeText } from '../report/escape.ts';
import { errorText, UserError } from './errors.ts';
import { type ShowOptions, showCase } from './show.ts';

function nameOf(path: string): string {
  return path === '-' ? 'standard input' : path;
}

/** Reads a capture; what the file lacks is said on standard error. */
async function readCase(path: string): Promise<Case> {
  const name = nameOf(path);
  const reader = new CaseReader();
  const input: AsyncIterable<Uint8Array> = path === '-' ? process.stdin : createReadStream(path);
  try {
    for await (const chunk of input) {
      reader.push(chunk);
      // What follows the damage cannot be read, and may have no end (/dev/zero).
      if (reader.error !== null) break;
    }
  } catch (error) {
    throw new UserError(`cannot read ${name}: ${errorText(error)}`);
  }
  const evidence = reader.end();
  const said = reader.error === null ? null : describeCaptureError(reader.error);
  if (evidence === null) throw new UserError(`cannot read ${name}: ${said ?? 'it is no capture'}`);
  for (const problem of [...(said === null ? [] : [said]), ...reader.problems]) {
    process.stderr.write(`nettrace: ${escapeText(name)}: ${escapeText(problem)}\n`);
  }
  return evidence;
}

/** `replay`. */
export async function replay(path: string, options: ShowOptions): Promise<void> {
  await showCase(basename(nameOf(path)), await readCase(path), options);
}

const shippedCase = fileURLToPath(new URL('../fixtures/loopback-only-listener.pcapng', import.meta.url));

/** `demo`: the shipped case. */
export async function demo(options: ShowOptions): Promise<void> {
  await replay(shippedCase, options);
}
