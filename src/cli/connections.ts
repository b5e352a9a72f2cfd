/** `nettrace connections FILE`: the connection table of a capture, whatever its size. */

import { randomBytes } from 'node:crypto';
import { ConnectionNumbers } from '../index/connection-numbers.ts';
import { ConnectionPass } from '../index/connection-pass.ts';
import {
  columnWidths,
  connectionJson,
  connectionLine,
  headingLine,
  type NumberedConnection,
} from '../report/connections.ts';
import { UserError } from './errors.ts';
import { writeAll } from './output.ts';
import { Progress } from './progress.ts';
import { nameOf, openInput, sizeOf, whatStopped } from './saved/captures.ts';
import { feed, remarkOn } from './saved/feed.ts';

/** The command line's options. */
export interface ConnectionsOptions {
  readonly json?: true;
  /** Which packets a connection is to have one of. */
  readonly filter?: string;
}

/** Columns are as wide as the first rows need; a longer cell shifts its own line. */
const measuredRows = 500;

/** A complete table, and which of its connections are to be told of. */
interface Found {
  readonly numbers: ConnectionNumbers;
  /** The second that the connections count nanoseconds from. */
  readonly firstSecond: number;
  readonly chosen: Iterable<number>;
}

function* upTo(last: number): Generator<number> {
  for (let number = 1; number <= last; number += 1) yield number;
}

function* numbered({ numbers, chosen }: Found): Generator<NumberedConnection> {
  for (const number of chosen) yield { number, connection: numbers.summary(number) };
}

function* tableLines(found: Found): Generator<string> {
  const rows = numbered(found);
  const sinceNs = found.numbers.count === 0 ? 0 : found.numbers.summary(1).firstNs;
  const measured: NumberedConnection[] = [];
  for (let next = rows.next(); next.done !== true; next = rows.next()) {
    measured.push(next.value);
    if (measured.length === measuredRows) break;
  }
  const widths = columnWidths(measured, sinceNs);
  yield headingLine(widths);
  for (const row of measured) yield connectionLine(row, sinceNs, widths);
  for (const row of rows) yield connectionLine(row, sinceNs, widths);
}

function* jsonLines(found: Found): Generator<string> {
  for (const { number, connection } of numbered(found)) yield connectionJson(connection, number, found.firstSecond);
}

async function print(found: Found, json: true | undefined): Promise<void> {
  await writeAll(json ? jsonLines(found) : tableLines(found));
}

/** All connections: nothing need be kept of single packets. */
async function printAll(path: string, json: true | undefined): Promise<void> {
  await using input = await openInput(path);
  await using pass = new ConnectionPass(randomBytes(4).readInt32LE(), sizeOf(input) ?? 0);
  {
    using progress = new Progress();
    await feed(path, input, input.chunks(), pass, progress);
  }
  const table = await pass.end();
  const { error, firstSecond } = pass;
  const stopped = whatStopped(input.problem, input.compression, error);
  if (error !== null && error.kind !== 'damaged') throw new UserError(`cannot read ${nameOf(path)}: ${stopped}`);
  const numbers = new ConnectionNumbers(table);
  await print({ numbers, firstSecond, chosen: upTo(numbers.count) }, json);
  remarkOn(nameOf(path), stopped, table);
}

/** Prints the table, or NDJSON; what the capture lacks is said on standard error. */
export async function connections(path: string, { json, filter }: ConnectionsOptions): Promise<void> {
  if (filter === undefined) {
    await printAll(path, json);
    return;
  }
  const choose = (await import('./saved/chosen-connections.ts')).readChoice(filter);
  const { OpenedIndex } = await import('./saved/opened-index.ts');
  await using opened = await OpenedIndex.open(path);
  const { index, numbers } = opened.capture;
  await print({ numbers, firstSecond: index.firstSecond, chosen: await choose(opened) }, json);
  opened.remark();
}
