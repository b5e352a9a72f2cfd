/**
 * One pass over a capture: where each packet stands, which connection it belongs to, what became of the connections.
 * Nothing is allocated for a packet but its row of 32 bytes, and nothing of its bytes is kept.
 */

import type { CaptureFileError } from '../capfile/capture-error.ts';
import type { FrameRecord } from '../capfile/capture-parser.ts';
import type { CaptureInterface } from '../case/evidence.ts';
import { none } from '../flow/connection-row.ts';
import { ConnectionTable } from '../flow/connection-table.ts';
import { sent } from '../flow/outcome.ts';
import { ipProtocol } from '../inet/protocol.ts';
import { fragmentState, type Headers } from '../wire/headers.ts';
import { alertRecordLength, isFatalAlert, isTls } from '../wire/tls.ts';
import { isTunnelPort } from '../wire/tunnel-ports.ts';
import { packetDouble, packetWord, packRest } from './packet-row.ts';
import { PacketRows } from './packet-rows.ts';
import { type AroundFrames, SightReader } from './sight-reader.ts';

const largestSecond = 0xffff_ffff;

/** TCP's reserved bits and AE: the lower half of the byte before the flags that a row keeps (RFC 9293, section 3.1). */
const upperFlags = { offset: 12, mask: 0x0f };

/** ICMP errors whose connection is met later are remembered, so many of them. */
const mostEarlyErrors = 65_536;

/** True when the first bytes that an end of a TCP connection says are TLS. */
function beginsTls(headers: Headers, { window, start, capturedLength }: FrameRecord): boolean {
  const { bytes, view } = window;
  const { transportAt } = headers;
  const payloadAt = transportAt + (view.getUint8(transportAt + upperFlags.offset) >> 4) * 4;
  return isTls(bytes.subarray(0, start + capturedLength), payloadAt, headers.end);
}

/** True for a segment that is nothing but a fatal TLS alert. */
function isAlert(headers: Headers, { window: { bytes }, start, capturedLength }: FrameRecord): boolean {
  return isFatalAlert(bytes.subarray(0, start + capturedLength), headers.end - alertRecordLength, headers.end);
}

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
  /** No packet stands behind a later one. */
  inOrder = true;
  #latestNs = Number.NEGATIVE_INFINITY;
  /** Rows of ICMP errors that quote a packet of no connection: it may have come later. */
  readonly earlyErrors: number[] = [];
  readonly #reader: SightReader;

  /**
   * @param seed Any number; see `ConnectionTable`.
   * @param around Told of what stands beside the frames, if anybody wants to know.
   */
  constructor(seed = 0, around: AroundFrames | null = null) {
    this.connections = new ConnectionTable(seed);
    this.#reader = new SightReader((record, isPacket) => this.#frame(record, isPacket), around);
  }

  /** The file's interfaces, in its order. */
  get interfaces(): readonly CaptureInterface[] {
    return this.#reader.interfaces;
  }

  /** Why the capture could not be read to its end; null while all is well. What is before the damage is indexed. */
  get error(): CaptureFileError | null {
    return this.#reader.error;
  }

  /** Bytes of the capture that went in. */
  get bytes(): number {
    return this.#reader.bytes;
  }

  /** The second of the first packet: connections count nanoseconds from it. 0 without packets. */
  get firstSecond(): number {
    return this.#reader.firstSecond;
  }

  /** Reads a chunk, which is borrowed until the call returns. */
  push(chunk: Uint8Array): void {
    this.#reader.push(chunk);
  }

  /** Says that no more comes. */
  end(): void {
    this.#reader.end();
  }

  #frame(record: FrameRecord, isPacket: boolean): void {
    const { window, start, capturedLength, originalLength, interfaceIndex, seconds, nanoseconds } = record;
    const { words, doubles } = this.packets.add();
    const at = this.packets.at(this.packets.count - 1);
    doubles[(at >> 1) + packetDouble.offset] = window.fileOffset + start;
    words[at + packetWord.seconds] = Math.min(Math.max(seconds, 0), largestSecond);
    words[at + packetWord.nanoseconds] = nanoseconds;
    words[at + packetWord.capturedLength] = capturedLength;
    words[at + packetWord.originalLength] = originalLength;
    let connection: number = none;
    let rest = packRest(interfaceIndex, 0, 0, 0);
    if (isPacket) {
      const { sight, quoted } = this.#reader;
      const { headers } = sight;
      const table = this.connections;
      if (sight.timeNs < this.#latestNs) this.inOrder = false;
      else this.#latestNs = sight.timeNs;
      connection = table.add(sight);
      if (connection !== none && table.isFirstPayload && beginsTls(headers, record)) table.note(connection, sent.tls);
      if (headers.payloadLength === alertRecordLength && connection !== none && isAlert(headers, record)) {
        table.note(connection, sent.alert);
      }
      const plain = connection !== none && saysAll(headers, record.window.view) ? 1 : 0;
      rest = packRest(interfaceIndex, plain, headers.flags, table.direction);
      if (connection === none && this.#reader.readsQuoted(record)) {
        connection = table.addError(quoted, headers.icmpType, headers.icmpCode);
        if (connection === none && this.earlyErrors.length < mostEarlyErrors) {
          this.earlyErrors.push(this.packets.count - 1);
        }
      }
    }
    words[at + packetWord.connection] = connection;
    words[at + packetWord.rest] = rest;
  }
}
