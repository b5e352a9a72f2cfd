/**
 * One pass over a capture: where each packet stands, which connection it belongs to, what became of the connections.
 * Nothing is allocated for a packet but its 32 bytes of columns, and nothing of its bytes is kept.
 */

import type { CaptureFileError } from '../capfile/capture-error.ts';
import type { FrameRecord } from '../capfile/capture-parser.ts';
import { isWrittenByNettrace } from '../capfile/pcapng-notes.ts';
import { RecordReader } from '../capfile/record-reader.ts';
import type { CaptureInterface } from '../case/evidence.ts';
import { placeOfInterface } from '../case/interface-name.ts';
import { none } from '../flow/connection-row.ts';
import { ConnectionTable } from '../flow/connection-table.ts';
import { isIcmpError, readQuotedHeaders } from '../flow/packet.ts';
import { Sight } from '../flow/sight.ts';
import { fragmentState, Headers, ipProtocol } from '../wire/headers.ts';
import { isTunnelPort } from '../wire/tunnel-ports.ts';
import { packetDouble, packetWord, packRest } from './packet-row.ts';
import { PacketRows } from './packet-rows.ts';

const nanosecondsPerSecond = 1e9;
const largestSecond = 0xffff_ffff;
/** Cooked captures of more devices than this have the others joined. */
const mostDevices = 1024;

/** TCP's reserved bits and AE: the lower half of the byte before the flags that a row keeps (RFC 9293, section 3.1). */
const upperFlags = { offset: 12, mask: 0x0f };

/** True when a decoder finds nothing in the frame's addresses, ports and flags that a row does not keep. */
function saysAll(headers: Headers, view: DataView): boolean {
  const { hasTransport, hasPorts, fragment, protocol, sourcePort, destinationPort, transportAt } = headers;
  if (!hasTransport || !hasPorts || fragment !== fragmentState.whole) return false;
  if (protocol === ipProtocol.tcp) return (view.getUint8(transportAt + upperFlags.offset) & upperFlags.mask) === 0;
  return protocol !== ipProtocol.udp || !(isTunnelPort(sourcePort) || isTunnelPort(destinationPort));
}

/** Builds the index from chunks of a capture. */
export class CaptureIndex {
  /** Rows of `packetWord`, in the file's order; a packet's number is its row's plus 1. */
  readonly packets = new PacketRows();
  readonly connections: ConnectionTable;
  readonly interfaces: CaptureInterface[] = [];
  readonly #reader: RecordReader;
  readonly #sight = new Sight();
  readonly #quoted = new Headers();
  /** Link types of the interfaces, and the present frame's. */
  readonly #linkTypes: number[] = [];
  /** Capture points within one file interface: a cooked capture tells of several devices. */
  readonly #points = new Map<number, number>();
  /** The present section is nettrace's own, so that its interfaces name their namespaces. */
  #isOwn = false;
  #firstSecond = Number.NaN;
  #bytes = 0;

  /** @param seed Any number; see `ConnectionTable`. */
  constructor(seed = 0) {
    this.connections = new ConnectionTable(seed);
    this.#reader = new RecordReader({
      section: (options) => {
        this.#isOwn = isWrittenByNettrace(options);
      },
      interface: (name, linkType) => {
        this.interfaces.push({ ...placeOfInterface(name ?? '', this.#isOwn), linkType });
        this.#linkTypes.push(linkType);
      },
      frame: (record) => this.#frame(record),
      block: () => undefined,
    });
  }

  /** Why the capture could not be read to its end; null while all is well. What is before the damage is indexed. */
  get error(): CaptureFileError | null {
    return this.#reader.error;
  }

  /** Bytes of the capture that went in. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The second of the first packet: connections count nanoseconds from it. 0 without packets. */
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

  #frame(record: FrameRecord): void {
    const { window, start, capturedLength, originalLength, interfaceIndex, seconds, nanoseconds } = record;
    const { words, doubles } = this.packets.add();
    const packet = this.packets.count - 1;
    const at = this.packets.at(packet);
    doubles[(at >> 1) + packetDouble.offset] = window.fileOffset + start;
    words[at + packetWord.seconds] = Math.min(Math.max(seconds, 0), largestSecond);
    words[at + packetWord.nanoseconds] = nanoseconds;
    words[at + packetWord.capturedLength] = capturedLength;
    words[at + packetWord.originalLength] = originalLength;
    if (Number.isNaN(this.#firstSecond)) this.#firstSecond = seconds;

    const sight = this.#sight;
    const { headers } = sight;
    const linkType = this.#linkTypes[interfaceIndex] ?? 0;
    let connection: number = none;
    let rest = packRest(interfaceIndex, 0, 0, 0, 0);
    if (headers.read(window.view, start, capturedLength, originalLength, linkType)) {
      sight.timeNs = (seconds - this.#firstSecond) * nanosecondsPerSecond + nanoseconds;
      sight.point = headers.device === 0 ? interfaceIndex : this.#point(interfaceIndex, headers.device);
      sight.length = originalLength;
      sight.frame = packet + 1;
      const table = this.connections;
      connection = table.add(sight);
      const plain = connection !== none && saysAll(headers, window.view) ? 1 : 0;
      rest = packRest(interfaceIndex, plain, headers.flags, table.marks, table.direction);
      if (connection === none && isIcmpError(headers)) connection = this.#error(record);
    }
    words[at + packetWord.connection] = connection;
    words[at + packetWord.rest] = rest;
  }

  #error({ window, start, capturedLength }: FrameRecord): number {
    const { headers } = this.#sight;
    if (!readQuotedHeaders(this.#quoted, headers, window.view, start + capturedLength)) return none;
    return this.connections.addError(this.#quoted, headers.icmpType, headers.icmpCode);
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
