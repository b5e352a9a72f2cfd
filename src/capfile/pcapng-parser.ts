/**
 * The pcapng format, draft-ietf-opsawg-pcapng: sections of blocks. Interfaces and packets are read; blocks of any other
 * type are handed on whole.
 */

import type { CaptureFileError } from './capture-error.ts';
import type { OptionBytes } from './capture-item.ts';
import { type CaptureParser, type CaptureVisitor, emptyRecord, largestRecord, type Window } from './capture-parser.ts';
import {
  blockHead,
  blockTail,
  blockType,
  byteOrderMagic,
  enhancedBody,
  interfaceBody,
  optionLayout,
  padded,
  sectionBody,
} from './pcapng-format.ts';
import { interfaceOption, readOptions } from './pcapng-options.ts';
import { StampReader } from './timestamp.ts';

/** An interface of the present section. */
interface SectionInterface {
  readonly index: number;
  readonly snapLength: number;
  readonly stamps: StampReader;
}

const smallestBlock = blockHead + blockTail;
const supportedMajor = 1;
/** The draft tells readers to take minor 2, which some writers wrote by mistake, as 0. */
const supportedMinors: ReadonlySet<number> = new Set([0, 2]);
const defaultResolution = 6;
const simpleBody = { originalLength: 0, bytes: 4 };

/** Reads pcapng, section by section. */
export class PcapngParser implements CaptureParser {
  readonly #visitor: CaptureVisitor;
  readonly #record = emptyRecord();
  #littleEndian = true;
  #inSection = false;
  #interfaceCount = 0;
  #interfaces: SectionInterface[] = [];
  /** Where the present block starts in the file. */
  #offset = 0;

  wanted = blockHead;
  what = 'a block header';
  error: CaptureFileError | null = null;

  private constructor(visitor: CaptureVisitor) {
    this.#visitor = visitor;
  }

  /** A parser for a file that starts with these bytes, four at least; null when it is no pcapng. */
  static recognise(head: Uint8Array, visitor: CaptureVisitor): PcapngParser | null {
    const magic = new DataView(head.buffer, head.byteOffset, head.byteLength).getUint32(0, true);
    return magic === blockType.section ? new PcapngParser(visitor) : null;
  }

  parse(window: Window, start: number): number {
    this.#record.window = window;
    let at = start;
    for (;;) {
      const next = this.#block(window, at);
      if (next === at || this.error !== null) return at;
      at = next;
    }
  }

  #damaged(expected: string, found: string | number): void {
    this.error = { kind: 'damaged', offset: this.#offset, expected, found: String(found) };
  }

  /** True when the window holds so many bytes from a place; else remembers what is wanted. */
  #has(window: Window, at: number, wanted: number, what: string): boolean {
    if (at + wanted <= window.view.byteLength) return true;
    this.wanted = wanted;
    this.what = what;
    return false;
  }

  /** Reads the block at a place and gives the next one's place; the same place when it is not whole or damaged. */
  #block(window: Window, at: number): number {
    this.#offset = window.fileOffset + at;
    const { view } = window;
    if (!this.#has(window, at, blockHead, 'a block header')) return at;
    const isSection = view.getUint32(at, true) === blockType.section;
    if (isSection) {
      if (!this.#readByteOrder(window, at)) return at;
    } else if (!this.#inSection) {
      this.#damaged('a section header block', 'another block');
      return at;
    }
    const type = isSection ? blockType.section : view.getUint32(at, this.#littleEndian);
    const length = view.getUint32(at + blockHead / 2, this.#littleEndian);
    if (length < smallestBlock || length > largestRecord) {
      this.#damaged(`a block length of ${smallestBlock} to ${largestRecord}`, length);
      return at;
    }
    // Some writers leave the padding out of the length; it is in the file all the same.
    const taken = padded(length);
    if (!this.#has(window, at, taken, 'a block')) return at;
    const end = at + taken - blockTail;
    const tail = view.getUint32(end, this.#littleEndian);
    if (tail !== length) {
      this.#damaged(`the block length ${length} again at the block's end`, tail);
      return at;
    }
    this.#body(type, window, at + blockHead, end);
    return this.error === null ? at + taken : at;
  }

  #readByteOrder(window: Window, at: number): boolean {
    if (!this.#has(window, at, blockHead + sectionBody.major, 'a section header')) return false;
    for (const littleEndian of [true, false]) {
      if (window.view.getUint32(at + blockHead + sectionBody.byteOrder, littleEndian) === byteOrderMagic) {
        this.#littleEndian = littleEndian;
        return true;
      }
    }
    this.#damaged('the byte-order magic of a section header', 'another number');
    return false;
  }

  #body(type: number, window: Window, body: number, end: number): void {
    switch (type) {
      case blockType.enhancedPacket:
      case blockType.packet:
        this.#packet(type, window, body, end);
        break;
      case blockType.simplePacket:
        this.#simplePacket(window, body, end);
        break;
      case blockType.section:
        this.#section(window, body, end);
        break;
      case blockType.interface:
        this.#interface(window, body, end);
        break;
      default:
        this.#visitor.block(type, window.bytes.subarray(body, end), this.#littleEndian);
    }
  }

  #section(window: Window, body: number, end: number): void {
    const { view } = window;
    if (end - body < sectionBody.options) return this.#damaged('a section header of 16 bytes', end - body);
    const major = view.getUint16(body + sectionBody.major, this.#littleEndian);
    const minor = view.getUint16(body + sectionBody.minor, this.#littleEndian);
    if (major !== supportedMajor || !supportedMinors.has(minor)) {
      const what = `pcapng version ${major}.${minor}`;
      if (this.#inSection) return this.#damaged('a section of pcapng version 1.0', what);
      this.error = { kind: 'unsupported', what };
      return undefined;
    }
    this.#inSection = true;
    this.#interfaces = [];
    this.#visitor.section(this.#options(window, body + sectionBody.options, end));
    return undefined;
  }

  #interface(window: Window, body: number, end: number): void {
    if (end - body < interfaceBody.options) return this.#damaged('an interface block of 8 bytes', end - body);
    const { view } = window;
    let name: string | null = null;
    let resolution = defaultResolution;
    let offsetSeconds = 0n;
    const options = this.#options(window, body + interfaceBody.options, end);
    for (const { code, value } of readOptions(options)) {
      if (code === interfaceOption.name) name = new TextDecoder().decode(value);
      else if (code === interfaceOption.timeResolution) resolution = value.at(0) ?? defaultResolution;
      else if (code === interfaceOption.timeOffset && value.length === BigInt64Array.BYTES_PER_ELEMENT) {
        offsetSeconds = view.getBigInt64(value.byteOffset - view.byteOffset, this.#littleEndian);
      }
    }
    const snapLength = view.getUint32(body + interfaceBody.snapLength, this.#littleEndian);
    this.#interfaces.push({
      index: this.#interfaceCount,
      snapLength,
      stamps: new StampReader(resolution, offsetSeconds),
    });
    this.#interfaceCount += 1;
    this.#visitor.interface(name, view.getUint16(body + interfaceBody.linkType, this.#littleEndian), options);
    return undefined;
  }

  #options({ bytes }: Window, start: number, end: number): OptionBytes {
    return { bytes: bytes.subarray(start, end), littleEndian: this.#littleEndian };
  }

  #packet(type: number, { view }: Window, body: number, end: number): void {
    if (end - body < enhancedBody.bytes) return this.#damaged('a packet block of 20 bytes', end - body);
    // The obsolete packet block differs from the enhanced one in a 16-bit interface number.
    const number =
      type === blockType.packet
        ? view.getUint16(body + enhancedBody.interface, this.#littleEndian)
        : view.getUint32(body + enhancedBody.interface, this.#littleEndian);
    const source = this.#interfaces[number];
    if (source === undefined) return this.#damaged('a packet of an interface that was described', number);
    const capturedLength = view.getUint32(body + enhancedBody.capturedLength, this.#littleEndian);
    const room = end - body - enhancedBody.bytes;
    if (capturedLength > room) return this.#damaged(`a packet of at most ${room} bytes`, capturedLength);
    const record = this.#record;
    source.stamps.read(
      view.getUint32(body + enhancedBody.timeHigh, this.#littleEndian),
      view.getUint32(body + enhancedBody.timeLow, this.#littleEndian),
      record,
    );
    record.start = body + enhancedBody.bytes;
    record.capturedLength = capturedLength;
    record.originalLength = view.getUint32(body + enhancedBody.originalLength, this.#littleEndian);
    record.interfaceIndex = source.index;
    const afterBytes = record.start + padded(capturedLength);
    record.optionsEnd = end;
    record.optionsStart = afterBytes + optionLayout.value <= end ? afterBytes : end;
    record.littleEndian = this.#littleEndian;
    this.#visitor.frame(record);
    return undefined;
  }

  #simplePacket({ view }: Window, body: number, end: number): void {
    if (end - body < simpleBody.bytes) return this.#damaged('a simple packet block of 4 bytes', end - body);
    const source = this.#interfaces.at(0);
    if (source === undefined) return this.#damaged('an interface block before a simple packet', 'none');
    const originalLength = view.getUint32(body + simpleBody.originalLength, this.#littleEndian);
    const limit = source.snapLength === 0 ? originalLength : Math.min(originalLength, source.snapLength);
    const room = end - body - simpleBody.bytes;
    if (limit > room) return this.#damaged(`a packet of at most ${room} bytes`, limit);
    const record = this.#record;
    record.seconds = 0;
    record.nanoseconds = 0;
    record.start = body + simpleBody.bytes;
    record.capturedLength = limit;
    record.originalLength = originalLength;
    record.interfaceIndex = source.index;
    record.optionsStart = record.optionsEnd;
    this.#visitor.frame(record);
    return undefined;
  }
}
