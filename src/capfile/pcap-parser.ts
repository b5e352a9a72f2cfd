/**
 * The pcap format: draft-ietf-opsawg-pcap. A file header, then records of a 16-byte header and the captured bytes.
 */

import type { ByteQueue } from './byte-queue.ts';
import type { CaptureFileError } from './capture-error.ts';
import { type CaptureParser, largestRecord, type ParseStep } from './capture-item.ts';

const microsecondMagic = 0xa1b2c3d4;
const nanosecondMagic = 0xa1b23c4d;
/** Alexey Kuznetzov's patched libpcap of the 1990s: longer record headers. */
const patchedMagic = 0xa1b2cd34;

const fileHeader = { magic: 0, major: 4, minor: 6, linkType: 20, length: 24 };
const record = { seconds: 0, fraction: 4, capturedLength: 8, originalLength: 12, length: 16 };

/** The upper bits of the link type field tell of a frame check sequence. */
const linkTypeMask = 0xffff;
const supportedMajor = 2;
/** Before version 2.3 the two lengths of a record stood the other way round. */
const firstMinorWithLengthsInOrder = 3;

const nanosecondsPerSecond = 1_000_000_000n;

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads pcap, after its magic number told the byte order and the unit of time. */
export class PcapParser implements CaptureParser {
  readonly #littleEndian: boolean;
  readonly #magic: number;
  #headerRead = false;
  #swappedLengths = false;

  private constructor(littleEndian: boolean, magic: number) {
    this.#littleEndian = littleEndian;
    this.#magic = magic;
  }

  /** A parser for a file that starts with these bytes; null when it is no pcap. */
  static recognise(magic: Uint8Array): PcapParser | null {
    if (magic.length < fileHeader.major) return null;
    for (const littleEndian of [true, false]) {
      const number = view(magic).getUint32(fileHeader.magic, littleEndian);
      if (number === microsecondMagic || number === nanosecondMagic || number === patchedMagic) {
        return new PcapParser(littleEndian, number);
      }
    }
    return null;
  }

  step(queue: ByteQueue, offset: number): ParseStep {
    return this.#headerRead ? this.#record(queue, offset) : this.#header(queue);
  }

  #header(queue: ByteQueue): ParseStep {
    const unsupported = (what: string): ParseStep => ({ error: { kind: 'unsupported', what } });
    if (this.#magic === patchedMagic) return unsupported('a pcap file of a patched libpcap (magic 0xa1b2cd34)');
    const bytes = queue.peek(fileHeader.length);
    if (bytes === null) return { wanted: fileHeader.length, what: 'a pcap file header' };
    const header = view(bytes);
    const major = header.getUint16(fileHeader.major, this.#littleEndian);
    const minor = header.getUint16(fileHeader.minor, this.#littleEndian);
    if (major !== supportedMajor) return unsupported(`pcap version ${major}.${minor}`);
    this.#swappedLengths = minor < firstMinorWithLengthsInOrder;
    this.#headerRead = true;
    const linkType = header.getUint32(fileHeader.linkType, this.#littleEndian) & linkTypeMask;
    return { taken: fileHeader.length, item: { kind: 'interface', name: null, linkType, options: null } };
  }

  #record(queue: ByteQueue, offset: number): ParseStep {
    const bytes = queue.peek(record.length);
    if (bytes === null) return { wanted: record.length, what: 'a record header' };
    const header = view(bytes);
    const seconds = header.getUint32(record.seconds, this.#littleEndian);
    const fraction = header.getUint32(record.fraction, this.#littleEndian);
    const first = header.getUint32(record.capturedLength, this.#littleEndian);
    const second = header.getUint32(record.originalLength, this.#littleEndian);
    const [capturedLength, originalLength] = this.#swappedLengths ? [second, first] : [first, second];
    if (capturedLength > largestRecord) {
      const expected = `a record of at most ${largestRecord} bytes`;
      const error: CaptureFileError = { kind: 'damaged', offset, expected, found: `${capturedLength}` };
      return { error };
    }
    const total = record.length + capturedLength;
    const whole = queue.peek(total);
    if (whole === null) return { wanted: total, what: 'a record' };
    const unit = this.#magic === nanosecondMagic ? 1n : 1000n;
    const timeNs = BigInt(seconds) * nanosecondsPerSecond + BigInt(fraction) * unit;
    const frame = whole.slice(record.length);
    const item = { kind: 'frame', interfaceIndex: 0, timeNs, originalLength, bytes: frame, options: null } as const;
    return { taken: total, item };
  }
}
