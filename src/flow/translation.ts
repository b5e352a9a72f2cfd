/**
 * Finds connections that NAT split in two: other ends, the same conversation. NAT keeps the sequence number of the SYN
 * and its IP identification, and takes no time worth a name.
 */

import { ipProtocol } from '../wire/headers.ts';
import { connectionDouble, none, connectionWord as word } from './connection-row.ts';
import type { Connections } from './connection-table.ts';

/** Between the two sights of a SYN; a host that is slower than this is out of order. */
const longestPassageNs = 1_000_000_000;

/**
 * Which connection each one became after NAT, by number, `none` for most. The one that began first is the original. Only
 * pairs are joined: where three or more fit together (a flood of equal SYNs), nobody can tell which belongs to which.
 */
export function findTranslations(table: Connections): ReadonlyMap<number, number> {
  const wordOf = (id: number, index: number): number => table.rows.words[table.rows.at(id) + index] ?? 0;
  const firstNs = (id: number): number => table.rows.doubles[(table.rows.at(id) >> 1) + connectionDouble.firstNs] ?? 0;
  const opened: number[] = [];
  for (let id = 0; id < table.rows.count; id += 1) {
    const isTcp = (wordOf(id, word.kind) & 0xff) === ipProtocol.tcp;
    if (isTcp && wordOf(id, word.openingKnown) !== 0) opened.push(id);
  }
  opened.sort((a, b) => wordOf(a, word.opening) - wordOf(b, word.opening) || a - b);

  const translations = new Map<number, number>();
  const sameSyn = (a: number, b: number): boolean =>
    wordOf(a, word.opening) === wordOf(b, word.opening) &&
    wordOf(a, word.openingIdentification) === wordOf(b, word.openingIdentification) &&
    wordOf(a, word.kind) === wordOf(b, word.kind) &&
    Math.abs(firstNs(a) - firstNs(b)) < longestPassageNs;
  for (let index = 0; index + 1 < opened.length; index += 1) {
    const [before, a, b, after] = [opened[index - 1], opened[index], opened[index + 1], opened[index + 2]];
    if (a === undefined || b === undefined || !sameSyn(a, b)) continue;
    if ((before !== undefined && sameSyn(before, a)) || (after !== undefined && sameSyn(b, after))) continue;
    // Two attempts of the same ends are no translation of each other.
    if (wordOf(b, word.previous) - 1 !== none) continue;
    translations.set(a, b);
  }
  return translations;
}
