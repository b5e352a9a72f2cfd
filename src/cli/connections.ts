/** `nettrace connections FILE`: the connection table of a capture, whatever its size. */

import type { Filter } from '../filter/filter.ts';
import { indexColumns, indexFields } from '../index/filter-columns.ts';
import {
  columnWidths,
  connectionJson,
  connectionLine,
  headingLine,
  type NumberedConnection,
} from '../report/connections.ts';
import { connectionFacts, readFilter } from './filter.ts';
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

/** The numbers of the connections that have a packet that the filter accepts; all without a filter. */
function* chosen(opened: OpenedIndex, filter: Filter | null): Generator<number> {
  const { capture } = opened;
  const { index, numbers } = capture;
  const accepted = new Uint8Array(numbers.count + 1);
  if (filter === null) accepted.fill(1);
  else {
    const test = filter.bind(indexFields(capture, connectionFacts(opened, filter)), indexColumns(index));
    for (let row = 0; row < index.packets.count; row += 1) {
      const number = numbers.numberOf(capture.idOf(row));
      if (accepted[number] === 0 && number !== 0 && test(row)) accepted[number] = 1;
    }
  }
  for (let number = 1; number <= numbers.count; number += 1) if (accepted[number] === 1) yield number;
}

function* numbered(opened: OpenedIndex, filter: Filter | null): Generator<NumberedConnection> {
  for (const number of chosen(opened, filter)) {
    yield { number, connection: opened.capture.numbers.summary(number) };
  }
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
  const filter = options.filter === undefined ? null : readFilter(options.filter);
  await using opened = await OpenedIndex.open(path);
  const { index, numbers } = opened.capture;
  const rows = numbered(opened, filter);
  const sinceNs = numbers.count === 0 ? 0 : numbers.summary(1).firstNs;
  await writeAll(options.json ? jsonLines(rows, index.firstSecond) : tableLines(rows, sinceNs));
  opened.remark();
}
