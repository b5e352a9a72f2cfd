/**
 * Reads a capture as it comes: a file, a pipe from tcpdump, ssh. pcap (version 2, microseconds and nanoseconds) and
 * pcapng (version 1), in either byte order.
 */

import { ByteQueue } from './byte-queue.ts';
import type { CaptureFileError } from './capture-error.ts';
import type { CaptureItem, CaptureParser } from './capture-item.ts';
import { headLength, notACapture } from './foreign-file.ts';
import { PcapParser } from './pcap-parser.ts';
import { PcapngParser } from './pcapng-parser.ts';

const magicLength = 4;

function recognise(magic: Uint8Array): CaptureParser | null {
  return PcapngParser.recognise(magic) ?? PcapParser.recognise(magic);
}

/** A push reader: chunks go in, items come out as soon as they are whole. Never throws. */
export class CaptureReader {
  readonly #queue = new ByteQueue();
  #parser: CaptureParser | null = null;
  #offset = 0;
  #error: CaptureFileError | null = null;

  /** Why reading stopped; null while all is well. Items before the damage have been handed out. */
  get error(): CaptureFileError | null {
    return this.#error;
  }

  /** Takes a chunk over (it must not change before the next call returns) and gives the items that are now whole. */
  push(chunk: Uint8Array): CaptureItem[] {
    if (this.#error !== null) return [];
    this.#queue.append(chunk);
    return this.#drain();
  }

  /** Says that no more comes. Bytes of an unfinished record become an error. */
  end(): CaptureItem[] {
    if (this.#error !== null) return [];
    if (this.#parser === null) {
      const head = this.#queue.peek(Math.min(this.#queue.length, headLength)) ?? new Uint8Array(0);
      this.#parser = recognise(head);
      if (this.#parser === null) {
        this.#error = notACapture(head);
        return [];
      }
    }
    const items = this.#drain();
    const step = this.#error === null ? this.#parser.step(this.#queue, this.#offset) : null;
    const unread = this.#queue.length;
    if (step !== null && 'wanted' in step && (unread > 0 || this.#offset === 0)) {
      const found = `the end of the file after ${unread}`;
      const expected = `${step.wanted} bytes of ${step.what}`;
      this.#error = { kind: 'damaged', offset: this.#offset, expected, found };
    }
    return items;
  }

  #drain(): CaptureItem[] {
    const items: CaptureItem[] = [];
    if (this.#parser === null) {
      const magic = this.#queue.peek(magicLength);
      if (magic === null) return items;
      this.#parser = recognise(magic);
      if (this.#parser === null) {
        // A foreign file is told by more than its first bytes; `end` looks again when it is shorter.
        const head = this.#queue.peek(headLength);
        if (head !== null) this.#error = notACapture(head);
        return items;
      }
    }
    for (;;) {
      const step = this.#parser.step(this.#queue, this.#offset);
      if ('error' in step) this.#error = step.error;
      if (!('taken' in step)) return items;
      this.#queue.discard(step.taken);
      this.#offset += step.taken;
      if (step.item !== null) items.push(step.item);
    }
  }
}
