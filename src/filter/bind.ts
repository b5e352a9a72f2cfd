/**
 * Conditions → a function of a frame. Where a frame's values come from is the caller's: a dissection, or the columns of
 * an index. What names a frame (`Row`) is the caller's too: a `Frame`, or its place in the columns.
 */

import type { Condition, OneNumberType } from './check.ts';
import { bytesText, readAddress, readHexBytes, readMacNumber } from './literal.ts';

/** A value as a decoder gives it (`Field.value`). */
export type Value = string | number | boolean;

/** Reads one number of a frame; NaN where the frame has none. */
export type NumberReader<Row> = (row: Row) => number;

/** Everything that a filter can ask of a frame. Each function is called once a filter, what it returns once a frame. */
export interface FrameFields<Row> {
  /** The fields whose values need no dissection (`frame.…`, `connection`); null for all others. Words as in columns. */
  number(name: string, word: number): NumberReader<Row> | null;
  /** All values of a field in a frame, in wire order. */
  values(name: string): (row: Row) => readonly Value[];
  /** The bytes of each layer of a protocol, from its header to the end of the frame; `frame` is one from the start. */
  bytes(protocol: string): (row: Row) => readonly Uint8Array[];
}

/** Numbers of headers that are at hand without a dissection. */
export interface HeaderColumns<Row> {
  /**
   * True when the columns hold every value that a dissection would give of the fields that they have. False for frames
   * with several headers of a kind (tunnels, what an ICMP error quotes) and broken ones: those are dissected.
   */
  complete(row: Row): boolean;
  /**
   * The reader of a field, null for one that has no column. Flags are 0 or 1, an IPv4 address is its 32 bits unsigned, an
   * IPv6 address four `word`s of 32 bits from the first, a time its seconds (word 0) and nanoseconds (word 1), a MAC
   * address its 48 bits. A protocol (`tcp`) is any number where it is there.
   */
  number(name: string, word: number): NumberReader<Row> | null;
}

/** Decides about one frame. */
export type FrameTest<Row> = (row: Row) => boolean;

/** How many numbers a value has. */
const wordCounts = { time: 2, ipv6: 4 } as const;

function toNumber(type: OneNumberType): (value: Value) => number {
  if (type === 'ipv4') return (value) => readAddress(4, String(value))?.[0] ?? Number.NaN;
  if (type === 'mac') return (value) => readMacNumber(String(value));
  return (value) => (typeof value === 'string' ? Number.NaN : Number(value));
}

/** Text of one character a byte, of a field whose value is hex. */
function hexText(value: Value): string {
  return readHexBytes(String(value)) ?? '';
}

/** A test, and whether it does without a dissection. */
interface Built<Row> {
  readonly test: FrameTest<Row>;
  readonly cheap: boolean;
}

class Binder<Row> {
  readonly #fields: FrameFields<Row>;
  readonly #columns: HeaderColumns<Row> | null;

  constructor(fields: FrameFields<Row>, columns: HeaderColumns<Row> | null) {
    this.#fields = fields;
    this.#columns = columns;
  }

  build(condition: Condition): Built<Row> {
    switch (condition.kind) {
      case 'and':
      case 'or':
      case 'xor':
        return this.#joined(condition);
      case 'not': {
        const { test, cheap } = this.build(condition.condition);
        return { test: (row) => !test(row), cheap };
      }
      case 'present':
        return this.#present(condition);
      case 'number':
        return this.#number(condition);
      case 'words':
        return this.#words(condition);
      case 'text':
        break;
    }
    return { test: this.#text(condition), cheap: false };
  }

  #reader(name: string, word = 0): NumberReader<Row> | null {
    return this.#fields.number(name, word) ?? this.#columns?.number(name, word) ?? null;
  }

  #joined({ kind, conditions }: Extract<Condition, { kind: 'and' | 'or' | 'xor' }>): Built<Row> {
    // A condition has no effect but its answer: those that need no dissection go first and often spare it.
    const built = conditions.map((one) => this.build(one)).sort((a, b) => Number(b.cheap) - Number(a.cheap));
    const cheap = built.every((one) => one.cheap);
    const tests = built.map(({ test }) => test);
    if (kind === 'xor') return { test: (row) => tests.filter((test) => test(row)).length % 2 === 1, cheap };
    const test: FrameTest<Row> =
      kind === 'and' ? (row) => tests.every((one) => one(row)) : (row) => tests.some((one) => one(row));
    return { test, cheap };
  }

  #present({ name, type }: Extract<Condition, { kind: 'present' }>): Built<Row> {
    const read = this.#reader(name);
    if (read !== null) return { test: (row) => !Number.isNaN(read(row)), cheap: true };
    const all = type === 'protocol' ? this.#fields.bytes(name) : this.#fields.values(name);
    return { test: (row) => all(row).length > 0, cheap: false };
  }

  #number({ name, type, mask, accepts }: Extract<Condition, { kind: 'number' }>): Built<Row> {
    // NaN & mask is 0, which a mask may well accept.
    const bits = (value: number): number => (Number.isNaN(value) || mask === null ? value : (value & mask) >>> 0);
    const accepted = mask === null ? accepts : (value: number): boolean => accepts(bits(value));
    const read = this.#reader(name);
    if (read !== null) return { test: (row) => accepted(read(row)), cheap: true };
    const values = this.#fields.values(name);
    const number = toNumber(type);
    return { test: (row) => values(row).some((value) => accepted(number(value))), cheap: false };
  }

  #words({ name, type, accepts }: Extract<Condition, { kind: 'words' }>): Built<Row> {
    const readers = Array.from({ length: wordCounts[type] }, (_, word) => this.#reader(name, word)).filter(
      (reader) => reader !== null,
    );
    const [first] = readers;
    if (first !== undefined && readers.length === wordCounts[type]) {
      const words = readers.map(() => 0);
      const test: FrameTest<Row> = (row) => {
        if (Number.isNaN(first(row))) return false;
        for (const [word, read] of readers.entries()) words[word] = read(row);
        return accepts(words);
      };
      return { test, cheap: true };
    }
    const values = this.#fields.values(name);
    const test: FrameTest<Row> = (row) =>
      values(row).some((value) => {
        const words = readAddress(6, String(value));
        return words !== null && accepts(words);
      });
    return { test, cheap: false };
  }

  #text({ name, type, slice, accepts }: Extract<Condition, { kind: 'text' }>): FrameTest<Row> {
    const { from, length } = slice ?? { from: 0, length: null };
    const part = (text: string): string | null => {
      if (slice === null) return text;
      // A part that is not there in full is not there.
      const end = length === null ? text.length : from + length;
      return text.length > from && text.length >= end ? text.slice(from, end) : null;
    };
    const accepted = (text: string): boolean => {
      const found = part(text);
      return found !== null && accepts(found);
    };
    if (type === 'protocol') {
      const layers = this.#fields.bytes(name);
      const end = length === null ? undefined : from + length;
      if (slice === null) return (row) => layers(row).some((bytes) => accepts(bytesText(bytes)));
      return (row) => layers(row).some((bytes) => accepted(bytesText(bytes.subarray(0, end))));
    }
    const values = this.#fields.values(name);
    const text = type === 'string' ? String : hexText;
    return (row) => values(row).some((value) => accepted(text(value)));
  }
}

/** The test of frames whose values these are. */
export function bind<Row>(
  condition: Condition,
  fields: FrameFields<Row>,
  columns: HeaderColumns<Row> | null,
): FrameTest<Row> {
  const exact = new Binder(fields, null).build(condition);
  if (columns === null || exact.cheap) return exact.test;
  const quick = new Binder(fields, columns).build(condition).test;
  return (row) => (columns.complete(row) ? quick(row) : exact.test(row));
}
