/**
 * Finds connections that NAT split in two: other ends, the same conversation. NAT keeps the sequence number of the SYN
 * and its IP identification, and takes no time worth a name.
 */

import { ipProtocol } from '../wire/headers.ts';
import { connectionDouble, none, connectionWord as word } from './connection-row.ts';
import type { Connections } from './connection-table.ts';

/** Between the two sights of a SYN; a host that is slower than this is out of order. */
const longestPassageNs = 1_000_000_000;

/** Which connections began with equal SYNs, by number, in the order of time: two or more each. */
export function* equalOpenings(table: Connections): Generator<readonly number[]> {
  const wordOf = (id: number, index: number): number => table.rows.words[table.rows.at(id) + index] ?? 0;
  const firstNs = (id: number): number => table.rows.doubles[(table.rows.at(id) >> 1) + connectionDouble.firstNs] ?? 0;
  const opened: number[] = [];
  for (let id = 0; id < table.rows.count; id += 1) {
    const isTcp = (wordOf(id, word.kind) & 0xff) === ipProtocol.tcp;
    if (isTcp && wordOf(id, word.openingKnown) !== 0) opened.push(id);
  }
  const difference = (a: number, b: number): number =>
    wordOf(a, word.opening) - wordOf(b, word.opening) ||
    wordOf(a, word.openingIdentification) - wordOf(b, word.openingIdentification) ||
    wordOf(a, word.kind) - wordOf(b, word.kind);
  opened.sort((a, b) => difference(a, b) || firstNs(a) - firstNs(b) || a - b);
  for (let from = 0; from < opened.length; ) {
    let end = from + 1;
    while (end < opened.length && difference(opened[from] ?? 0, opened[end] ?? 0) === 0) end += 1;
    if (end > from + 1) yield opened.slice(from, end);
    from = end;
  }
}

/**
 * Which connection each one became after NAT, by number, `none` for most. The one that began first is the original. Only
 * pairs are joined: where three or more fit together (a flood of equal SYNs), nobody can tell which belongs to which.
 */
export function findTranslations(table: Connections): ReadonlyMap<number, number> {
  const firstNs = (id: number): number => table.rows.doubles[(table.rows.at(id) >> 1) + connectionDouble.firstNs] ?? 0;
  const isFirstAttempt = (id: number): boolean =>
    (table.rows.words[table.rows.at(id) + word.previous] ?? 0) - 1 === none;
  const near = (a: number | undefined, b: number | undefined): boolean =>
    a !== undefined && b !== undefined && firstNs(b) - firstNs(a) < longestPassageNs;
  const translations = new Map<number, number>();
  for (const equal of equalOpenings(table)) {
    for (const [place, a] of equal.entries()) {
      const [before, b, after] = [equal[place - 1], equal[place + 1], equal[place + 2]];
      if (b === undefined || !near(a, b) || near(before, a) || near(b, after)) continue;
      // Two attempts of the same ends are no translation of each other.
      if (isFirstAttempt(b)) translations.set(a, b);
    }
  }
  return translations;
}
