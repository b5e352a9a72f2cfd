/** Asks every filter on a column of the index twice: by the rows, and by dissection alone. */

import { CaptureIndex } from '../../src/index/capture-index.ts';
import { indexColumns, indexFields } from '../../src/index/filter-columns.ts';
import { IndexedCapture } from '../../src/index/indexed-capture.ts';
import { filterOf } from '../filter/ask.ts';

/** A capture's bytes, indexed. */
export function indexed(file: Uint8Array): IndexedCapture {
  const index = new CaptureIndex();
  index.push(file);
  index.end();
  return new IndexedCapture(index, (offset, length) => file.subarray(offset, offset + length));
}

/** The fields that have a column. */
export const columnNames = [
  'ip',
  'ipv6',
  'tcp',
  'udp',
  'icmp',
  'icmpv6',
  'ip.src',
  'ip.dst',
  'ipv6.src',
  'ipv6.dst',
  'tcp.srcport',
  'tcp.dstport',
  'udp.srcport',
  'udp.dstport',
  'tcp.flags',
  ...['fin', 'syn', 'reset', 'push', 'ack', 'urg', 'ece', 'cwr'].map((flag) => `tcp.flags.${flag}`),
];

const aliases: Readonly<Record<string, string>> = {
  'ip.src': 'ip.addr',
  'ipv6.dst': 'ipv6.addr',
  'tcp.srcport': 'tcp.port',
  'udp.dstport': 'udp.port',
};

/** Values of a field that are asked for: a large capture has many alike. */
const mostValues = 8;
/** Packets that are looked at: each is dissected, and then asked some hundred filters. */
const mostRows = 1500;

/** The values that occur in these packets, of each column. */
function occurring(capture: IndexedCapture): Map<string, Set<string>> {
  const fields = indexFields(capture, () => null);
  const columns = columnNames.map((name) => ({ name, read: fields.values(name), values: new Set<string>() }));
  for (let row = 0; row < Math.min(capture.index.packets.count, mostRows); row += 1) {
    for (const { read, values } of columns) {
      for (const value of read(row)) if (values.size < mostValues) values.add(String(value));
    }
  }
  return new Map(columns.map(({ name, values }) => [name, values]));
}

/** Filters that these packets give reason to: presence, and values that occur. */
function* filters(capture: IndexedCapture): Generator<string> {
  for (const [name, values] of occurring(capture)) {
    yield name;
    yield `!${name}`;
    for (const value of values) {
      yield `${name} == ${value}`;
      yield `${name} != ${value}`;
      const alias = aliases[name];
      if (alias !== undefined) yield `${alias} == ${value} || frame.len < 40`;
    }
  }
}

/** What the rows say otherwise than dissections: `FILTER: frame N`; and how many packets the rows answered alone. */
export function compareColumns(capture: IndexedCapture): { disagreements: string[]; plain: number } {
  const fields = indexFields(capture, () => null);
  const columns = indexColumns(capture.index);
  const rows = Array.from({ length: Math.min(capture.index.packets.count, mostRows) }, (_, row) => row);
  const disagreements: string[] = [];
  const asked = [...filters(capture)].map((text) => {
    const filter = filterOf(text);
    return { text, quick: filter.bind(fields, columns), exact: filter.bind(fields) };
  });
  // Row by row, because a dissection is remembered until another row is asked.
  for (const row of rows) {
    for (const { text, quick, exact } of asked) {
      if (quick(row) !== exact(row)) disagreements.push(`${text}: frame ${row + 1}`);
    }
  }
  return { disagreements, plain: rows.filter((row) => columns.complete(row)).length };
}
