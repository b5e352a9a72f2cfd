/**
 * Packets → connections, in constant memory a connection: TCP, UDP exchanges, ICMP echoes. This is the one definition of
 * what a connection is; the index of a large capture and the diagnosis of a case stand on it alike.
 *
 * A connection is known by its two ends, whatever the interface. A TCP connection is one attempt: a SYN with another
 * sequence number uses the same ports again. Sequence numbers are followed at each capture point by itself, so a packet
 * that several points saw is never taken for a retransmission.
 */

import { icmpErrno } from '../inet/icmp.ts';
import { ipProtocol, tcpFlag } from '../inet/protocol.ts';
import { fragmentState, type Headers } from '../wire/headers.ts';
import { connectionDouble, connectionWords, endingStage, none, connectionWord as word } from './connection-row.ts';
import { DnsTable, type DnsTransactions } from './dns-table.ts';
import { sent } from './outcome.ts';
import { Rows } from './rows.ts';
import type { Sight } from './sight.ts';
import { followSegment, side, sideAt, sideDouble, track } from './tcp-track.ts';
import { latestLeft, thin } from './thinning.ts';
import { hashEnds, sameAddresses, TupleHash } from './tuple-hash.ts';

/** Rows of connections and of what each capture point saw of them take 320 bytes: 670 MB at most, and half as much again
 * while they grow to that. */
const mostConnections = 2 ** 21;
const mostTracks = 2 ** 21;
/** A connection is followed at so many capture points; at more it is counted as the last of them. */
const mostPoints = 16;
/** Attempts on one pair of ends in which the one is looked for that a late capture point tells of again. */
const mostAttempts = 8;
/** Captures from several points are out of order by some milliseconds: an answer may come before its SYN. */
const overtakingNs = 100_000_000;

const fragmentBits = 12;
const fragmentSlots = 1 << fragmentBits;
const fragmentShift = 32 - fragmentBits;
const fragmentWords = 3;

/** Set in a row's `error`, so that an error of type 0 is not taken for none. */
const errorKnown = 0x10000;

/** What a table holds in the end. */
export interface Connections {
  /** Rows of `connectionWord`, in the order in which the connections began. */
  readonly rows: Rows;
  /** Rows of `track`. */
  readonly tracks: Rows;
  /** What resolvers were asked. */
  readonly names: DnsTransactions;
  /** Packets that are counted in no connection because the table is full. */
  readonly untracked: number;
}

/** Everything that was seen, packet by packet. */
export class ConnectionTable implements Connections {
  rows = new Rows(connectionWords);
  tracks = new Rows(track.words);
  readonly names = new DnsTable();
  #hash = new TupleHash(this.rows);
  readonly #seed: number;
  /** Direct-mapped: identification, connection + 1, direction of the latest first fragments. */
  readonly #fragments = new Int32Array(fragmentSlots * fragmentWords);
  #untracked = 0;

  /** Of the packet that was added last: 0 when the end sent it that the connection's row names first. */
  direction = 0;
  /** The packet that was added last to a connection is the first of its end, in TCP, to carry payload. */
  isFirstPayload = false;

  /** @param seed Of `hashEnds`. */
  constructor(seed = 0) {
    this.#seed = seed;
  }

  get untracked(): number {
    return this.#untracked;
  }

  /**
   * Adds a packet and gives its connection's number, from 0 in the order in which they began, or `none`.
   *
   * @param hash That of `hashEnds` with this table's seed.
   */
  add(sight: Sight, hash = hashEnds(sight.headers, this.#seed)): number {
    const { headers } = sight;
    this.direction = 0;
    if (!headers.hasPorts) return this.#addFragment(sight);
    const latest = this.#hash.find(headers, hash);
    let id = latest;
    if (latest === none) id = this.#begin(sight, hash, none);
    else {
      this.direction = this.#hash.direction;
      id = this.#current(latest);
      if (headers.protocol === ipProtocol.tcp && (headers.flags & (tcpFlag.syn | tcpFlag.ack)) === tcpFlag.syn) {
        id = this.#attempt(sight, hash, latest, id);
      }
      if (id !== latest && id !== none) this.#turn(headers, id);
    }
    if (id === none) {
      this.#untracked += 1;
      return none;
    }
    this.#count(sight, id);
    if (headers.fragment === fragmentState.first) this.#rememberFragment(headers, id);
    return id;
  }

  /**
   * Adds an ICMP error to the connection whose packet it quotes, and gives that connection's number, or `none`.
   *
   * @param quoted The headers of the quoted packet.
   */
  addError(quoted: Headers, type: number, code: number): number {
    if (!quoted.hasPorts || quoted.family === 0) return none;
    const latest = this.#hash.find(quoted, hashEnds(quoted, this.#seed));
    if (latest === none) return none;
    const id = this.#current(latest);
    const { words } = this.rows;
    const at = this.rows.at(id);
    const error = at + word.error;
    words[at + word.sent] = (words[at + word.sent] ?? 0) | sent.quoted;
    const hearsSoft = quoted.protocol !== ipProtocol.udp;
    if (words[error] === 0 && icmpErrno({ type, code }, quoted.family, hearsSoft) !== null) {
      words[error] = errorKnown | (type << 8) | code;
    }
    return id;
  }

  /** Notes what somebody saw in the packet that was added last, whose connection is known: a bit of `sent`. */
  note(id: number, bit: number): void {
    const { words } = this.rows;
    const at = this.rows.at(id) + word.sent + this.direction;
    words[at] = (words[at] ?? 0) | bit;
  }

  /** Lets go of the connections that are not kept, and gives the others' new numbers: see `Thinned`. */
  thin(isKept: (id: number) => boolean): Int32Array {
    const { rows, tracks, numbers } = thin(this, isKept);
    this.#hash = this.#hash.over(rows, (id) => latestLeft(this.rows, numbers, id));
    this.rows = rows;
    this.tracks = tracks;
    this.#fragments.fill(0);
    return numbers;
  }

  /** The attempt on the ends of `latest` that packets belong to. */
  #current(latest: number): number {
    return this.rows.words[this.rows.at(latest) + word.current] ?? latest;
  }

  /** Another attempt on the same ends may have begun from the other end. */
  #turn(headers: Headers, id: number): void {
    const { words } = this.rows;
    const at = this.rows.at(id);
    const forward = (headers.sourcePort << 16) | headers.destinationPort;
    this.direction = words[at + word.ports] === forward && sameAddresses(words, at, headers, 0) ? 0 : 1;
  }

  /** The attempt that a SYN belongs to: one that is known, or a new one. It is the current one from now on. */
  #attempt(sight: Sight, hash: number, latest: number, current: number): number {
    let id = latest;
    for (let count = 0; id !== none && count < mostAttempts; count += 1) {
      const { words } = this.rows;
      const at = this.rows.at(id);
      if (words[at + word.openingKnown] !== 0 && words[at + word.opening] === sight.headers.sequence) {
        this.rows.words[this.rows.at(latest) + word.current] = id;
        return id;
      }
      id = (words[at + word.previous] ?? 0) - 1;
    }
    return this.#isOvertaken(current, sight.timeNs) ? current : this.#begin(sight, hash, latest);
  }

  /** True for a connection that began a moment ago without a SYN: its SYN comes late from another point. */
  #isOvertaken(id: number, timeNs: number): boolean {
    const { words, doubles } = this.rows;
    const at = this.rows.at(id);
    const began = doubles[(at >> 1) + connectionDouble.firstNs] ?? 0;
    return words[at + word.openingKnown] === 0 && Math.abs(timeNs - began) < overtakingNs;
  }

  #begin({ headers, timeNs, frame }: Sight, hash: number, previous: number): number {
    if (this.rows.count >= mostConnections || !this.#hash.reserve(headers, hash)) return none;
    this.direction = 0;
    const id = this.rows.add();
    const { words, doubles } = this.rows;
    const at = this.rows.at(id);
    words.set(headers.addresses, at + word.addresses);
    words[at + word.ports] = (headers.sourcePort << 16) | headers.destinationPort;
    words[at + word.kind] = (headers.family << 8) | headers.protocol;
    words[at + word.current] = id;
    words[at + word.previous] = previous + 1;
    words[at + word.firstFrame] = frame;
    doubles[(at >> 1) + connectionDouble.firstNs] = timeNs;
    doubles[(at >> 1) + connectionDouble.lastNs] = timeNs;
    const beforeNs =
      previous === none ? timeNs : (doubles[(this.rows.at(previous) >> 1) + connectionDouble.lastNs] ?? 0);
    if (timeNs < beforeNs) words[at + word.sent] = sent.late;
    this.#hash.set(id, hash);
    return id;
  }

  #count(sight: Sight, id: number): void {
    const { headers, timeNs } = sight;
    const { direction } = this;
    const { words, doubles } = this.rows;
    const at = this.rows.at(id);
    const firstNs = (at >> 1) + connectionDouble.firstNs;
    const lastNs = (at >> 1) + connectionDouble.lastNs;
    let bits: number = sent.anything;
    if (timeNs >= (doubles[lastNs] ?? 0)) doubles[lastNs] = timeNs;
    else {
      bits |= sent.late;
      if (timeNs < (doubles[firstNs] ?? 0)) doubles[firstNs] = timeNs;
    }
    const isSegment =
      headers.protocol === ipProtocol.tcp && headers.hasTransport && headers.fragment !== fragmentState.later;
    const sentAt = at + word.sent + direction;
    const before = words[sentAt] ?? 0;
    if (isSegment) bits |= noteSegment(words, at, headers, direction);
    words[sentAt] = before | bits;
    this.isFirstPayload = (bits & ~before & sent.data) !== 0;

    if (sight.messageLength > 0) this.names.add(words, at, sight);

    const row = this.#track(words, at, sight.point);
    if (row === none) {
      this.#untracked += 1;
      return;
    }
    const { words: trackWords, doubles: trackDoubles } = this.tracks;
    const base = this.tracks.at(row);
    const own = sideAt(base, direction);
    trackWords[own + side.packets] = (trackWords[own + side.packets] ?? 0) + 1;
    const bytes = (own >> 1) + sideDouble.bytes;
    trackDoubles[bytes] = (trackDoubles[bytes] ?? 0) + sight.length;
    const payload = (own >> 1) + sideDouble.payload;
    trackDoubles[payload] = (trackDoubles[payload] ?? 0) + headers.payloadLength;
    if (isSegment) followSegment(trackWords, trackDoubles, base, direction, sight);
  }

  /** The row of a connection at a capture point, made when it is new there; `none` when there is no room for it. */
  #track(words: Int32Array, at: number, point: number): number {
    const head = (words[at + word.tracks] ?? 0) - 1;
    let row = head;
    for (let count = 1; row !== none; count += 1) {
      const base = this.tracks.at(row);
      if (this.tracks.words[base + track.point] === point || count === mostPoints) return row;
      row = (this.tracks.words[base + track.next] ?? 0) - 1;
    }
    if (this.tracks.count >= mostTracks) return none;
    const added = this.tracks.add();
    const base = this.tracks.at(added);
    this.tracks.words[base + track.point] = point;
    this.tracks.words[base + track.next] = head + 1;
    words[at + word.tracks] = added + 1;
    return added;
  }

  #fragmentSlot({ addresses, identification }: Headers): number {
    const ends = Math.imul((addresses[3] ?? 0) ^ (addresses[7] ?? 0), 0x9e3779b1);
    return (Math.imul(identification ^ ends, 0x85ebca6b) >>> fragmentShift) * fragmentWords;
  }

  #rememberFragment(headers: Headers, id: number): void {
    const slot = this.#fragmentSlot(headers);
    this.#fragments[slot] = headers.identification;
    this.#fragments[slot + 1] = id + 1;
    this.#fragments[slot + 2] = this.direction;
  }

  /** A later fragment has no ports: it belongs where the first one of its datagram went, if that was seen lately. */
  #addFragment(sight: Sight): number {
    const { headers } = sight;
    if (headers.fragment !== fragmentState.later) return none;
    const slot = this.#fragmentSlot(headers);
    const id = (this.#fragments[slot + 1] ?? 0) - 1;
    const direction = this.#fragments[slot + 2] ?? 0;
    if (id === none || this.#fragments[slot] !== (headers.identification | 0)) return none;
    const { words } = this.rows;
    const at = this.rows.at(id);
    const kind = (headers.family << 8) | headers.protocol;
    if (words[at + word.kind] !== kind || !sameAddresses(words, at, headers, direction)) return none;
    this.direction = direction;
    this.#count(sight, id);
    return id;
  }
}

/** Notes what a segment says about the connection's opening and ending; gives its bits of `sent`. */
function noteSegment(words: Int32Array, at: number, headers: Headers, direction: number): number {
  const { flags, sequence, acknowledgement } = headers;
  const syn = (flags & tcpFlag.syn) !== 0;
  const ack = (flags & tcpFlag.ack) !== 0;
  const reset = (flags & tcpFlag.reset) !== 0;
  let bits = headers.payloadLength > 0 ? sent.data : 0;
  if (syn) {
    bits |= ack ? sent.synAck : sent.syn;
    // A SYN-ACK tells the number that it answers; the SYN itself, when it comes after all, has the last word.
    if (!ack || words[at + word.openingKnown] === 0) {
      words[at + word.opening] = ack ? (acknowledgement - 1) | 0 : sequence;
      words[at + word.client] = ack ? 1 - direction : direction;
      words[at + word.openingKnown] = 1;
      if (!ack) words[at + word.openingIdentification] = headers.identification;
    }
  } else if (ack && !reset) bits |= sent.ack;
  // A closed port answers a SYN from sequence number 0, and tells which (RFC 9293, section 3.10.7.1). Behind NAT at the
  // client's own output it is all that is seen under the ends that the program knows.
  if (reset && ack && sequence === 0 && words[at + word.openingKnown] === 0) {
    const client = 1 - direction;
    words[at + word.opening] = (acknowledgement - 1) | 0;
    words[at + word.client] = client;
    words[at + word.openingKnown] = 1;
    words[at + word.sent + client] = (words[at + word.sent + client] ?? 0) | sent.syn;
  }
  if ((flags & tcpFlag.fin) !== 0) {
    bits |= sent.fin;
    if (words[at + word.finBy] === 0) words[at + word.finBy] = direction + 1;
  }
  if (reset) {
    bits |= sent.reset;
    if (words[at + word.resetBy] === 0) {
      const client = words[at + word.client] ?? 0;
      const own = words[at + word.sent + client] ?? 0;
      const isOpen = words[at + word.openingKnown] === 0 || (own & (sent.ack | sent.data)) !== 0;
      words[at + word.resetBy] = direction + 1;
      if (words[at + word.finBy] !== 0) words[at + word.resetStage] = endingStage.closing;
      else words[at + word.resetStage] = isOpen ? endingStage.open : endingStage.opening;
    }
  }
  return bits;
}
