/** Connections as people number them: from 1 in the order in which they began; what NAT split is one. */

import { none } from '../flow/connection-row.ts';
import type { Connections } from '../flow/connection-table.ts';
import { type ConnectionSummary, summarizeConnection } from '../flow/summary.ts';
import { findTranslations } from '../flow/translation.ts';

/** The numbers of a table that is complete. */
export class ConnectionNumbers {
  readonly #table: Connections;
  readonly #translations: ReadonlyMap<number, readonly number[]>;
  /** By the table's number. */
  readonly #numbers: Int32Array;
  /** By number, less 1: the table's number of the connection as its client knows it. */
  readonly #originals: Int32Array;
  readonly count: number;

  /** @param table Nothing is added to it any more. */
  constructor(table: Connections) {
    this.#table = table;
    this.#translations = findTranslations(table);
    const later = new Set([...this.#translations.values()].flat());
    this.#numbers = new Int32Array(table.rows.count);
    this.#originals = new Int32Array(table.rows.count - later.size);
    let count = 0;
    for (let id = 0; id < table.rows.count; id += 1) {
      if (later.has(id)) continue;
      this.#originals[count] = id;
      count += 1;
      this.#numbers[id] = count;
    }
    for (const [id, translations] of this.#translations) {
      for (const translated of translations) this.#numbers[translated] = this.#numbers[id] ?? 0;
    }
    this.count = count;
  }

  /** The number of a connection of the table; 0 for `none`. */
  numberOf(id: number): number {
    return this.#numbers[id] ?? 0;
  }

  /** The table's number of a connection of the table as its client knows it: its own, but behind NAT. */
  clientSide(id: number): number {
    return this.originalOf(this.numberOf(id));
  }

  /** The table's numbers of what a connection became behind NAT, in the order of time; nothing for most. */
  translationsOf(id: number): readonly number[] {
    return this.#translations.get(id) ?? [];
  }

  /** The table's number of a connection, before NAT; `none` for a number that there is not. */
  originalOf(number: number): number {
    return this.#originals[number - 1] ?? none;
  }

  /** What became of a connection; the number must be there. */
  summary(number: number): ConnectionSummary {
    const id = this.originalOf(number);
    return summarizeConnection(this.#table, id, this.translationsOf(id));
  }
}
