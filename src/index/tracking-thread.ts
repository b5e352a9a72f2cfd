/**
 * A table of connections in a second thread: this one reads headers, that one finds and follows connections, beside it.
 */

import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { connectionWords } from '../flow/connection-row.ts';
import type { Connections } from '../flow/connection-table.ts';
import { dnsWord } from '../flow/dns-table.ts';
import { Rows } from '../flow/rows.ts';
import type { Sight } from '../flow/sight.ts';
import { track } from '../flow/tcp-track.ts';
import { hashEnds } from '../flow/tuple-hash.ts';
import type { Headers } from '../wire/headers.ts';
import { newRing, Ring, type TrackedRows, type TrackingStart } from './tracking-ring.ts';

/** Beside this file, as source and in the bundle alike. */
const workerFile = new URL(`./tracking-worker${path.extname(import.meta.filename)}`, import.meta.url);

/** Takes sights to the thread in batches. Dispose of it: that ends the thread; its connections stay. */
export class TrackingThread implements AsyncDisposable {
  readonly #seed: number;
  readonly #ring: Ring;
  readonly #worker: Worker;
  readonly #tracked = Promise.withResolvers<TrackedRows>();
  #failure: Error | null = null;
  /** Sights in the batch that is being filled. */
  #count = 0;

  /** @param seed Of `hashEnds`. */
  constructor(seed: number) {
    this.#seed = seed;
    const ring = newRing();
    this.#ring = new Ring(ring);
    const workerData: TrackingStart = { seed, ring };
    this.#worker = new Worker(workerFile, { workerData });
    this.#worker.on('message', (tracked: TrackedRows) => this.#tracked.resolve(tracked));
    this.#worker.on('error', (error: Error) => {
      this.#failure = error;
      this.#tracked.reject(error);
    });
    // Who waits for the rows is told; until then the failure is met where room is waited for.
    this.#tracked.promise.catch(() => undefined);
  }

  /** Adds a packet. There must be `room`. */
  add(sight: Sight): void {
    this.#ring.batch.write(this.#count, sight, hashEnds(sight.headers, this.#seed));
    this.#count += 1;
  }

  /** Adds an ICMP error to the connection whose packet it quotes. There must be `room`. */
  addError(quoted: Headers, type: number, code: number): void {
    this.#ring.batch.writeError(this.#count, quoted, type, code);
    this.#count += 1;
  }

  /**
   * Hands over what was added, and waits until there is room for the sights of `batchInput` bytes.
   *
   * @throws what the thread died of.
   */
  async room(): Promise<void> {
    if (this.#count > 0) this.#ring.hand(this.#count);
    this.#count = 0;
    while (!this.#ring.hasRoom()) {
      // A thread that takes so long may be dead: its end is an event.
      await setImmediate();
      if (this.#failure !== null) throw this.#failure;
    }
  }

  /**
   * Everything that was added, in the end.
   *
   * @throws what the thread died of.
   */
  async connections(): Promise<Connections> {
    await this.room();
    this.#ring.hand(0);
    const { rows, rowCount, tracks, trackCount, untracked, ...rest } = await this.#tracked.promise;
    const { names, nameCount, nameBytes, namesUntold } = rest;
    return {
      rows: new Rows(connectionWords, rows, rowCount),
      tracks: new Rows(track.words, tracks, trackCount),
      names: { rows: new Rows(dnsWord.words, names, nameCount), bytes: nameBytes, untold: namesUntold },
      untracked,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}
