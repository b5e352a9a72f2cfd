/**
 * The pcap format: draft-ietf-opsawg-pcap. A file header, then records of a 16-byte header and the captured bytes.
 */

import type { CaptureFileError } from './capture-error.ts';
import { type CaptureParser, type CaptureVisitor, emptyRecord, largestRecord, type Window } from './capture-parser.ts';

const microsecondMagic = 0xa1b2c3d4;
const nanosecondMagic = 0xa1b23c4d;
/** Alexey Kuznetzov's patched libpcap of the 1990s: longer record headers. */
const patchedMagic = 0xa1b2cd34;

const fileHeader = { magic: 0, major: 4, minor: 6, linkType: 20, length: 24 };
const recordHeader = { seconds: 0, fraction: 4, capturedLength: 8, originalLength: 12, length: 16 };

/** The upper bits of the link type field tell of a frame check sequence. */
const linkTypeMask = 0xffff;
const supportedMajor = 2;
/** Before version 2.3 the two lengths of a record stood the other way round. */
const firstMinorWithLengthsInOrder = 3;

const nanosecondsPerMicrosecond = 1000;
const nanosecondsPerSecond = 1_000_000_000;

/** Reads pcap, after its magic number told the byte order and the unit of time. */
export class PcapParser implements CaptureParser {
  readonly #littleEndian: boolean;
  readonly #magic: number;
  readonly #visitor: CaptureVisitor;
  readonly #record = emptyRecord();
  readonly #nanosecondsPerUnit: number;
  #headerRead = false;
  /** Where in a record's header the two lengths stand. */
  #capturedLengthAt = recordHeader.capturedLength;
  #originalLengthAt = recordHeader.originalLength;

  wanted = fileHeader.length;
  what = 'a pcap file header';
  error: CaptureFileError | null = null;

  private constructor(littleEndian: boolean, magic: number, visitor: CaptureVisitor) {
    this.#littleEndian = littleEndian;
    this.#magic = magic;
    this.#nanosecondsPerUnit = magic === nanosecondMagic ? 1 : nanosecondsPerMicrosecond;
    this.#visitor = visitor;
  }

  /** A parser for a file that starts with these bytes, four at least; null when it is no pcap. */
  static recognise(head: Uint8Array, visitor: CaptureVisitor): PcapParser | null {
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
    for (const littleEndian of [true, false]) {
      const number = view.getUint32(fileHeader.magic, littleEndian);
      if (number === microsecondMagic || number === nanosecondMagic || number === patchedMagic) {
        return new PcapParser(littleEndian, number, visitor);
      }
    }
    return null;
  }

  parse(window: Window, start: number): number {
    let at = start;
    if (!this.#headerRead) {
      at += this.#header(window, start);
      if (!this.#headerRead) return at;
    }
    return this.#records(window, at);
  }

  #header({ bytes, view }: Window, start: number): number {
    if (this.#magic === patchedMagic) {
      this.error = { kind: 'unsupported', what: 'a pcap file of a patched libpcap (magic 0xa1b2cd34)' };
      return 0;
    }
    if (start + fileHeader.length > bytes.length) return 0;
    const major = view.getUint16(start + fileHeader.major, this.#littleEndian);
    const minor = view.getUint16(start + fileHeader.minor, this.#littleEndian);
    if (major !== supportedMajor) {
      this.error = { kind: 'unsupported', what: `pcap version ${major}.${minor}` };
      return 0;
    }
    if (minor < firstMinorWithLengthsInOrder) {
      this.#capturedLengthAt = recordHeader.originalLength;
      this.#originalLengthAt = recordHeader.capturedLength;
    }
    this.#headerRead = true;
    this.#visitor.interface(null, view.getUint32(start + fileHeader.linkType, this.#littleEndian) & linkTypeMask, null);
    return fileHeader.length;
  }

  #records(window: Window, start: number): number {
    const { view } = window;
    const end = view.byteLength;
    const littleEndian = this.#littleEndian;
    const record = this.#record;
    record.window = window;
    let at = start;
    while (at + recordHeader.length <= end) {
      const capturedLength = view.getUint32(at + this.#capturedLengthAt, littleEndian);
      if (capturedLength > largestRecord) {
        const expected = `a record of at most ${largestRecord} bytes`;
        this.error = { kind: 'damaged', offset: window.fileOffset + at, expected, found: String(capturedLength) };
        return at;
      }
      const next = at + recordHeader.length + capturedLength;
      if (next > end) {
        this.wanted = next - at;
        this.what = 'a record';
        return at;
      }
      record.start = at + recordHeader.length;
      record.capturedLength = capturedLength;
      record.originalLength = view.getUint32(at + this.#originalLengthAt, littleEndian);
      record.seconds = view.getUint32(at + recordHeader.seconds, littleEndian);
      record.nanoseconds = view.getUint32(at + recordHeader.fraction, littleEndian) * this.#nanosecondsPerUnit;
      // A fraction of more than a second is the writer's mistake; the time that it means is kept.
      if (record.nanoseconds >= nanosecondsPerSecond) this.#carrySeconds();
      this.#visitor.frame(record);
      at = next;
    }
    this.wanted = recordHeader.length;
    this.what = 'a record header';
    return at;
  }

  #carrySeconds(): void {
    const record = this.#record;
    record.seconds += Math.floor(record.nanoseconds / nanosecondsPerSecond);
    record.nanoseconds %= nanosecondsPerSecond;
  }
}
