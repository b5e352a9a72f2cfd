/**
 * The pcapng format, draft-ietf-opsawg-pcapng: sections of blocks. Interfaces and packets are read; blocks of any other
 * type are handed on whole.
 */

import type { ByteQueue } from './byte-queue.ts';
import { type CaptureParser, largestRecord, type OptionBytes, type ParseStep } from './capture-item.ts';
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

/** An interface of the present section: how its time stamps become nanoseconds. */
interface SectionInterface {
  readonly index: number;
  readonly snapLength: number;
  readonly multiply: bigint;
  readonly divide: bigint;
  readonly offsetNs: bigint;
}

const smallestBlock = blockHead + blockTail;
const supportedMajor = 1;
/** The draft tells readers to take minor 2, which some writers wrote by mistake, as 0. */
const supportedMinors: ReadonlySet<number> = new Set([0, 2]);
const nanosecondsPerSecond = 1_000_000_000n;
const defaultResolution = 6;
const binaryResolution = 0x80;
/** The obsolete packet block differs from the enhanced one in a 16-bit interface number. */
const obsoleteInterfaceMask = 0xffff;
const simpleBody = { originalLength: 0, bytes: 4 };

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function damaged(offset: number, expected: string, found: string | number): ParseStep {
  return { error: { kind: 'damaged', offset, expected, found: String(found) } };
}

/** Nanoseconds per unit of if_tsresol, as a fraction. */
function resolution(value: number): { multiply: bigint; divide: bigint } {
  const exponent = BigInt(value & ~binaryResolution);
  const divide = (value & binaryResolution) === 0 ? 10n ** exponent : 2n ** exponent;
  return { multiply: nanosecondsPerSecond, divide };
}

/** Reads pcapng, section by section. */
export class PcapngParser implements CaptureParser {
  #littleEndian = true;
  #inSection = false;
  #interfaceCount = 0;
  #interfaces: SectionInterface[] = [];

  /** A parser for a file that starts with these bytes; null when it is no pcapng. */
  static recognise(magic: Uint8Array): PcapngParser | null {
    if (magic.length < Uint32Array.BYTES_PER_ELEMENT) return null;
    return view(magic).getUint32(0, true) === blockType.section ? new PcapngParser() : null;
  }

  step(queue: ByteQueue, offset: number): ParseStep {
    const head = queue.peek(blockHead);
    if (head === null) return { wanted: blockHead, what: 'a block header' };
    const isSection = view(head).getUint32(0, true) === blockType.section;
    if (isSection) {
      const order = this.#readByteOrder(queue, offset);
      if (order !== null) return order;
    } else if (!this.#inSection) return damaged(offset, 'a section header block', 'another block');

    const type = isSection ? blockType.section : view(head).getUint32(0, this.#littleEndian);
    const length = view(head).getUint32(blockHead / 2, this.#littleEndian);
    if (length < smallestBlock || length > largestRecord) {
      return damaged(offset, `a block length of ${smallestBlock} to ${largestRecord}`, length);
    }
    // Some writers leave the padding out of the length; it is in the file all the same.
    const taken = padded(length);
    const block = queue.peek(taken);
    if (block === null) return { wanted: taken, what: 'a block' };
    const tail = view(block).getUint32(taken - blockTail, this.#littleEndian);
    if (tail !== length) return damaged(offset, `the block length ${length} again at the block's end`, tail);
    return this.#block(type, block.subarray(blockHead, taken - blockTail), taken, offset);
  }

  #readByteOrder(queue: ByteQueue, offset: number): ParseStep | null {
    const wanted = blockHead + sectionBody.major;
    const start = queue.peek(wanted);
    if (start === null) return { wanted, what: 'a section header' };
    for (const littleEndian of [true, false]) {
      if (view(start).getUint32(blockHead + sectionBody.byteOrder, littleEndian) === byteOrderMagic) {
        this.#littleEndian = littleEndian;
        return null;
      }
    }
    return damaged(offset, 'the byte-order magic of a section header', 'another number');
  }

  #block(type: number, body: Uint8Array, taken: number, offset: number): ParseStep {
    switch (type) {
      case blockType.section:
        return this.#section(body, taken, offset);
      case blockType.interface:
        return this.#interface(body, taken, offset);
      case blockType.enhancedPacket:
      case blockType.packet:
        return this.#packet(type, body, taken, offset);
      case blockType.simplePacket:
        return this.#simplePacket(body, taken, offset);
      default:
        return { taken, item: { kind: 'block', type, body: body.slice(), littleEndian: this.#littleEndian } };
    }
  }

  #section(body: Uint8Array, taken: number, offset: number): ParseStep {
    if (body.length < sectionBody.options) return damaged(offset, 'a section header of 16 bytes', body.length);
    const major = view(body).getUint16(sectionBody.major, this.#littleEndian);
    const minor = view(body).getUint16(sectionBody.minor, this.#littleEndian);
    if (major !== supportedMajor || !supportedMinors.has(minor)) {
      const what = `pcapng version ${major}.${minor}`;
      return this.#inSection
        ? damaged(offset, 'a section of pcapng version 1.0', what)
        : { error: { kind: 'unsupported', what } };
    }
    this.#inSection = true;
    this.#interfaces = [];
    return { taken, item: { kind: 'section', options: this.#options(body, sectionBody.options) } };
  }

  #interface(body: Uint8Array, taken: number, offset: number): ParseStep {
    if (body.length < interfaceBody.options) return damaged(offset, 'an interface block of 8 bytes', body.length);
    const data = view(body);
    let name: string | null = null;
    let unit = resolution(defaultResolution);
    let offsetNs = 0n;
    const options = this.#options(body, interfaceBody.options);
    for (const { code, value } of readOptions(options)) {
      if (code === interfaceOption.name) name = new TextDecoder().decode(value);
      else if (code === interfaceOption.timeResolution) unit = resolution(value.at(0) ?? defaultResolution);
      else if (code === interfaceOption.timeOffset && value.length === BigInt64Array.BYTES_PER_ELEMENT) {
        offsetNs = view(value).getBigInt64(0, this.#littleEndian) * nanosecondsPerSecond;
      }
    }
    const snapLength = data.getUint32(interfaceBody.snapLength, this.#littleEndian);
    this.#interfaces.push({ index: this.#interfaceCount, snapLength, ...unit, offsetNs });
    this.#interfaceCount += 1;
    const linkType = data.getUint16(interfaceBody.linkType, this.#littleEndian);
    return { taken, item: { kind: 'interface', name, linkType, options } };
  }

  #options(body: Uint8Array, start: number): OptionBytes {
    return { bytes: body.slice(start), littleEndian: this.#littleEndian };
  }

  #packet(type: number, body: Uint8Array, taken: number, offset: number): ParseStep {
    if (body.length < enhancedBody.bytes) return damaged(offset, 'a packet block of 20 bytes', body.length);
    const data = view(body);
    const number =
      type === blockType.packet
        ? data.getUint16(enhancedBody.interface, this.#littleEndian) & obsoleteInterfaceMask
        : data.getUint32(enhancedBody.interface, this.#littleEndian);
    const source = this.#interfaces[number];
    if (source === undefined) return damaged(offset, 'a packet of an interface that was described', number);
    const capturedLength = data.getUint32(enhancedBody.capturedLength, this.#littleEndian);
    const room = body.length - enhancedBody.bytes;
    if (capturedLength > room) return damaged(offset, `a packet of at most ${room} bytes`, capturedLength);
    const high = BigInt(data.getUint32(enhancedBody.timeHigh, this.#littleEndian));
    const low = BigInt(data.getUint32(enhancedBody.timeLow, this.#littleEndian));
    const timeNs = (((high << 32n) | low) * source.multiply) / source.divide + source.offsetNs;
    const originalLength = data.getUint32(enhancedBody.originalLength, this.#littleEndian);
    const bytes = body.slice(enhancedBody.bytes, enhancedBody.bytes + capturedLength);
    const afterBytes = enhancedBody.bytes + padded(capturedLength);
    const hasOptions = body.length >= afterBytes + optionLayout.value;
    const options = hasOptions ? this.#options(body, afterBytes) : null;
    return { taken, item: { kind: 'frame', interfaceIndex: source.index, timeNs, originalLength, bytes, options } };
  }

  #simplePacket(body: Uint8Array, taken: number, offset: number): ParseStep {
    if (body.length < simpleBody.bytes) return damaged(offset, 'a simple packet block of 4 bytes', body.length);
    const source = this.#interfaces.at(0);
    if (source === undefined) return damaged(offset, 'an interface block before a simple packet', 'none');
    const originalLength = view(body).getUint32(simpleBody.originalLength, this.#littleEndian);
    const limit = source.snapLength === 0 ? originalLength : Math.min(originalLength, source.snapLength);
    const room = body.length - simpleBody.bytes;
    if (limit > room) return damaged(offset, `a packet of at most ${room} bytes`, limit);
    const bytes = body.slice(simpleBody.bytes, simpleBody.bytes + limit);
    const item = { kind: 'frame', interfaceIndex: source.index, timeNs: 0n, originalLength, bytes } as const;
    return { taken, item: { ...item, options: null } };
  }
}
