/** Sights as rows of numbers: what one thread reads of packets, for another that has the table of connections. */

import { none } from '../flow/connection-row.ts';
import type { Sight } from '../flow/sight.ts';
import { fragmentState, type Headers } from '../wire/headers.ts';

/** Words of a row; the time is a double in two of them. */
const sightWord = {
  /** `Headers.addresses`. */
  addresses: 0,
  /** The source port in the upper half, the destination's in the lower. */
  ports: 8,
  /** What `kindBit` says. */
  kind: 9,
  sequence: 10,
  acknowledgement: 11,
  /** The window; of a quoted packet, type and code of the ICMP error. */
  window: 12,
  identification: 13,
  payloadLength: 14,
  point: 15,
  length: 18,
  frame: 19,
  /** That of `hashEnds`. */
  hash: 20,
  /** Where among the batch's messages the packet's is, in the upper bits, and how long it is. */
  message: 21,
} as const;
const timeDouble = 8;

/** 32-bit words of a row. */
export const sightWords = 22;

/** Bits of the word `kind`: flags in the lowest eight, then these. */
const kindBit = {
  protocolShift: 8,
  fragmentShift: 16,
  hasPorts: 1 << 18,
  hasTransport: 1 << 19,
  isQuoted: 1 << 20,
  isIpv4: 1 << 21,
} as const;
const byte = 0xff;
const half = 0xffff;
const halfBits = 16;
const fragmentMask = 3;
/** Enough for `longestMessage`. */
const messageBits = 10;
const messageMask = (1 << messageBits) - 1;

/** Memory for rows, which threads share. */
export interface SightMemory {
  /** `sightWords` words a row. */
  readonly rows: SharedArrayBuffer;
  /** The messages of all rows. */
  readonly messages: SharedArrayBuffer;
}

/** Rows in memory that threads share. */
export class SightRows {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #messages: Uint8Array<SharedArrayBuffer>;
  /** Bytes of messages that the rows written by now have. */
  #used = 0;

  constructor({ rows, messages }: SightMemory) {
    this.#words = new Int32Array(rows);
    this.#doubles = new Float64Array(rows);
    this.#messages = new Uint8Array(messages);
  }

  /** Writes a packet that was seen into a row that there is. Rows are written from 0 on, each time anew. */
  write(row: number, sight: Sight, hash: number): void {
    const { headers, timeNs, point, length, frame, messageLength } = sight;
    const words = this.#words;
    const at = row * sightWords;
    if (row === 0) this.#used = 0;
    this.#writeHeaders(at, headers);
    words[at + sightWord.point] = point;
    this.#doubles[(at >> 1) + timeDouble] = timeNs;
    words[at + sightWord.length] = length;
    words[at + sightWord.frame] = frame;
    words[at + sightWord.hash] = hash;
    words[at + sightWord.message] = messageLength === 0 ? 0 : this.#writeMessage(sight);
  }

  /** Copies a message, and gives the word of it. */
  #writeMessage({ bytes, messageAt, messageLength }: Sight): number {
    const word = (this.#used << messageBits) | messageLength;
    this.#messages.set(bytes.subarray(messageAt, messageAt + messageLength), this.#used);
    this.#used += messageLength;
    return word;
  }

  /** Writes the packet that an ICMP error quotes, and the error's type and code. */
  writeError(row: number, quoted: Headers, type: number, code: number): void {
    const at = row * sightWords;
    if (row === 0) this.#used = 0;
    this.#writeHeaders(at, quoted);
    this.#words[at + sightWord.kind] = (this.#words[at + sightWord.kind] ?? 0) | kindBit.isQuoted;
    this.#words[at + sightWord.window] = (type << 8) | code;
  }

  #writeHeaders(at: number, headers: Headers): void {
    const words = this.#words;
    const { addresses } = headers;
    for (let index = 0; index < addresses.length; index += 1) {
      words[at + sightWord.addresses + index] = addresses[index] ?? 0;
    }
    words[at + sightWord.ports] = (headers.sourcePort << halfBits) | headers.destinationPort;
    words[at + sightWord.kind] =
      headers.flags |
      (headers.protocol << kindBit.protocolShift) |
      (headers.fragment << kindBit.fragmentShift) |
      (headers.hasPorts ? kindBit.hasPorts : 0) |
      (headers.hasTransport ? kindBit.hasTransport : 0) |
      (headers.family === 4 ? kindBit.isIpv4 : 0);
    words[at + sightWord.sequence] = headers.sequence;
    words[at + sightWord.acknowledgement] = headers.acknowledgement;
    words[at + sightWord.window] = headers.window;
    words[at + sightWord.identification] = headers.identification;
    words[at + sightWord.payloadLength] = headers.payloadLength;
  }

  /** Reads a row into a sight; all that the table of connections asks for. */
  read(row: number, sight: Sight): void {
    const words = this.#words;
    const { headers } = sight;
    const at = row * sightWords;
    const { addresses } = headers;
    for (let index = 0; index < addresses.length; index += 1) {
      addresses[index] = words[at + sightWord.addresses + index] ?? 0;
    }
    const ports = words[at + sightWord.ports] ?? 0;
    headers.sourcePort = ports >>> halfBits;
    headers.destinationPort = ports & half;
    const kind = words[at + sightWord.kind] ?? 0;
    headers.flags = kind & byte;
    headers.protocol = (kind >>> kindBit.protocolShift) & byte;
    headers.fragment = fragmentOf(kind);
    headers.hasPorts = (kind & kindBit.hasPorts) !== 0;
    headers.hasTransport = (kind & kindBit.hasTransport) !== 0;
    headers.family = (kind & kindBit.isIpv4) === 0 ? 6 : 4;
    headers.sequence = words[at + sightWord.sequence] ?? 0;
    headers.acknowledgement = words[at + sightWord.acknowledgement] ?? 0;
    headers.window = words[at + sightWord.window] ?? 0;
    headers.identification = words[at + sightWord.identification] ?? 0;
    headers.payloadLength = (words[at + sightWord.payloadLength] ?? 0) >>> 0;
    sight.point = words[at + sightWord.point] ?? 0;
    sight.timeNs = this.#doubles[(at >> 1) + timeDouble] ?? 0;
    sight.length = (words[at + sightWord.length] ?? 0) >>> 0;
    sight.frame = (words[at + sightWord.frame] ?? 0) >>> 0;
    const message = words[at + sightWord.message] ?? 0;
    sight.messageLength = message & messageMask;
    if (message === 0) return;
    sight.bytes = this.#messages;
    sight.messageAt = message >>> messageBits;
  }

  /** The hash of a row. */
  hash(row: number): number {
    return this.#words[row * sightWords + sightWord.hash] ?? 0;
  }

  /** Type times 256, plus code, of the ICMP error that quotes a row's packet; `none` of a packet that was seen. */
  error(row: number): number {
    const at = row * sightWords;
    if (((this.#words[at + sightWord.kind] ?? 0) & kindBit.isQuoted) === 0) return none;
    return this.#words[at + sightWord.window] ?? 0;
  }
}

function fragmentOf(kind: number): 0 | 1 | 2 {
  const state = (kind >>> kindBit.fragmentShift) & fragmentMask;
  if (state === fragmentState.whole) return fragmentState.whole;
  return state === fragmentState.first ? fragmentState.first : fragmentState.later;
}
