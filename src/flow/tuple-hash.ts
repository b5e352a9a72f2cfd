/**
 * Finds a connection by its two ends: an open-addressing hash table of row numbers, which either direction of a
 * connection meets at the same slot.
 */

import type { Headers } from '../wire/headers.ts';
import { none, connectionWord as word } from './connection-row.ts';
import type { Rows } from './rows.ts';

const slotWords = 2;
const smallest = 2 ** 7;
const largest = 2 ** 22;
/** Slots that are looked at for one connection: a table at most half full has runs that are far shorter. */
const longestProbe = 128;
/** A table that is emptier than this has no full run of so many slots, unless a capture is crafted to make one. */
const emptiest = 1 / 16;
const ipv4Family = 4;

function mix(hash: number, value: number): number {
  const mixed = Math.imul(hash ^ value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

/** True when a packet goes between the addresses of a row, which is of its family; direction 0 is the row's own. */
export function sameAddresses(words: Int32Array, at: number, headers: Headers, direction: number): boolean {
  const { addresses } = headers;
  const source = at + word.addresses + 4 * direction;
  const destination = at + word.addresses + 4 * (1 - direction);
  if (words[source + 3] !== addresses[3] || words[destination + 3] !== addresses[7]) return false;
  // An IPv4 address stands in the last word alone.
  if (headers.family === ipv4Family) return true;
  for (let index = 0; index < 3; index += 1) {
    if (words[source + index] !== addresses[index] || words[destination + index] !== addresses[4 + index]) return false;
  }
  return true;
}

/**
 * The hash of a packet's ends, the same for both directions.
 *
 * @param seed Any number: it keeps a capture from being crafted so that its connections collide.
 */
export function hashEnds({ addresses, family, protocol, sourcePort, destinationPort }: Headers, seed: number): number {
  const mixedSeed = mix(seed, 0x85ebca6b);
  // Ports are mixed by themselves: where they count up with addresses, the two would take each other away.
  let source = mix(mixedSeed, sourcePort);
  let destination = mix(mixedSeed, destinationPort);
  if (family !== ipv4Family) {
    for (let index = 0; index < 3; index += 1) {
      source = mix(source, addresses[index] ?? 0);
      destination = mix(destination, addresses[4 + index] ?? 0);
    }
  }
  source = mix(mix(source, addresses[3] ?? 0), mixedSeed);
  destination = mix(mix(destination, addresses[7] ?? 0), mixedSeed);
  return mix((source + destination) | 0, protocol);
}

/** The latest connection of each pair of ends. */
export class TupleHash {
  readonly #rows: Rows;
  /** Slots of two words: a hash, and the number of its row plus 1, 0 in a free slot. */
  #slots = new Int32Array(slotWords * smallest);
  #mask = smallest - 1;
  #used = 0;
  /** Where `find` ended: the slot that it found, or the free one; `none` when the probe was too long. */
  #slot = none;

  /** Of the packet that was found last: 0 when end 0 of the row sent it. */
  direction = 0;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  /** The connection of a packet's ends, or `none`; `hash` is that of `hashEnds`, with one seed for all. */
  find(headers: Headers, hash: number): number {
    const { sourcePort, destinationPort } = headers;
    const kind = (headers.family << 8) | headers.protocol;
    const forward = (sourcePort << 16) | destinationPort;
    const backward = (destinationPort << 16) | sourcePort;
    for (let probe = 0; probe < longestProbe; probe += 1) {
      const slot = slotWords * ((hash + probe) & this.#mask);
      const row = (this.#slots[slot + 1] ?? 0) - 1;
      this.#slot = slot;
      if (row === none) return none;
      if (this.#slots[slot] !== hash) continue;
      const { words } = this.#rows;
      const at = this.#rows.at(row);
      if (words[at + word.kind] !== kind) continue;
      const ports = words[at + word.ports];
      if (ports === forward && sameAddresses(words, at, headers, 0)) {
        this.direction = 0;
        return row;
      }
      if (ports === backward && sameAddresses(words, at, headers, 1)) {
        this.direction = 1;
        return row;
      }
    }
    this.#slot = none;
    return none;
  }

  /** Makes room for the ends that were just looked for; false when there is none. */
  reserve(headers: Headers, hash: number): boolean {
    if (2 * (this.#used + 1) > this.#size && !this.#grow()) return false;
    this.find(headers, hash);
    while (this.#slot === none) {
      if (this.#used < this.#size * emptiest || !this.#grow()) return false;
      this.find(headers, hash);
    }
    return true;
  }

  /** Makes a connection the latest one of the ends that were just looked for, or for which room was just made. */
  set(row: number, hash: number): void {
    if (this.#slots[this.#slot + 1] === 0) this.#used += 1;
    this.#slots[this.#slot] = hash;
    this.#slots[this.#slot + 1] = row + 1;
  }

  /**
   * The same over other rows.
   *
   * @param latestOf The row there that is the latest of the ends of a row here, `none` where there is none.
   */
  over(rows: Rows, latestOf: (row: number) => number): TupleHash {
    const other = new TupleHash(rows);
    other.#slots = new Int32Array(this.#slots.length);
    other.#mask = this.#mask;
    for (let entry = 0; entry < this.#slots.length; entry += slotWords) {
      const row = (this.#slots[entry + 1] ?? 0) - 1;
      const latest = row === none ? none : latestOf(row);
      if (latest === none) continue;
      const hash = this.#slots[entry] ?? 0;
      const slot = other.#freeSlot(hash);
      other.#slots[slot] = hash;
      other.#slots[slot + 1] = latest + 1;
      other.#used += 1;
    }
    return other;
  }

  /** Where a hash that is not there yet is to stand. */
  #freeSlot(hash: number): number {
    let slot = slotWords * (hash & this.#mask);
    while (this.#slots[slot + 1] !== 0) slot = (slot + slotWords) & (slotWords * this.#mask);
    return slot;
  }

  get #size(): number {
    return this.#mask + 1;
  }

  #grow(): boolean {
    if (this.#size >= largest) return false;
    const before = this.#slots;
    this.#slots = new Int32Array(2 * before.length);
    this.#mask = 2 * this.#size - 1;
    for (let entry = 0; entry < before.length; entry += slotWords) {
      if (before[entry + 1] === 0) continue;
      const hash = before[entry] ?? 0;
      const slot = this.#freeSlot(hash);
      this.#slots[slot] = hash;
      this.#slots[slot + 1] = before[entry + 1] ?? 0;
    }
    return true;
  }
}
