/** The words and signs of a filter. */

import { done, failed, type Place, type Result } from './error.ts';

/** One word, quoted text or sign. */
export interface Token extends Place {
  readonly kind: 'word' | 'quoted' | 'sign' | 'end';
  /** A word or sign as it stands; quoted text without its quotes, escapes still in it. */
  readonly text: string;
}

/** Longer ones first, so that `<=` is not taken for `<`. */
const signs = ['==', '!=', '<=', '>=', '&&', '||', '^^', '..', '<', '>', '!', '&', '(', ')', '{', '}', '[', ']', ','];

/** Everything else that is not blank is part of a word: names, numbers, addresses, interfaces. */
const notInWords = /[\s()[\]{},"!=<>&|^]/u;

/** A filter longer than this was not written by a person, and is not worth its memory. */
const longestText = 10_000;

function signAt(text: string, at: number): string | null {
  return signs.find((sign) => text.startsWith(sign, at)) ?? null;
}

/** A word goes up to a blank, a sign, or the `..` of a range. */
function wordEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length && !notInWords.test(text.charAt(at)) && !text.startsWith('..', at)) at += 1;
  return at;
}

/** The place of the closing quote, or the text's end. */
function quoteEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return Math.min(at, text.length);
}

/** Splits a filter into tokens; the last is always `end`. */
export function tokenize(text: string): Result<readonly Token[]> {
  if (text.length > longestText) {
    const place = { start: longestText, end: text.length };
    return failed(place, `a filter has at most ${longestText} characters`, 'the end of the filter');
  }
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const start = at;
    const character = text.charAt(at);
    if (/\s/u.test(character)) {
      at += 1;
      continue;
    }
    if (character === '"') {
      const close = quoteEnd(text, start);
      if (close === text.length) return failed({ start, end: close }, 'this quote is not closed', '"');
      at = close + 1;
      tokens.push({ kind: 'quoted', text: text.slice(start + 1, close), start, end: at });
      continue;
    }
    const sign = signAt(text, at);
    if (sign !== null) {
      at += sign.length;
      tokens.push({ kind: 'sign', text: sign, start, end: at });
      continue;
    }
    at = wordEnd(text, start);
    if (at === start) {
      const meant = { '=': '==', '|': '||', '^': '^^' }[character] ?? 'a word';
      return failed({ start, end: start + 1 }, `"${character}" alone is no operator; did you mean ${meant}?`, meant);
    }
    tokens.push({ kind: 'word', text: text.slice(start, at), start, end: at });
  }
  tokens.push({ kind: 'end', text: '', start: text.length, end: text.length });
  return done(tokens);
}
