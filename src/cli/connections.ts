/** `nettrace connections FILE`: the connection table of a capture, whatever its size. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { describeCaptureError } from '../capfile/capture-error.ts';
import { type ConnectionSummary, summarizeConnection } from '../flow/summary.ts';
import { findTranslations } from '../flow/translation.ts';
import { CaptureIndex } from '../index/capture-index.ts';
import { readChunks } from '../index/read-file.ts';
import { columnWidths, connectionJson, connectionLine, headingLine } from '../report/connections.ts';
import { escapeText } from '../report/escape.ts';
import { errorText, UserError } from './errors.ts';
import { Progress } from './progress.ts';

/** The command line's options. */
export interface ConnectionsOptions {
  readonly json?: true;
}

/** Text is handed to the stream in pieces of about this size. */
const pieceLength = 64 * 1024;
/** Columns are as wide as the first rows need; a longer cell shifts its own line. */
const measuredRows = 500;

async function fileSize(path: string): Promise<number | null> {
  const found = await stat(path);
  return found.isFile() ? found.size : null;
}

async function readIndex(path: string): Promise<CaptureIndex> {
  const index = new CaptureIndex(randomBytes(4).readInt32LE());
  try {
    using progress = new Progress(path === '-' ? null : await fileSize(path));
    const take = (chunk: Uint8Array): void => {
      index.push(chunk);
      progress.show(index.bytes);
    };
    if (path === '-') for await (const chunk of process.stdin) take(chunk);
    else await readChunks(path, take);
  } catch (error) {
    throw new UserError(`cannot read ${path === '-' ? 'standard input' : path}: ${errorText(error)}`);
  }
  index.end();
  return index;
}

/** Connections in the order in which they began; what NAT split in two is one. */
function* summaries({ connections: table }: CaptureIndex): Generator<ConnectionSummary> {
  const translations = findTranslations(table);
  const later = new Set(translations.values());
  for (let id = 0; id < table.rows.count; id += 1) {
    if (!later.has(id)) yield summarizeConnection(table, id, translations.get(id));
  }
}

function* tableLines(index: CaptureIndex): Generator<string> {
  const rows = summaries(index);
  const measured: ConnectionSummary[] = [];
  for (let next = rows.next(); next.done !== true; next = rows.next()) {
    measured.push(next.value);
    if (measured.length === measuredRows) break;
  }
  const sinceNs = measured[0]?.firstNs ?? 0;
  const widths = columnWidths(measured, sinceNs);
  yield headingLine(widths);
  for (const row of measured) yield connectionLine(row, sinceNs, widths);
  for (const row of rows) yield connectionLine(row, sinceNs, widths);
}

function* jsonLines(index: CaptureIndex): Generator<string> {
  let number = 0;
  for (const row of summaries(index)) {
    number += 1;
    yield connectionJson(row, number, index.firstSecond);
  }
}

async function writeLines(lines: Iterable<string>): Promise<void> {
  let piece = '';
  for (const line of lines) {
    piece += line;
    if (piece.length < pieceLength) continue;
    if (!process.stdout.write(piece)) await once(process.stdout, 'drain');
    piece = '';
  }
  process.stdout.write(piece);
}

/** Prints the table, or NDJSON; what the capture lacks is said on standard error. */
export async function connections(path: string, { json }: ConnectionsOptions): Promise<void> {
  const index = await readIndex(path);
  const name = path === '-' ? 'standard input' : path;
  const { error } = index;
  if (error !== null && error.kind !== 'damaged')
    throw new UserError(`cannot read ${name}: ${describeCaptureError(error)}`);
  await writeLines(json ? jsonLines(index) : tableLines(index));
  const { untracked } = index.connections;
  const problems = [
    ...(error === null ? [] : [describeCaptureError(error)]),
    ...(untracked === 0 ? [] : [`${untracked} packets are in no connection here: there are more than fit into memory`]),
  ];
  for (const problem of problems) process.stderr.write(`nettrace: ${escapeText(name)}: ${escapeText(problem)}\n`);
}
