/** Reads a capture whose frames are kept: each is copied out of the chunks. */

import type { CaptureFileError } from './capture-error.ts';
import type { CaptureItem, OptionBytes } from './capture-item.ts';
import type { FrameRecord } from './capture-parser.ts';
import { RecordReader } from './record-reader.ts';

const nanosecondsPerSecond = 1_000_000_000n;

function copied({ bytes, littleEndian }: OptionBytes): OptionBytes {
  return { bytes: bytes.slice(), littleEndian };
}

function optionsOf({ window, optionsStart, optionsEnd, littleEndian }: FrameRecord): OptionBytes | null {
  if (optionsStart === optionsEnd) return null;
  return { bytes: window.bytes.slice(optionsStart, optionsEnd), littleEndian };
}

/** A push reader: chunks go in, items come out as soon as they are whole. Never throws. */
export class CaptureReader {
  #items: CaptureItem[] = [];
  readonly #reader = new RecordReader({
    section: (options) => this.#items.push({ kind: 'section', options: copied(options) }),
    interface: (name, linkType, options) =>
      this.#items.push({ kind: 'interface', name, linkType, options: options && copied(options) }),
    frame: (record) => {
      const { window, start, capturedLength, originalLength, interfaceIndex, seconds, nanoseconds } = record;
      const timeNs = BigInt(seconds) * nanosecondsPerSecond + BigInt(nanoseconds);
      const bytes = window.bytes.slice(start, start + capturedLength);
      const options = optionsOf(record);
      this.#items.push({ kind: 'frame', interfaceIndex, timeNs, originalLength, bytes, options });
    },
    block: (type, body, littleEndian) => this.#items.push({ kind: 'block', type, body: body.slice(), littleEndian }),
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
