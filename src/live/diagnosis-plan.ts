/** Which connections are to be explained next: failed ones first, each again while more of it comes, but not too often. */

import { renumberedMap, renumberedSet } from './renumber.ts';

/** A connection that goes on failing is explained again after twice as long each time. */
const firstPauseNs = 2_000_000_000;
const longestPauseNs = 60_000_000_000;
/** Of those that work, the latest are looked at where time is left. */
const mostOver = 256;

interface Failing {
  readonly dueNs: number;
  readonly pauseNs: number;
  readonly signature: number;
}

/** See the file's head. Times are nanoseconds as the table's. */
export class DiagnosisPlan {
  readonly #settleNs: number;
  #failing = new Map<number, Failing>();
  #paused = new Map<number, Failing>();
  #over = new Set<number>();
  /** The one that is looked at, whatever became of it. */
  #wanted: number | null = null;

  /** @param settleNs What the kernel says of a failure comes within this time. */
  constructor(settleNs: number) {
    this.#settleNs = settleNs;
  }

  /**
   * A connection has failed, or failed again. `final` when its outcome will not change: the first time that it is found in
   * the state of this signature, it is explained at once.
   */
  failed(id: number, nowNs: number, signature: number, final: boolean): void {
    if (this.#failing.has(id)) return;
    this.#over.delete(id);
    const paused = this.#paused.get(id);
    this.#paused.delete(id);
    const pauseNs = paused === undefined ? firstPauseNs : Math.min(2 * paused.pauseNs, longestPauseNs);
    const isNews = final && paused?.signature !== signature;
    const dueNs = nowNs + this.#settleNs;
    this.#failing.set(id, { dueNs: isNews ? dueNs : Math.max(dueNs, paused?.dueNs ?? 0), pauseNs, signature });
  }

  /** A connection is over and has not failed as far as frames tell: what was said on it may tell otherwise. */
  over(id: number): void {
    if (this.#failing.has(id)) return;
    this.#over.delete(id);
    this.#over.add(id);
    if (this.#over.size > mostOver) for (const oldest of this.#over) return void this.#over.delete(oldest);
  }

  /** Nothing is to be explained of it: it is part of another connection. */
  forget(id: number): void {
    this.#failing.delete(id);
    this.#paused.delete(id);
    this.#over.delete(id);
    if (this.#wanted === id) this.#wanted = null;
  }

  /** Somebody looks at a connection: it comes first. */
  want(id: number): void {
    this.#wanted = id;
  }

  /** Gives connections other numbers: those of before as indices; `none` for one that is gone. */
  renumber(numbers: Int32Array): void {
    this.#failing = renumberedMap(this.#failing, numbers);
    this.#paused = renumberedMap(this.#paused, numbers);
    this.#over = renumberedSet(this.#over, numbers);
    this.#wanted = null;
  }

  /** Takes those that are due, at most so many, and keeps them from coming again at once. */
  take(nowNs: number, most: number): number[] {
    const taken: number[] = [];
    if (this.#wanted !== null) {
      taken.push(this.#wanted);
      this.#wanted = null;
    }
    for (const [id, failing] of this.#failing) {
      if (taken.length >= most) return taken;
      if (failing.dueNs > nowNs) continue;
      this.#failing.delete(id);
      this.#paused.set(id, { ...failing, dueNs: nowNs + failing.pauseNs });
      if (!taken.includes(id)) taken.push(id);
    }
    for (const [id, { dueNs }] of this.#paused) if (dueNs <= nowNs) this.#paused.delete(id);
    if (taken.length > 0) return taken;
    for (const id of this.#over) {
      if (taken.length >= most) break;
      this.#over.delete(id);
      taken.push(id);
    }
    return taken;
  }
}
