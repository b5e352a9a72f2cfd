/** `nettrace connections FILE`: the connection table of a capture, whatever its size. */

import {
  columnWidths,
  connectionJson,
  connectionLine,
  headingLine,
  type NumberedConnection,
} from '../report/connections.ts';
import { OpenedIndex } from './opened-index.ts';
import { writeAll } from './output.ts';

/** The command line's options. */
export interface ConnectionsOptions {
  readonly json?: true;
  /** Which packets a connection is to have one of. */
  readonly filter?: string;
}

/** Columns are as wide as the first rows need; a longer cell shifts its own line. */
const measuredRows = 500;

function* all({ capture }: OpenedIndex): Generator<number> {
  for (let number = 1; number <= capture.numbers.count; number += 1) yield number;
}

function* numbered(opened: OpenedIndex, chosen: Iterable<number>): Generator<NumberedConnection> {
  for (const number of chosen) yield { number, connection: opened.capture.numbers.summary(number) };
}

function* tableLines(rows: Generator<NumberedConnection>, sinceNs: number): Generator<string> {
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

function* jsonLines(rows: Iterable<NumberedConnection>, firstSecond: number): Generator<string> {
  for (const { number, connection } of rows) yield connectionJson(connection, number, firstSecond);
}

/** Prints the table, or NDJSON; what the capture lacks is said on standard error. */
export async function connections(path: string, options: ConnectionsOptions): Promise<void> {
  const choose =
    options.filter === undefined ? all : (await import('./chosen-connections.ts')).readChoice(options.filter);
  await using opened = await OpenedIndex.open(path);
  const { index, numbers } = opened.capture;
  const rows = numbered(opened, choose(opened));
  const sinceNs = numbers.count === 0 ? 0 : numbers.summary(1).firstNs;
  await writeAll(options.json ? jsonLines(rows, index.firstSecond) : tableLines(rows, sinceNs));
  opened.remark();
}
