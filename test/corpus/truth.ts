/** tshark's reading of the captures: one row a packet, up to the first 2000 of each. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

/** A row of a table by the names of its columns; a column that has no value is an empty string. */
type Row = ReadonlyMap<string, string>;

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
}

/** A capture of the corpus. */
export interface Entry {
  readonly file: string;
  /** Packets in the whole file, counted by an independent reader. */
  readonly packets: number;
  /** The file with tshark's rows, within the folder of the truth. */
  readonly truthFile: string;
}

/** What tshark read from one capture. */
export interface Truth {
  /** Names of the fields that the rows may have values of; none when tshark refused the file. */
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

function toTruthRow(row: Row): TruthRow {
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
  };
}

const truthFolder = 'truth';

/** The table of a corpus's captures, within its folder. */
export const indexFile = path.join(truthFolder, 'INDEX.tsv');

/** Lists the captures of the corpus in a folder. */
export function readIndex(folder: string): readonly Entry[] {
  return readTable(path.join(folder, indexFile)).map((row) => ({
    file: cell(row, 'file'),
    packets: Number(cell(row, 'scan_packets')),
    truthFile: cell(row, 'truth_tsv'),
  }));
}

/** Reads the rows of one capture. */
export function readTruth(folder: string, { truthFile }: Entry): Truth {
  const table = readTable(path.join(folder, truthFolder, truthFile));
  const columns = [...(table.at(0)?.keys() ?? [])].filter((name) => !name.startsWith('frame.'));
  return { columns, rows: table.filter((row) => !isCustomBlock(row)).map(toTruthRow) };
}
