/** A capture's records as sights: what the tables of connections are told of each IP packet, whoever has the table. */

import type { CaptureFileError } from '../capfile/capture-error.ts';
import type { CaptureVisitor, FrameRecord } from '../capfile/capture-parser.ts';
import { InterfacePlaces } from '../capfile/interface-places.ts';
import { RecordReader } from '../capfile/record-reader.ts';
import type { CaptureInterface } from '../case/evidence.ts';
import { dnsPort, longestMessage, messageHeaderLength } from '../flow/dns-table.ts';
import { isIcmpError, readQuotedHeaders } from '../flow/packet.ts';
import { Sight } from '../flow/sight.ts';
import { ipProtocol } from '../inet/protocol.ts';
import { Headers } from '../wire/headers.ts';

/** A packet takes at least so much of a capture: pcap's record header, and IPv4's header without a link layer. */
export const fewestSightBytes = 16 + 20;

const nanosecondsPerSecond = 1e9;
const udpHeaderLength = 8;
/** Cooked captures of more devices than this have the others joined. */
const mostDevices = 1024;

/** Told of what stands beside the frames; all of it is borrowed until the call returns. */
export type AroundFrames = Omit<CaptureVisitor, 'frame'>;

/** Told of each frame; `isPacket` is true for one with an IP header, which `sight` tells of. */
type FrameTaker = (record: FrameRecord, isPacket: boolean) => void;

/** Reads chunks of a capture, and the headers of its frames into one sight. */
export class SightReader {
  /** The present frame's. */
  readonly sight = new Sight();
  /** Headers of the packet that the present frame quotes, after `readsQuoted`. */
  readonly quoted = new Headers();
  readonly interfaces: CaptureInterface[] = [];
  readonly #reader: RecordReader;
  readonly #take: FrameTaker;
  readonly #linkTypes: number[] = [];
  /** Capture points within one file interface: a cooked capture tells of several devices. */
  readonly #points = new Map<number, number>();
  readonly #places = new InterfacePlaces();
  #firstSecond = Number.NaN;
  #frames = 0;
  #bytes = 0;

  /** @param around Told of what stands beside the frames, if anybody wants to know. */
  constructor(take: FrameTaker, around: AroundFrames | null = null) {
    this.#take = take;
    this.#reader = new RecordReader({
      section: (options) => {
        this.#places.section(options);
        around?.section(options);
      },
      interface: (name, linkType, options) => {
        this.interfaces.push({ ...this.#places.placeOf(name, options), linkType });
        this.#linkTypes.push(linkType);
        around?.interface(name, linkType, options);
      },
      frame: (record) => this.#frame(record),
      block: (type, body, littleEndian) => around?.block(type, body, littleEndian),
    });
  }

  /** Why the capture could not be read to its end; null while all is well. What is before the damage was told. */
  get error(): CaptureFileError | null {
    return this.#reader.error;
  }

  /** Bytes of the capture that went in. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The second of the first frame: sights count nanoseconds from it. 0 without frames. */
  get firstSecond(): number {
    return Number.isNaN(this.#firstSecond) ? 0 : this.#firstSecond;
  }

  /** Reads a chunk, which is borrowed until the call returns. */
  push(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    this.#reader.push(chunk);
  }

  /** Says that no more comes. */
  end(): void {
    this.#reader.end();
  }

  /** True when the present frame, an IP packet, is an ICMP error that quotes a packet. */
  readsQuoted({ window, start, capturedLength }: FrameRecord): boolean {
    const { headers } = this.sight;
    return isIcmpError(headers) && readQuotedHeaders(this.quoted, headers, window.view, start + capturedLength);
  }

  #frame(record: FrameRecord): void {
    const { window, start, capturedLength, originalLength, interfaceIndex, seconds, nanoseconds } = record;
    if (this.#frames === 0) this.#firstSecond = seconds;
    this.#frames += 1;
    const { sight } = this;
    const { headers } = sight;
    const linkType = this.#linkTypes[interfaceIndex] ?? 0;
    const isPacket = headers.read(window.view, start, capturedLength, originalLength, linkType);
    if (isPacket) {
      sight.timeNs = (seconds - this.#firstSecond) * nanosecondsPerSecond + nanoseconds;
      sight.point = headers.device === 0 ? interfaceIndex : this.#point(interfaceIndex, headers.device);
      sight.length = originalLength;
      sight.frame = this.#frames;
      sight.messageLength = 0;
      if (headers.protocol === ipProtocol.udp) this.#message(record);
    }
    this.#take(record, isPacket);
  }

  /** Finds the message to or from a resolver that the present frame carries, if it does. */
  #message({ window, start, capturedLength }: FrameRecord): void {
    const { sight } = this;
    const { headers } = sight;
    if (!headers.hasTransport || (headers.sourcePort !== dnsPort && headers.destinationPort !== dnsPort)) return;
    const messageAt = headers.transportAt + udpHeaderLength;
    const length = Math.min(headers.end, start + capturedLength) - messageAt;
    if (length < messageHeaderLength) return;
    sight.bytes = window.bytes;
    sight.messageAt = messageAt;
    sight.messageLength = Math.min(length, longestMessage);
  }

  #point(interfaceIndex: number, device: number): number {
    // Interfaces of the file are numbers from 0; devices within them follow below 0.
    const key = interfaceIndex * 2 ** 32 + device;
    const known = this.#points.get(key);
    if (known !== undefined) return known;
    if (this.#points.size >= mostDevices) return interfaceIndex;
    const point = -1 - this.#points.size;
    this.#points.set(key, point);
    return point;
  }
}
