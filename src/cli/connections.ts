/** `nettrace connections FILE`: the connection table of a capture, whatever its size. */

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { type CaptureFileError, describeCaptureError } from '../capfile/capture-error.ts';
import type { Connections } from '../flow/connection-table.ts';
import { type ConnectionSummary, summarizeConnection } from '../flow/summary.ts';
import { findTranslations } from '../flow/translation.ts';
import { ConnectionPass } from '../index/connection-pass.ts';
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

/** What the pass over a capture found. */
interface Found {
  readonly connections: Connections;
  /** The second that the connections count nanoseconds from. */
  readonly firstSecond: number;
  readonly error: CaptureFileError | null;
}

async function readConnections(path: string): Promise<Found> {
  try {
    const size = path === '-' ? null : await fileSize(path);
    await using pass = new ConnectionPass(randomBytes(4).readInt32LE(), size ?? 0);
    using progress = new Progress(size);
    const take = async (chunk: Uint8Array): Promise<void> => {
      await pass.push(chunk);
      progress.show(pass.bytes);
    };
    if (path === '-') for await (const chunk of process.stdin) await take(chunk);
    else await readChunks(path, take);
    return { connections: await pass.end(), firstSecond: pass.firstSecond, error: pass.error };
  } catch (error) {
    throw new UserError(`cannot read ${path === '-' ? 'standard input' : path}: ${errorText(error)}`);
  }
}

/** Connections in the order in which they began; what NAT split in two is one. */
function* summaries({ connections: table }: Found): Generator<ConnectionSummary> {
  const translations = findTranslations(table);
  const later = new Set(translations.values());
  for (let id = 0; id < table.rows.count; id += 1) {
    if (!later.has(id)) yield summarizeConnection(table, id, translations.get(id));
  }
}

function* tableLines(found: Found): Generator<string> {
  const rows = summaries(found);
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

function* jsonLines(found: Found): Generator<string> {
  let number = 0;
  for (const row of summaries(found)) {
    number += 1;
    yield connectionJson(row, number, found.firstSecond);
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
  const found = await readConnections(path);
  const name = path === '-' ? 'standard input' : path;
  const { error } = found;
  if (error !== null && error.kind !== 'damaged')
    throw new UserError(`cannot read ${name}: ${describeCaptureError(error)}`);
  await writeLines(json ? jsonLines(found) : tableLines(found));
  const { untracked } = found.connections;
  const problems = [
    ...(error === null ? [] : [describeCaptureError(error)]),
    ...(untracked === 0
      ? []
      : [`${untracked} packets are counted in no connection here: there are more than fit into memory`]),
  ];
  for (const problem of problems) process.stderr.write(`nettrace: ${escapeText(name)}: ${escapeText(problem)}\n`);
}
