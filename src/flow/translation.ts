/**
 * Finds connections that NAT split: other ends, the same conversation. NAT keeps the sequence number of the SYN and its IP
 * identification, and takes no time worth a name.
 */

import { ipProtocol } from '../inet/protocol.ts';
import { connectionDouble, none, connectionWord as word } from './connection-row.ts';
import type { Connections } from './connection-table.ts';

/** Between the two sights of a SYN, in nanoseconds; a host that is slower than this is out of order. */
export const longestPassageNs = 1_000_000_000;

/** When a connection was first seen, in nanoseconds as the table's. */
export function firstSeenNs({ rows }: Connections, id: number): number {
  return rows.doubles[(rows.at(id) >> 1) + connectionDouble.firstNs] ?? 0;
}

/**
 * What NAT keeps of a SYN, as one number: the sequence number, the identification and the family of IP, equal for all
 * sights of it. Null where neither a SYN nor an answer to one was seen.
 */
export function openingOf({ rows }: Connections, id: number): number | null {
  const wordOf = (index: number): number => rows.words[rows.at(id) + index] ?? 0;
  const kind = wordOf(word.kind);
  if ((kind & 0xff) !== ipProtocol.tcp || wordOf(word.openingKnown) === 0) return null;
  const family = kind >> 8 === 4 ? 0 : 1;
  return ((wordOf(word.opening) >>> 0) * 0x1_0000 + wordOf(word.openingIdentification)) * 2 + family;
}

/** Which connections began with equal SYNs, by number, in the order of time: two or more each. */
export function* equalOpenings(table: Connections): Generator<readonly number[]> {
  const opened: number[] = [];
  const openings = new Float64Array(table.rows.count);
  for (let id = 0; id < table.rows.count; id += 1) {
    const opening = openingOf(table, id);
    if (opening === null) continue;
    opened.push(id);
    openings[id] = opening;
  }
  const difference = (a: number, b: number): number => (openings[a] ?? 0) - (openings[b] ?? 0);
  opened.sort((a, b) => difference(a, b) || firstSeenNs(table, a) - firstSeenNs(table, b) || a - b);
  for (let from = 0; from < opened.length; ) {
    let end = from + 1;
    while (end < opened.length && difference(opened[from] ?? 0, opened[end] ?? 0) === 0) end += 1;
    if (end > from + 1) yield opened.slice(from, end);
    from = end;
  }
}

/** Equal SYNs of which each is near the one before, in the order of time. */
function* passages(table: Connections): Generator<readonly number[]> {
  for (const equal of equalOpenings(table)) {
    for (let from = 0; from < equal.length; ) {
      let end = from + 1;
      const isNear = (): boolean =>
        firstSeenNs(table, equal[end] ?? 0) - firstSeenNs(table, equal[end - 1] ?? 0) < longestPassageNs;
      while (end < equal.length && isNear()) end += 1;
      yield equal.slice(from, end);
      from = end;
    }
  }
}

/** True where the clients of two connections, or their servers, have one address and port. */
function haveSameEnd({ rows }: Connections, a: number, b: number, which: 'client' | 'server'): boolean {
  const { words } = rows;
  const endOf = (id: number): number => (words[rows.at(id) + word.client] ?? 0) ^ (which === 'client' ? 0 : 1);
  const portOf = (id: number): number =>
    ((words[rows.at(id) + word.ports] ?? 0) >>> (endOf(id) === 0 ? 16 : 0)) & 0xffff;
  const addressOf = (id: number): Int32Array => {
    const from = rows.at(id) + word.addresses + 4 * endOf(id);
    return words.subarray(from, from + 4);
  };
  const other = addressOf(b);
  return portOf(a) === portOf(b) && addressOf(a).every((part, index) => part === other[index]);
}

/**
 * True for what is seen of one packet between NAT of its destination and of its source, as on a bridge whose frames
 * iptables sees (br_netfilter): each sight has one end of the sight before it, and not the same one twice running. Of a
 * flood from many addresses, or of a scan of many ports, it is always the same one.
 */
function isRewrittenInTurn(table: Connections, sights: readonly number[]): boolean {
  let before: 'client' | 'server' | null = null;
  for (const [place, id] of sights.entries()) {
    const next = sights[place + 1];
    if (next === undefined) break;
    const [client, server] = [haveSameEnd(table, id, next, 'client'), haveSameEnd(table, id, next, 'server')];
    const kept = client ? 'client' : 'server';
    if (client === server || kept === before) return false;
    before = kept;
  }
  return true;
}

/**
 * True where connections that began with equal SYNs, each near the one before, are sights of one. Only what fits alone is:
 * two, or more that NAT rewrote in turn. Of others that fit together (a flood of equal SYNs) nobody can tell which belongs
 * to which.
 *
 * @param sights In the order of time.
 */
export function areOneConnection(table: Connections, sights: readonly number[]): boolean {
  const later = sights.slice(1);
  // Two attempts of the same ends are no translation of each other.
  const isFirstAttempt = (id: number): boolean =>
    (table.rows.words[table.rows.at(id) + word.previous] ?? 0) - 1 === none;
  return later.every(isFirstAttempt) && (later.length === 1 || (later.length > 1 && isRewrittenInTurn(table, sights)));
}

/**
 * What each connection became after NAT, by number, in the order of time; nothing for most. The one that began first is the
 * original.
 */
export function findTranslations(table: Connections): ReadonlyMap<number, readonly number[]> {
  const translations = new Map<number, readonly number[]>();
  for (const sights of passages(table)) {
    const [original, ...later] = sights;
    if (original !== undefined && areOneConnection(table, sights)) translations.set(original, later);
  }
  return translations;
}
