/**
 * A followed connection for people and pipes: as text, as a hex dump, or as the bytes themselves. `>` marks what the
 * client sent, `<` what the server sent. Lines come without their line feed, safe for a terminal.
 */

import type { Side, Stream, StreamItem } from '../flow/stream.ts';
import { escapeText } from './escape.ts';

/** One line of a followed connection: printable text. */
export interface StreamLine {
  /** Who sent it; null for a remark. */
  readonly from: Side | null;
  readonly text: string;
}

/** The sign of each side's lines. */
export const arrows: Readonly<Record<Side, string>> = { client: '>', server: '<' };
const sides: readonly Side[] = ['client', 'server'];

/** A line of a payload that is longer goes on in the next one; the whole of it need never be in memory. */
const longestLine = 1000;

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number} ${noun}s`;
}

function shownItems({ items }: Stream, from: Side | null): readonly StreamItem[] {
  return from === null ? items : items.filter((item) => item.from === from);
}

/** What stands in the stream beside bytes. */
function remark(item: Exclude<StreamItem, { kind: 'data' }>): StreamLine {
  return { from: null, text: remarkText(item) };
}

function remarkText(item: Exclude<StreamItem, { kind: 'data' }>): string {
  if (item.kind === 'end') {
    const what = item.by === 'fin' ? 'sends no more (FIN' : 'reset the connection (RST';
    return `[the ${item.from} ${what}, frame ${item.frameNumber})]`;
  }
  const bytes = count(item.length, 'byte');
  if (item.reason === 'cut') return `[${bytes} of the ${item.from} missing: the capture cut the frame short]`;
  return `[${bytes} of the ${item.from} missing: no captured frame holds them]`;
}

/** Contradicting frames that are named; the rest are counted. */
const mostNamed = 5;

/** What is to be known of the whole: repetitions, contradictions, and what was left out. */
function* remarks({ tally }: Stream, from: Side | null): Generator<StreamLine> {
  for (const text of remarkTexts(tally, from)) yield { from: null, text };
}

function* remarkTexts(tally: Stream['tally'], from: Side | null): Generator<string> {
  for (const side of sides.filter((one) => from === null || one === from)) {
    const { repeated, contradictingFrames: frames, leftOut } = tally[side];
    if (repeated > 0) yield `[the ${side} sent ${count(repeated, 'byte')} more than once; shown once]`;
    if (frames.length > 0) {
      const more = frames.length > mostNamed ? ` and ${frames.length - mostNamed} more` : '';
      const names = `${frames.length === 1 ? 'frame' : 'frames'} ${frames.slice(0, mostNamed).join(', ')}${more}`;
      yield `[the ${side} sent other bytes for what it had sent already (${names}); the first are shown]`;
    }
    if (leftOut > 0) yield `[${count(leftOut, 'byte')} of the ${side} left out: the stream is too long]`;
  }
}

/** Text of one side, cut into lines as it comes. */
class LineCutter {
  readonly #side: Side;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #rest = '';

  constructor(side: Side) {
    this.#side = side;
  }

  *push(bytes: Uint8Array): Generator<StreamLine> {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) yield* this.#lines(line.replace(/\r$/, ''), 0);
    // What is too long for a line does not wait for its end.
    yield* this.#lines(this.#rest, longestLine);
    this.#rest = this.#rest.slice(this.#rest.length - (this.#rest.length % longestLine));
  }

  /** The line that the other side interrupts, or that the stream ends in. */
  *break(): Generator<StreamLine> {
    if (this.#rest !== '') yield this.#line(this.#rest);
    this.#rest = '';
  }

  *#lines(text: string, least: number): Generator<StreamLine> {
    if (least === 0 && text === '') yield this.#line('');
    for (let at = 0; at < text.length && text.length - at >= least; at += longestLine) {
      yield this.#line(text.slice(at, at + longestLine));
    }
  }

  #line(text: string): StreamLine {
    return { from: this.#side, text: escapeText(text) };
  }
}

/**
 * The stream as lines of text, decoded as UTF-8: what is not is shown as U+FFFD, controls are escaped, and the CR of CR LF
 * is left out.
 *
 * @param from The one side that is wanted; null: both.
 */
export function* streamText(stream: Stream, from: Side | null): Generator<StreamLine> {
  const cutters = { client: new LineCutter('client'), server: new LineCutter('server') };
  let last: Side | null = null;
  for (const item of shownItems(stream, from)) {
    if (last !== null && (item.from !== last || item.kind !== 'data')) yield* cutters[last].break();
    last = item.from;
    if (item.kind === 'data') yield* cutters[item.from].push(item.bytes);
    else yield remark(item);
  }
  if (last !== null) yield* cutters[last].break();
  yield* remarks(stream, from);
}

const half = 8;
const offsetDigits = 8;

const hexByte = (byte: number): string => byte.toString(16).padStart(2, '0');

function hexText(offset: number, bytes: Uint8Array, each: 8 | 16): string {
  const digits = Array.from(bytes, hexByte);
  const halves = [digits.slice(0, half), digits.slice(half)].slice(0, each / half);
  const hex = halves.map((pairs) => pairs.join(' ').padEnd(3 * half - 1)).join('  ');
  const text = Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
  return `${offset.toString(16).padStart(offsetDigits, '0')}  ${hex}  |${text}|`;
}

/** Both sides' bytes in rows, and what stands between them. */
function* rowsOf(
  stream: Stream,
  from: Side | null,
  each: number,
  format: (offset: number, bytes: Uint8Array) => string,
): Generator<StreamLine> {
  for (const item of shownItems(stream, from)) {
    if (item.kind !== 'data') {
      yield remark(item);
      continue;
    }
    for (let at = 0; at < item.bytes.length; at += each) {
      yield { from: item.from, text: format(item.offset + at, item.bytes.subarray(at, at + each)) };
    }
  }
  yield* remarks(stream, from);
}

/**
 * The stream as a hex dump. Offsets count what that side sent, gaps included; each chunk begins a line.
 *
 * @param from The one side that is wanted; null: both.
 * @param each Bytes a line: sixteen take 78 columns, eight 45.
 */
export function streamHex(stream: Stream, from: Side | null, each: 8 | 16 = 16): Generator<StreamLine> {
  return rowsOf(stream, from, each, (offset, bytes) => hexText(offset, bytes, each));
}

/**
 * The stream's bytes alone, as hexadecimal digits, for a screen: nothing of them can be taken for text.
 *
 * @param each Bytes a line, two digits each; each chunk begins a line.
 */
export function streamDigits(stream: Stream, from: Side | null, each: number): Generator<StreamLine> {
  return rowsOf(stream, from, each, (_offset, bytes) => Array.from(bytes, hexByte).join(''));
}

/** A line with the sign of its side. */
export function lineText({ from, text }: StreamLine): string {
  return from === null ? text : `${arrows[from]} ${text}`;
}

/**
 * The stream's bytes alone, for a pipe: not safe for a terminal, and without a word about gaps. The tally has `missing`.
 *
 * @param from The one side that is wanted; null: both, in the order in which they could be read.
 */
export function* streamRaw(stream: Stream, from: Side | null): Generator<Uint8Array> {
  for (const item of shownItems(stream, from)) if (item.kind === 'data') yield item.bytes;
}
