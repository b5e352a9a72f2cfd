/** tshark's reading of the captures: one row a packet, up to the first 2000 of each. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

/** A row of a table by the names of its columns; a column that has no value is an empty string. */
export type Row = ReadonlyMap<string, string>;

/** One packet as tshark read it. */
export interface TruthRow {
  /** Values by Wireshark's field name, in wire order. Fields without a value are left out. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Wireshark's protocol names from the outside in, `frame.protocols`. */
  readonly protocols: readonly string[];
  /** Nanoseconds since 1970; 0 where the file has no time (pcapng simple packets). */
  readonly timeNs: bigint;
  readonly length: number;
  readonly capturedLength: number;
  /** tshark took the packet for malformed, so fields after that place are missing. */
  readonly malformed: boolean;
}

/** What is known of one capture. */
export interface Truth {
  readonly file: string;
  /** Packets in the whole file, counted by an independent reader. */
  readonly packets: number;
  /** Names of the fields that the rows may have values of. */
  readonly columns: readonly string[];
  readonly rows: readonly TruthRow[];
}

function readTable(file: string): Row[] {
  const bytes = readFileSync(file);
  const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const [head = '', ...lines] = text.split('\n');
  const names = head.split('\t');
  return lines.flatMap((line) => {
    const cells = line.split('\t');
    return line === '' ? [] : [new Map(names.map((name, index) => [name, cells[index] ?? '']))];
  });
}

function cell(row: Row, name: string): string {
  const value = row.get(name);
  if (value === undefined) throw new Error(`the truth has no column ${name}`);
  return value;
}

const nanosecondsPerSecond = 1_000_000_000n;

/** tshark prints a fraction that is out of range with more than nine digits; it counts nanoseconds all the same. */
function parseTime(text: string): bigint {
  const [seconds = '', fraction = ''] = text.split('.');
  // BigInt takes an empty text, of a packet without a time, as 0.
  return BigInt(seconds) * nanosecondsPerSecond + BigInt(fraction);
}

/** tshark 4.0 numbers a pcapng custom block as a frame without a time; a simple packet has none either, but protocols. */
function isCustomBlock(row: Row): boolean {
  return cell(row, 'frame.time_epoch') === '' && cell(row, 'frame.protocols') === 'data';
}

function toTruthRow(row: Row, malformed: boolean): TruthRow {
  const values = new Map<string, readonly string[]>();
  for (const [name, value] of row) {
    if (!name.startsWith('frame.') && value !== '') values.set(name, value.split(','));
  }
  return {
    values,
    protocols: cell(row, 'frame.protocols').split(':'),
    timeNs: parseTime(cell(row, 'frame.time_epoch')),
    length: Number(cell(row, 'frame.len')),
    capturedLength: Number(cell(row, 'frame.cap_len')),
    malformed,
  };
}

/** Reads what is known of every capture in a corpus's folder. */
export function readIndex(folder: string): readonly Row[] {
  return readTable(path.join(folder, 'truth', 'INDEX.tsv'));
}

/** Reads the rows of one capture. */
export function readTruth(folder: string, entry: Row): Truth {
  const analysisFile = cell(entry, 'analysis_tsv');
  const analysis = analysisFile === '' ? [] : readTable(path.join(folder, 'truth', analysisFile));
  const malformed = new Set(
    analysis.flatMap((row) => (cell(row, '_ws.malformed') === '' ? [] : [cell(row, 'frame.number')])),
  );
  const table = readTable(path.join(folder, 'truth', cell(entry, 'truth_tsv')));
  const columns = [...(table.at(0)?.keys() ?? [])].filter((name) => !name.startsWith('frame.'));
  const rows = table
    .filter((row) => !isCustomBlock(row))
    .map((row) => toTruthRow(row, malformed.has(cell(row, 'frame.number'))));
  return { file: cell(entry, 'file'), packets: Number(cell(entry, 'scan_packets')), columns, rows };
}
