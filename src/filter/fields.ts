/** The fields that a filter may name: those of the decoders, the frame's own, nettrace's, and names that stand for two. */

import { decodedFields, type FieldType } from './field-table.ts';

/** A name that a filter may use. */
export interface FilterField {
  readonly name: string;
  readonly type: FieldType;
  /** The fields that are asked: itself, or both sides of an alias (`tcp.port`: `tcp.srcport` and `tcp.dstport`). */
  readonly parts: readonly string[];
  /** The only values that it has, where they are few. */
  readonly words?: readonly string[];
}

/** Outcomes of a connection, `docs/json.md`. */
const outcomes = [
  'ok',
  'refused',
  'unreachable',
  'timeout',
  'reset',
  'closed',
  'stalled',
  'dns-failed',
  'tls-failed',
  'unknown',
];

const ownFields: readonly (readonly [name: string, type: FieldType, words?: readonly string[]])[] = [
  ['frame', 'protocol'],
  ['frame.number', 'number'],
  ['frame.len', 'number'],
  ['frame.cap_len', 'number'],
  ['frame.time_epoch', 'time'],
  ['frame.time_relative', 'time'],
  ['netns', 'string'],
  ['interface', 'string'],
  ['connection', 'number'],
  ['verdict', 'string', outcomes],
  ['cause', 'string'],
];

const aliases: readonly (readonly [name: string, parts: readonly [string, string]])[] = [
  ['eth.addr', ['eth.src', 'eth.dst']],
  ['ip.addr', ['ip.src', 'ip.dst']],
  ['ipv6.addr', ['ipv6.src', 'ipv6.dst']],
  ['tcp.port', ['tcp.srcport', 'tcp.dstport']],
  ['udp.port', ['udp.srcport', 'udp.dstport']],
];

function* decoded(): Generator<FilterField> {
  const types = ['number', 'boolean', 'ipv4', 'ipv6', 'mac', 'string', 'bytes'] as const;
  for (const [protocol, fields] of Object.entries(decodedFields)) {
    yield { name: protocol, type: 'protocol', parts: [protocol] };
    for (const type of types) {
      for (const short of fields[type]?.split(' ') ?? []) {
        const name = `${protocol}.${short}`;
        yield { name, type, parts: [name] };
      }
    }
  }
}

function collect(): ReadonlyMap<string, FilterField> {
  const fields = new Map<string, FilterField>();
  for (const field of decoded()) fields.set(field.name, field);
  for (const [name, type, words] of ownFields) {
    fields.set(name, { name, type, parts: [name], ...(words === undefined ? {} : { words }) });
  }
  for (const [name, parts] of aliases) {
    const type = fields.get(parts[0])?.type;
    if (type !== undefined) fields.set(name, { name, type, parts });
  }
  return fields;
}

/** Every field by its name. */
export const filterFields = collect();

/** Edits (a character inserted, deleted, replaced, or swapped with its neighbour) that turn one word into another. */
function editDistance(from: string, to: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const swapped = isSwap ? (before[j - 2] ?? 0) + 1 : Infinity;
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    [before, row] = [row, next];
  }
  return row.at(-1) ?? 0;
}

/** A word is no misspelling of another that is further away than this, or than half its own length. */
const furthest = 3;

/** The word of a list that a misspelt one is nearest to; null when none is near. */
export function nearestWord(misspelt: string, words: Iterable<string>): string | null {
  const lower = misspelt.toLowerCase();
  let best: string | null = null;
  let least = Math.min(furthest, Math.floor(misspelt.length / 2)) + 1;
  for (const word of words) {
    if (Math.abs(word.length - lower.length) >= least) continue;
    const distance = editDistance(lower, word);
    if (distance < least) [best, least] = [word, distance];
  }
  return best;
}
