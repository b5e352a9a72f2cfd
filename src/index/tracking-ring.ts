/** What the reading thread and the tracking thread share: a ring of batches of sights. */

import { longestMessage } from '../flow/dns-table.ts';
import { fewestSightBytes } from './sight-reader.ts';
import { type SightMemory, SightRows, sightWords } from './sight-row.ts';

/** Bytes of a capture whose sights fit into one batch: few enough to stay in the processor's cache. */
export const batchInput = 256 * 1024;
/** Rows of a batch: as many sights as so many bytes can be, and one that began before them. */
const batchRows = Math.ceil(batchInput / fewestSightBytes) + 1;
/** The messages in so many bytes, and one that began before them. */
const batchMessages = batchInput + longestMessage;
/** One is read, one is tracked, and the others even out who is quicker. */
const batchCount = 16;
/** Who waits for room is woken when so many batches are free, not for each: to wake a thread takes long. */
const wakeCount = batchCount / 2;
/** Words of what both threads know of the ring; then how many sights each batch has. */
const ringWord = { handed: 0, done: 1, counts: 2 } as const;
const longestWaitMs = 1000;

/** The ring's memory, to be handed to the other thread. */
export interface RingMemory {
  readonly state: SharedArrayBuffer;
  readonly batches: readonly SightMemory[];
}

/** Memory for a ring. */
export function newRing(): RingMemory {
  const { BYTES_PER_ELEMENT } = Int32Array;
  const batchBytes = batchRows * sightWords * BYTES_PER_ELEMENT;
  return {
    state: new SharedArrayBuffer((ringWord.counts + batchCount) * BYTES_PER_ELEMENT),
    batches: Array.from({ length: batchCount }, () => ({
      rows: new SharedArrayBuffer(batchBytes),
      messages: new SharedArrayBuffer(batchMessages),
    })),
  };
}

/** Batches that one thread fills and another one takes, in their order. Each thread has its own `Ring` on the memory. */
export class Ring {
  readonly #state: Int32Array;
  readonly #batches: readonly SightRows[];
  /** Batches that this thread has handed on. */
  #passed = 0;

  constructor({ state, batches }: RingMemory) {
    this.#state = new Int32Array(state);
    this.#batches = batches.map((memory) => new SightRows(memory));
  }

  /** The batch that this thread fills, or takes. */
  get batch(): SightRows {
    const batch = this.#batches[this.#passed % batchCount];
    if (batch === undefined) throw new RangeError('the ring has no batches');
    return batch;
  }

  /** Hands the filled batch to the other thread; an empty one says that no more comes. */
  hand(count: number): void {
    this.#state[ringWord.counts + (this.#passed % batchCount)] = count;
    this.#pass(ringWord.handed);
    Atomics.notify(this.#state, ringWord.handed);
  }

  /** Waits a while for a batch to fill; false when there is none yet. */
  hasRoom(): boolean {
    const done = Atomics.load(this.#state, ringWord.done);
    if (this.#passed - done < batchCount) return true;
    Atomics.wait(this.#state, ringWord.done, done, longestWaitMs);
    return this.#passed - Atomics.load(this.#state, ringWord.done) < batchCount;
  }

  /** Waits for a filled batch, and gives the number of its sights. */
  take(): number {
    while (Atomics.load(this.#state, ringWord.handed) === this.#passed) {
      Atomics.wait(this.#state, ringWord.handed, this.#passed);
    }
    return this.#state[ringWord.counts + (this.#passed % batchCount)] ?? 0;
  }

  /** Gives the batch that was taken back. */
  giveBack(): void {
    this.#pass(ringWord.done);
    if (this.#passed % wakeCount === 0) Atomics.notify(this.#state, ringWord.done);
  }

  #pass(word: number): void {
    this.#passed += 1;
    Atomics.store(this.#state, word, this.#passed);
  }
}

/** What the tracking thread starts with. */
export interface TrackingStart {
  readonly seed: number;
  readonly ring: RingMemory;
}

/** What it says at its end: the table's rows, handed over. */
export interface TrackedRows {
  readonly rows: Int32Array<ArrayBuffer>;
  readonly rowCount: number;
  readonly tracks: Int32Array<ArrayBuffer>;
  readonly trackCount: number;
  readonly names: Int32Array<ArrayBuffer>;
  readonly nameCount: number;
  readonly nameBytes: Uint8Array<ArrayBuffer>;
  readonly namesUntold: number;
  readonly untracked: number;
}
