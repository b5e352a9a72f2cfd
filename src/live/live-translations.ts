/** What NAT made of the connections of a live capture: sights of one connection are told as one, TCP's from their beginning. */

import type { Connections } from '../flow/connection-table.ts';
import { areOneConnection, firstSeenNs, longestPassageNs, openingOf } from '../flow/translation.ts';
import { renumberedList } from './renumber.ts';

/** More than NAT makes of one connection; of a flood of equal SYNs no more is compared. */
const mostSights = 8;

/** See the file's head. */
export class LiveTranslations {
  readonly #table: Connections;
  /** How many of the table's connections were looked at. */
  #known = 0;
  /** By opening: connections that began with it, each soon after the one before; those that began last are last. */
  #recent = new Map<number, readonly number[]>();
  /** By sight: all sights of the connection, as its client knows it first. */
  readonly #sights = new Map<number, readonly number[]>();
  readonly #later = new Set<number>();

  constructor(table: Connections) {
    this.#table = table;
  }

  /** How many connections of the table are what others became. */
  get count(): number {
    return this.#later.size;
  }

  /** Every sight of a connection, by any of them: as its client knows it first. */
  sightsOf(id: number): readonly number[] {
    return this.#sights.get(id) ?? [id];
  }

  /** True for what another connection became behind NAT. */
  isLater(id: number): boolean {
    return this.#later.has(id);
  }

  /** Looks at the connections that have begun since. Gives those that are connections of their own after all. */
  follow(): readonly number[] {
    const { count } = this.#table.rows;
    const parted: number[] = [];
    for (; this.#known < count; this.#known += 1) parted.push(...this.#begin(this.#known));
    return parted;
  }

  #begin(id: number): readonly number[] {
    const opening = openingOf(this.#table, id);
    if (opening === null) return [];
    const nowNs = firstSeenNs(this.#table, id);
    for (const [old, ids] of this.#recent) {
      if (nowNs - firstSeenNs(this.#table, ids.at(-1) ?? id) < longestPassageNs) break;
      this.#recent.delete(old);
    }
    const before = this.#recent.get(opening) ?? [];
    const alike = [...before.slice(0, mostSights), id];
    this.#recent.delete(opening);
    this.#recent.set(opening, alike);
    if (alike.length <= mostSights && areOneConnection(this.#table, alike)) {
      this.#join(alike);
      return [];
    }
    const parted = before.filter((sight) => this.#sights.delete(sight));
    for (const sight of parted) this.#later.delete(sight);
    return parted;
  }

  /**
   * Tells connections as one from now on, that its client knows first: what NAT makes of datagrams is told by who explains
   * them. Gives those that were connections of their own until now.
   */
  join(sights: readonly number[]): readonly number[] {
    const all = [...new Set(sights.flatMap((id) => this.sightsOf(id)))];
    const joined = all.slice(1).filter((id) => !this.#later.has(id));
    if (joined.length > 0) this.#join(all);
    return joined;
  }

  #join(sights: readonly number[]): void {
    for (const sight of sights) this.#sights.set(sight, sights);
    for (const later of sights.slice(1)) this.#later.add(later);
  }

  /** Gives connections other numbers: those of before as indices; `none` for one that is gone. */
  renumber(numbers: Int32Array): void {
    this.#known = this.#table.rows.count;
    const kept = [...this.#recent].map(([opening, ids]) => [opening, renumberedList(ids, numbers)] as const);
    this.#recent = new Map(kept.filter(([, ids]) => ids.length > 0));
    const joined = new Set(this.#sights.values());
    this.#sights.clear();
    this.#later.clear();
    for (const sights of joined) {
      const left = renumberedList(sights, numbers);
      if (left.length > 1) this.#join(left);
    }
  }
}
