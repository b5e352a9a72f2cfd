/** Reads a capture whose frames are kept: each is copied out of the chunks. */

import type { CaptureFileError } from './capture-error.ts';
import type { CaptureItem } from './capture-item.ts';
import { RecordReader } from './record-reader.ts';

const nanosecondsPerSecond = 1_000_000_000n;

/** A push reader: chunks go in, items come out as soon as they are whole. Never throws. */
export class CaptureReader {
  #items: CaptureItem[] = [];
  readonly #reader = new RecordReader({
    interface: (name, linkType) => this.#items.push({ kind: 'interface', name, linkType }),
    frame: ({ window, start, capturedLength, originalLength, interfaceIndex, seconds, nanoseconds }) => {
      const timeNs = BigInt(seconds) * nanosecondsPerSecond + BigInt(nanoseconds);
      const bytes = window.bytes.slice(start, start + capturedLength);
      this.#items.push({ kind: 'frame', interfaceIndex, timeNs, originalLength, bytes });
    },
    block: (type, body) => this.#items.push({ kind: 'block', type, body: body.slice() }),
  });

  /** Why reading stopped; null while all is well. Items before the damage have been handed out. */
  get error(): CaptureFileError | null {
    return this.#reader.error;
  }

  /** Reads a chunk, which is borrowed until the call returns, and gives the items that are now whole. */
  push(chunk: Uint8Array): CaptureItem[] {
    this.#reader.push(chunk);
    return this.#handOut();
  }

  /** Says that no more comes. Bytes of an unfinished record become an error. */
  end(): CaptureItem[] {
    this.#reader.end();
    return this.#handOut();
  }

  #handOut(): CaptureItem[] {
    const items = this.#items;
    this.#items = [];
    return items;
  }
}
