/** Which connections of an index are looked into, within bounds. */

import { connectionWord, none } from '../flow/connection-row.ts';
import { sent } from '../flow/outcome.ts';
import { equalOpenings } from '../flow/translation.ts';
import type { CaptureIndex } from '../index/capture-index.ts';
import type { ConnectionNumbers } from '../index/connection-numbers.ts';
import type { ConnectionRows } from '../index/connection-rows.ts';
import type { IndexedCapture } from '../index/indexed-capture.ts';
import type { Suspicion } from './suspicion.ts';
import type { WantedConnections } from './wanted.ts';

/** How much is looked into. */
export interface Bounds {
  /** Connections, and frames of all of them. */
  readonly connections: number;
  readonly frames: number;
  /** Frames of one connection, which are in memory at a time: of a longer one, so many at its two ends. */
  readonly framesEach: number;
}

/** Connections that are looked into together, as the table numbers them. */
export interface Job {
  readonly ids: readonly number[];
  /** Only frames at both ends of it are looked at. */
  readonly isLong: boolean;
}

/** What is looked into, and how many of those that are told are not. */
export interface Plan {
  /** By time, as far as the file's order is that of time. */
  readonly jobs: readonly Job[];
  readonly left: Readonly<Record<Suspicion, number>>;
  /** How many of those that are told are looked into. */
  readonly read: number;
  /** Connections that are too long to be looked at as a whole. */
  readonly long: number;
}

/** The more a connection promises to tell, the sooner it gets its share of the bounds. */
const turns: readonly Suspicion[] = ['failed', 'silent', 'well'];

/** Numbers that belong together, by the least of them that is known. */
class Groups {
  readonly #above: Int32Array;

  /** @param above To each number one of its group that is not greater. It is taken over. */
  constructor(above: Int32Array) {
    this.#above = above;
  }

  /** The number that names a number's group. */
  of(number: number): number {
    let [at, above] = [number, this.#above[number] ?? number];
    while (above !== at) {
      const next = this.#above[above] ?? above;
      this.#above[at] = next;
      [at, above] = [above, next];
    }
    return at;
  }

  join(a: number, b: number): void {
    const [one, other] = [this.of(a), this.of(b)];
    this.#above[Math.max(one, other)] = Math.min(one, other);
  }
}

/**
 * Attempts on one pair of ends of which one is out of order, by their group: which packet is whose is found out among all
 * of them. With each attempt come those on the ends that NAT gave it, or may have given it.
 */
function entangled({ connections, inOrder }: CaptureIndex, numbers: ConnectionNumbers): Map<number, number[]> {
  const { rows } = connections;
  const word = (id: number, index: number): number => rows.words[rows.at(id) + index] ?? 0;
  const previousOf = (id: number): number => word(id, connectionWord.previous) - 1;
  const firsts = new Int32Array(rows.count);
  for (let id = 0; id < rows.count; id += 1) {
    const previous = previousOf(id);
    firsts[id] = previous === none ? id : (firsts[previous] ?? id);
  }
  const groups = new Groups(firsts);
  for (let id = 0; id < rows.count; id += 1) groups.join(id, numbers.clientSide(id));
  // Which became which after NAT is told by the moments of their SYNs, and so is what a packet or an ICMP error belongs to.
  const equal = inOrder ? [] : [...equalOpenings(connections)];
  for (const ids of equal) for (const id of ids) groups.join(id, ids[0] ?? id);

  const late = new Map<number, number[]>();
  for (const [first] of equal) if (first !== undefined) late.set(groups.of(first), []);
  const signs = inOrder ? sent.late : sent.late | sent.quoted;
  for (let id = 0; id < rows.count; id += 1) {
    const bits = word(id, connectionWord.sent) | word(id, connectionWord.sent + 1);
    if ((bits & signs) !== 0 || (!inOrder && previousOf(id) !== none)) late.set(groups.of(id), []);
  }
  if (late.size === 0) return late;
  for (let id = 0; id < rows.count; id += 1) if (numbers.clientSide(id) === id) late.get(groups.of(id))?.push(id);
  return late;
}

/**
 * Chooses what is looked into.
 *
 * @param also What is looked into as well, where the bounds have room: those that are well, and the company of all.
 */
export function plan(
  { index, numbers }: Pick<IndexedCapture, 'index' | 'numbers'>,
  wanted: Pick<WantedConnections, 'suspicion' | 'isCompany'>,
  rows: Pick<ConnectionRows, 'count'>,
  also: { readonly wells: boolean; readonly company: boolean },
  bounds: Bounds,
): Plan {
  const jobs: Job[] = [];
  const left = { failed: 0, silent: 0, well: 0 };
  let [connections, frames, long, read] = [0, 0, 0, 0];
  const take = (ids: readonly number[], turn: Suspicion | null): void => {
    const told = ids.filter((id) => wanted.suspicion(id) !== null).length;
    const count = ids.reduce((sum, id) => sum + rows.count(id), 0);
    const isLong = count > bounds.framesEach;
    const taken = Math.min(count, bounds.framesEach);
    const fits = connections + ids.length <= bounds.connections && frames + taken <= bounds.frames;
    // What is entangled cannot be cut.
    if (!fits || (isLong && ids.length > 1)) {
      if (turn !== null) left[turn] += told;
      return;
    }
    connections += ids.length;
    frames += taken;
    read += told;
    if (isLong) long += told;
    jobs.push({ ids, isLong });
  };

  const together = entangled(index, numbers);
  const members = new Set([...together.values()].flat());
  for (const ids of together.values()) if (ids.some((id) => wanted.suspicion(id) !== null)) take(ids, 'failed');
  for (const turn of also.wells ? turns : turns.slice(0, -1)) {
    for (let id = 0; id < index.connections.rows.count; id += 1) {
      if (wanted.suspicion(id) === turn && !members.has(id)) take([id], turn);
    }
  }
  if (also.company) {
    for (let id = 0; id < index.connections.rows.count; id += 1) {
      if (wanted.isCompany(id) && !members.has(id)) take([id], null);
    }
  }
  jobs.sort((a, b) => (a.ids[0] ?? 0) - (b.ids[0] ?? 0));
  return { jobs, left, read, long };
}
