/** `nettrace demo [CASE]`: the cases that come with nettrace, one of which is opened like any other. */

import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asRecord, asRecords, parseJson } from '../host/parse/json.ts';
import { escapeText } from '../report/escape.ts';
import { WrongUsage } from './errors.ts';
import { replay } from './replay.ts';
import type { ShowOptions } from './show.ts';

/** The command line's options. */
export interface DemoOptions extends ShowOptions {
  readonly list?: true;
}

/** The case that is opened without a name: recorded on a host with a container engine. */
const usual = 'loopback-only-listener';
const shipped = fileURLToPath(new URL('../fixtures', import.meta.url));
const suffix = '.pcapng';

/** Files without their suffix, by the name that people type; the usual one first. */
function shippedCases(): Map<string, string> {
  const causes = readdirSync(`${shipped}/causes`).filter((file) => file.endsWith(suffix));
  const names = causes.map((file) => basename(file, suffix)).toSorted();
  return new Map([
    [usual, `${shipped}/${usual}`],
    ...names.map((name) => [name, `${shipped}/causes/${name}`] as const),
  ]);
}

/** What the diagnosis beside a case says of its first connection. */
function summaryOf(file: string): string {
  const document = asRecord(parseJson(readFileSync(`${file}.json`, 'utf8')));
  const [first] = asRecords(document?.['connections']) ?? [];
  const summary = first?.['summary'];
  return typeof summary === 'string' ? escapeText(summary) : '';
}

/** Opens the case of that name, or lists them all; an unknown name is wrong usage. */
export async function demo(name: string | undefined, { list, ...options }: DemoOptions): Promise<void> {
  const cases = shippedCases();
  if (list === true) {
    const width = Math.max(...[...cases.keys()].map(({ length }) => length));
    const lines = [...cases].map(([one, file]) => `${one.padEnd(width)}  ${summaryOf(file)}\n`);
    process.stdout.write(lines.join(''));
    return;
  }
  const file = cases.get(name ?? usual);
  if (file === undefined) {
    throw new WrongUsage([
      `nettrace: there is no shipped case '${name}'. There are:`,
      ...[...cases.keys()].map((one) => `  ${one}`),
    ]);
  }
  await replay([`${file}${suffix}`], options);
}
