/** One pass over a capture for its connections alone: nothing is kept of single packets. */

import type { CaptureFileError } from '../capfile/capture-error.ts';
import { type Connections, ConnectionTable } from '../flow/connection-table.ts';
import { SightReader } from './sight-reader.ts';
import { batchInput } from './tracking-ring.ts';
import { TrackingThread } from './tracking-thread.ts';

/** A capture of fewer bytes is done before a second thread has started, which takes some 30 ms. */
const threadPays = 64 * 1024 * 1024;

/** Reads a capture into a table of connections. Dispose of it; its connections stay. */
export class ConnectionPass implements AsyncDisposable {
  readonly #tracker: ConnectionTable | TrackingThread;
  readonly #reader: SightReader;

  /**
   * @param seed Any number: it keeps a capture from being crafted so that its connections collide.
   * @param size How many bytes will come, as far as is known.
   */
  constructor(seed: number, size: number) {
    const tracker = size < threadPays ? new ConnectionTable(seed) : new TrackingThread(seed);
    const reader = new SightReader((record, isPacket) => {
      if (!isPacket) return;
      const { sight, quoted } = reader;
      if (reader.readsQuoted(record)) tracker.addError(quoted, sight.headers.icmpType, sight.headers.icmpCode);
      else tracker.add(sight);
    });
    this.#tracker = tracker;
    this.#reader = reader;
  }

  /** Why the capture could not be read to its end; null while all is well. What is before the damage counts. */
  get error(): CaptureFileError | null {
    return this.#reader.error;
  }

  /** Bytes of the capture that went in. */
  get bytes(): number {
    return this.#reader.bytes;
  }

  /** The second of the first packet: connections count nanoseconds from it. 0 without packets. */
  get firstSecond(): number {
    return this.#reader.firstSecond;
  }

  /** Reads a chunk, which is borrowed until the promise resolves. */
  async push(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += batchInput) {
      if (this.#tracker instanceof TrackingThread) await this.#tracker.room();
      this.#reader.push(chunk.subarray(at, at + batchInput));
    }
  }

  /** Says that no more comes, and gives what was found. */
  async end(): Promise<Connections> {
    this.#reader.end();
    return this.#tracker instanceof TrackingThread ? await this.#tracker.connections() : this.#tracker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#tracker instanceof TrackingThread) await this.#tracker[Symbol.asyncDispose]();
  }
}
