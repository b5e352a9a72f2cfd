/**
 * Text in cells: making it printable, measuring, cutting, padding and wrapping it.
 *
 * Untrusted text is escaped here, once, when rows are made. Everything else in this file takes text that is printable
 * already, and counts terminal cells, not UTF-16 units.
 */

import stringWidth from 'string-width';
import { escapeText } from '../report/escape.ts';

/** Stands where text was cut; ASCII, because measuring anything else costs ten times as much. */
const cutMark = '~';

/** Lines kept of one piece of evidence: more than any command prints about one hop, less than a flood. */
const mostLines = 400;

const ascii = /^[\x20-\x7e]*$/;
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** One line of untrusted text, safe to draw: a tab becomes a space, other controls visible escapes. */
export function printable(text: string): string {
  return escapeText(text.replaceAll('\t', ' '));
}

/** Untrusted text of several lines, each safe to draw. A final line end makes no empty line. */
export function printableLines(text: string): string[] {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/, mostLines + 1);
  if (lines.length > mostLines) lines[mostLines] = '(more lines follow)';
  return lines.map(printable);
}

/** Terminal cells that printable text takes. */
export function cells(text: string): number {
  return ascii.test(text) ? text.length : stringWidth(text);
}

/** The longest start of `text` that takes at most `width` cells; never half a character. */
function start(text: string, width: number): string {
  if (ascii.test(text)) return text.slice(0, width);
  let taken = '';
  let used = 0;
  for (const { segment } of segmenter.segment(text)) {
    used += stringWidth(segment);
    if (used > width) break;
    taken += segment;
  }
  return taken;
}

/** `text` in at most `width` cells; what was cut shows as a final `~`. */
export function cut(text: string, width: number): string {
  if (width <= 0) return '';
  return cells(text) <= width ? text : `${start(text, width - 1)}${cutMark}`;
}

/** `text` in at most `width` cells, cut between words, so that no half address looks like a whole one. */
export function cutWords(text: string, width: number): string {
  if (width <= 0 || cells(text) <= width) return cut(text, width);
  const head = start(text, width - 1);
  const blank = text[head.length] === ' ' ? -1 : head.lastIndexOf(' ');
  return `${blank > 0 ? head.slice(0, blank + 1) : head}${cutMark}`;
}

/** The end of a printable text, in at most `width` cells: where it is typed on. */
export function endOf(text: string, width: number): string {
  let shown = text;
  while (cells(shown) > width) shown = shown.slice(Math.max(1, shown.length - width));
  return shown;
}

/** Printable text in pieces of at most `width` cells, nothing left out; one empty piece of no text. */
export function pieces(text: string, width: number): string[] {
  const found: string[] = [];
  let rest = text;
  do {
    const piece = start(rest, width) || (rest.match(/^./su)?.[0] ?? '');
    found.push(piece);
    rest = rest.slice(piece.length);
  } while (rest !== '');
  return found;
}

/** `text` in exactly `width` cells: cut, or padded with blanks on the right. */
export function fit(text: string, width: number): string {
  const short = cut(text, width);
  return short + ' '.repeat(Math.max(0, width - cells(short)));
}

/** `text` in exactly `width` cells, padded on the left: for numbers. */
export function fitRight(text: string, width: number): string {
  const short = cut(text, width);
  return ' '.repeat(Math.max(0, width - cells(short))) + short;
}

/**
 * Breaks printable text into lines of at most `width` cells, at blanks where it can. Lines after the first are indented
 * by `hanging` cells. Blanks inside a line stay as they are, because evidence is verbatim.
 */
export function wrap(text: string, width: number, hanging = 0): string[] {
  const indent = ' '.repeat(Math.min(hanging, Math.max(0, width - 8)));
  const lines: string[] = [];
  let rest = text;
  while (cells(rest) > width) {
    const head = start(rest, width) || (rest.match(/^./su)?.[0] ?? rest);
    // A blank right after the head is a good place too, so that a word that just fits stays whole.
    const blank = rest[head.length] === ' ' ? head.length : head.lastIndexOf(' ');
    const whole = blank > indent.length && head.slice(0, blank).trim() !== '';
    lines.push(whole ? head.slice(0, blank).trimEnd() : head);
    rest = indent + rest.slice(whole ? blank : head.length).trimStart();
  }
  lines.push(rest);
  return lines;
}
