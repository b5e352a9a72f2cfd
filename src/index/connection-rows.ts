/** Which rows of an index are whose: a row knows its connection, and a sweep over all rows tells the other way round. */

import { inTimeOrder } from '../case/order.ts';
import { none } from '../flow/connection-row.ts';
import type { IndexedCapture } from './indexed-capture.ts';
import { packetWord } from './packet-row.ts';

/**
 * Where the rows of each connection lie; by the table's numbers, 12 bytes a connection. One that NAT split has those of
 * both its sides.
 */
export class ConnectionRows {
  readonly #capture: IndexedCapture;
  readonly #counts: Uint32Array;
  readonly #first: Uint32Array;
  readonly #last: Uint32Array;
  /** Nanoseconds since 1970 of the latest packet; 0 without any. */
  readonly latestNs: bigint;

  /** Sweeps over the rows of a capture once: some ten milliseconds a million. */
  constructor(capture: IndexedCapture) {
    const connections = capture.index.connections.rows.count;
    this.#capture = capture;
    this.#counts = new Uint32Array(connections);
    this.#first = new Uint32Array(connections);
    this.#last = new Uint32Array(connections);
    const { packets } = capture.index;
    let [latest, seconds, nanoseconds] = [none as number, 0, -1];
    for (let row = 0; row < packets.count; row += 1) {
      const { words } = packets.page(row);
      const at = packets.at(row);
      const nextSeconds = (words[at + packetWord.seconds] ?? 0) >>> 0;
      const nextNanoseconds = words[at + packetWord.nanoseconds] ?? 0;
      if (nextSeconds > seconds || (nextSeconds === seconds && nextNanoseconds > nanoseconds)) {
        [latest, seconds, nanoseconds] = [row, nextSeconds, nextNanoseconds];
      }
      const id = capture.clientIdOf(row);
      if (id === none) continue;
      if (this.#counts[id] === 0) this.#first[id] = row;
      this.#counts[id] = (this.#counts[id] ?? 0) + 1;
      this.#last[id] = row;
    }
    this.latestNs = latest === none ? 0n : capture.frame(latest).timeNs;
  }

  /** How many rows a connection has: its packets, and ICMP errors about them. */
  count(id: number): number {
    return this.#counts[id] ?? 0;
  }

  /** The first row of a connection that has any. */
  first(id: number): number {
    return this.#first[id] ?? 0;
  }

  /** The rows of some connections, each in the order of time: one sweep for all of them. */
  gather(ids: readonly number[]): Uint32Array[] {
    if (ids.length === 0) return [];
    const slots = new Map(ids.map((id, slot) => [id, slot]));
    const lists = ids.map((id) => new Uint32Array(this.count(id)));
    const filled = new Uint32Array(ids.length);
    const begin = ids.reduce((least, id) => Math.min(least, this.#first[id] ?? 0), this.#capture.index.packets.count);
    const end = ids.reduce((most, id) => Math.max(most, this.#last[id] ?? 0), 0);
    for (let row = begin; row <= end; row += 1) {
      const slot = slots.get(this.#capture.clientIdOf(row));
      const list = slot === undefined ? undefined : lists[slot];
      if (list === undefined || slot === undefined) continue;
      list[filled[slot] ?? 0] = row;
      filled[slot] = (filled[slot] ?? 0) + 1;
    }
    return lists.map((rows) => this.#inTime(rows));
  }

  #inTime(rows: Uint32Array): Uint32Array {
    const { packets } = this.#capture.index;
    let [seconds, nanoseconds] = [0, 0];
    for (const row of rows) {
      const { words } = packets.page(row);
      const at = packets.at(row);
      const nextSeconds = (words[at + packetWord.seconds] ?? 0) >>> 0;
      const nextNanoseconds = words[at + packetWord.nanoseconds] ?? 0;
      if (nextSeconds < seconds || (nextSeconds === seconds && nextNanoseconds < nanoseconds)) {
        const frames = inTimeOrder(Array.from(rows, (one) => this.#capture.frame(one)));
        return Uint32Array.from(frames, ({ number }) => number - 1);
      }
      [seconds, nanoseconds] = [nextSeconds, nextNanoseconds];
    }
    return rows;
  }
}
