/** Follows the connections of a live capture frame by frame, and remembers which have changed. */

import { none } from '../flow/connection-row.ts';
import { ConnectionTable } from '../flow/connection-table.ts';
import { isIcmpError, readQuotedHeaders } from '../flow/packet.ts';
import { Sight } from '../flow/sight.ts';
import { Headers } from '../wire/headers.ts';
import type { ToldFrame } from './frame-store.ts';

/** See the file's head. */
export class Tracker {
  readonly table: ConnectionTable;
  readonly #sight = new Sight();
  readonly #quoted = new Headers();
  /** By capture point: libpcap's link type. */
  readonly #linkTypes: readonly number[];
  /** By connection: 1 when it has changed since it was asked for. */
  #isChanged = new Uint8Array(1024);
  #changed: number[] = [];

  /**
   * @param seed Any number; see `ConnectionTable`.
   * @param linkTypes By capture point; it grows while capture points come.
   */
  constructor(seed: number, linkTypes: readonly number[]) {
    this.table = new ConnectionTable(seed);
    this.#linkTypes = linkTypes;
  }

  /** Takes the next frame in the order of time, and gives the number of its connection or `none`. */
  take({ number, view, start, capturedLength, originalLength, point, timeNs }: ToldFrame): number {
    const sight = this.#sight;
    const { headers } = sight;
    if (!headers.read(view, start, capturedLength, originalLength, this.#linkTypes[point] ?? 0)) return none;
    sight.timeNs = timeNs;
    sight.point = point;
    sight.length = originalLength;
    sight.frame = number;
    let id: number;
    if (isIcmpError(headers)) {
      if (!readQuotedHeaders(this.#quoted, headers, view, start + capturedLength)) return none;
      id = this.table.addError(this.#quoted, headers.icmpType, headers.icmpCode);
    } else id = this.table.add(sight);
    if (id !== none) this.#note(id);
    return id;
  }

  #note(id: number): void {
    if (id >= this.#isChanged.length) {
      const grown = new Uint8Array(Math.max(id + 1, 2 * this.#isChanged.length));
      grown.set(this.#isChanged);
      this.#isChanged = grown;
    }
    if (this.#isChanged[id] !== 0) return;
    this.#isChanged[id] = 1;
    this.#changed.push(id);
  }

  /** The connections that have changed since the last call, each once, those first that changed first. */
  takeChanged(): readonly number[] {
    const changed = this.#changed;
    this.#changed = [];
    for (const id of changed) this.#isChanged[id] = 0;
    return changed;
  }
}
