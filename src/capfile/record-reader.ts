/**
 * Reads a capture as it comes: a file, a pipe from tcpdump, ssh. pcap (version 2, microseconds and nanoseconds) and
 * pcapng (version 1), in either byte order.
 */

import type { CaptureFileError } from './capture-error.ts';
import { type CaptureParser, type CaptureVisitor, windowOn } from './capture-parser.ts';
import { headLength, notACapture } from './foreign-file.ts';
import { PcapParser } from './pcap-parser.ts';
import { PcapngParser } from './pcapng-parser.ts';

const magicLength = 4;

/**
 * A push reader: chunks go in, a visitor is told of records as soon as they are whole. A record is copied only when it
 * straddles chunks. Never throws by itself.
 */
export class RecordReader {
  readonly #visitor: CaptureVisitor;
  #parser: CaptureParser | null = null;
  #error: CaptureFileError | null = null;
  /** Where in the file the first byte stands that no record has taken. */
  #offset = 0;
  /** The start of a record that is not whole yet. */
  #carry = new Uint8Array(0);
  #carried = 0;

  constructor(visitor: CaptureVisitor) {
    this.#visitor = visitor;
  }

  /** Why reading stopped; null while all is well. The visitor has been told of everything before the damage. */
  get error(): CaptureFileError | null {
    return this.#error;
  }

  /** Reads a chunk, which is borrowed until the call returns. */
  push(chunk: Uint8Array): void {
    let taken = 0;
    while (this.#error === null && this.#carried > 0) {
      const missing = this.#wanted - this.#carried;
      const more = chunk.subarray(taken, taken + missing);
      this.#keep(more);
      taken += more.length;
      if (more.length < missing) return;
      // What was wanted is one record, or a part that tells how long it is: it is taken whole or not at all.
      if (this.#parse(this.#carry.subarray(0, this.#carried)) > 0) this.#carried = 0;
    }
    if (this.#error !== null) return;
    const rest = chunk.subarray(taken);
    this.#keep(rest.subarray(this.#parse(rest)));
  }

  /** Says that no more comes. Bytes of an unfinished record become an error. */
  end(): void {
    if (this.#error !== null) return;
    if (this.#parser === null) this.#error = notACapture(this.#carry.subarray(0, Math.min(this.#carried, headLength)));
    else if (this.#carried > 0 || this.#offset === 0) {
      const { wanted, what } = this.#parser;
      const found = `the end of the file after ${this.#carried}`;
      this.#error = { kind: 'damaged', offset: this.#offset, expected: `${wanted} bytes of ${what}`, found };
    }
  }

  get #wanted(): number {
    if (this.#parser !== null) return this.#parser.wanted;
    return this.#carried < magicLength ? magicLength : headLength;
  }

  #parse(bytes: Uint8Array): number {
    if (this.#parser === null) {
      if (bytes.length < magicLength) return 0;
      this.#parser = PcapngParser.recognise(bytes, this.#visitor) ?? PcapParser.recognise(bytes, this.#visitor);
      if (this.#parser === null) {
        // A foreign file is told by more than its first bytes; `end` looks again when it is shorter.
        if (bytes.length >= headLength) this.#error = notACapture(bytes.subarray(0, headLength));
        return 0;
      }
    }
    const taken = this.#parser.parse(windowOn(bytes, this.#offset), 0);
    this.#error = this.#parser.error;
    this.#offset += taken;
    return taken;
  }

  #keep(bytes: Uint8Array): void {
    const length = this.#carried + bytes.length;
    if (length > this.#carry.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#carry.length));
      larger.set(this.#carry.subarray(0, this.#carried));
      this.#carry = larger;
    }
    this.#carry.set(bytes, this.#carried);
    this.#carried = length;
  }
}
