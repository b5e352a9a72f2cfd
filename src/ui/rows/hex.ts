/**
 * The bytes pane: sixteen bytes a row, eight where there is no room, the selected field's bytes in brackets (and
 * inverse, where the terminal has it).
 */

import type { Line, Rows, Span } from '../line.ts';
import { plain } from '../line.ts';
import type { ByteRange } from '../tree.ts';

/** Cells beside the bytes: the gap after the offset, the gap in the middle, the last bracket, the gap before the text. */
const gaps = 4;

/** Cells that one byte takes: a gap, two digits, a character. */
const cellsEach = 4;

const offsetDigits = (length: number): number => Math.max(4, length.toString(16).length);

/** Bytes a row at this width. */
export function bytesEach(width: number, length: number): 8 | 16 {
  return offsetDigits(length) + gaps + 16 * cellsEach <= width ? 16 : 8;
}

const hexByte = (byte: number): string => byte.toString(16).padStart(2, '0');

const textByte = (byte: number): string => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.');

function hexRow(bytes: Uint8Array, from: number, each: number, digits: number, marked: ByteRange): Line {
  const spans: Span[] = [{ text: `${from.toString(16).padStart(digits, '0')} ` }];
  const add = (text: string, inside: boolean): void => {
    const last = spans.at(-1);
    if (last && (last.emphasis === 'marked') === inside) spans[spans.length - 1] = { ...last, text: last.text + text };
    else spans.push(inside ? { text, emphasis: 'marked' } : { text });
  };
  const end = marked.offset + marked.length;
  const isMarked = (at: number): boolean => at >= marked.offset && at < end;
  const rowEnd = Math.min(from + each, bytes.length);
  for (let at = from; at < from + each; at++) {
    const inside = at < rowEnd && isMarked(at);
    const goesOn = inside && at > from && isMarked(at - 1);
    const closes = at > from && at <= rowEnd && isMarked(at - 1) && !isMarked(at);
    // The middle is two cells wide: a bracket stands beside the byte that it belongs to.
    const gap = inside && at === marked.offset ? ' [' : closes ? '] ' : '  ';
    add(at - from === 8 ? gap : gap.trim() || ' ', goesOn);
    add(at < rowEnd ? hexByte(bytes[at] ?? 0) : '  ', inside);
  }
  const closesRow = rowEnd === from + each && isMarked(rowEnd - 1) && end === rowEnd;
  add(closesRow ? '] ' : '  ', false);
  for (let at = from; at < rowEnd; at++) add(textByte(bytes[at] ?? 0), isMarked(at));
  return { spans };
}

/** The visible rows of a frame's bytes. A null `scroll` brings the marked bytes into view. */
export function hexRows(
  bytes: Uint8Array | null,
  marked: ByteRange | null,
  scroll: number | null,
  width: number,
  height: number,
): Rows {
  if (!bytes || bytes.length === 0) return { lines: [plain('No bytes.')], length: 1, offset: 0 };
  const each = bytesEach(width, bytes.length);
  const length = Math.ceil(bytes.length / each);
  const range = marked ?? { offset: 0, length: 0 };
  const first = Math.floor(range.offset / each);
  const last = Math.floor(Math.max(range.offset, range.offset + range.length - 1) / each);
  // The whole range where it fits, else its start; from the frame's start as long as that shows it.
  const wanted = scroll ?? (last < height ? 0 : Math.min(first, last - height + 1 > first ? first : last - height + 1));
  const offset = Math.max(0, Math.min(wanted, length - height));
  const digits = offsetDigits(bytes.length);
  const lines = Array.from({ length: Math.min(height, length - offset) }, (_, row) =>
    hexRow(bytes, (offset + row) * each, each, digits, range),
  );
  return { lines, length, offset };
}
