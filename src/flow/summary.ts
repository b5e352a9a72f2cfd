/** What a connection's rows say, in words and numbers: made when it is asked for, never for each packet. */

import { formatIpv4, formatIpv6Words } from '../inet/address.ts';
import { icmpErrno } from '../inet/icmp.ts';
import { ipProtocol } from '../inet/protocol.ts';
import { connectionDouble, endingStage, none, connectionWord as word } from './connection-row.ts';
import type { Connections } from './connection-table.ts';
import { type DnsExchange, dnsExchanges, failedToResolve, responseCodes } from './dns-exchange.ts';
import { type Met, metByDatagram, metByTcp, sent } from './outcome.ts';
import { handshake, side, sideAt, sideDouble, track, trackDouble } from './tcp-track.ts';

/** One end of a conversation. */
export interface End {
  readonly address: string;
  /** Of an ICMP echo, its identifier. */
  readonly port: number;
}

/** What one end sent, as the capture point tells that saw most of it. */
export interface SideSummary {
  readonly packets: number;
  /** Bytes on the wire, link headers included; and bytes of transport payload, those sent again included. */
  readonly bytes: number;
  readonly payload: number;
  readonly retransmissions: number;
  readonly outOfOrder: number;
  readonly duplicateAcks: number;
  /** Segments that announced a window of 0. */
  readonly zeroWindows: number;
  readonly keepAlives: number;
}

/** How a TCP connection ended. */
interface Ending {
  readonly how: 'fin' | 'reset';
  /** Who sent the first FIN, or the first RST. */
  readonly by: 'client' | 'server';
  /** When: before the handshake was complete, while it was open, after a FIN. */
  readonly stage: 'opening' | 'open' | 'closing';
}

/** A connection. */
export interface ConnectionSummary extends Met {
  readonly protocol: 'tcp' | 'udp' | 'icmp' | 'icmpv6';
  /** Who asked: the sender of the SYN, else the receiver of the SYN-ACK, else the sender of the first packet. */
  readonly client: End;
  readonly server: End;
  /** The same ends after NAT; null without. */
  readonly translated: { readonly client: End; readonly server: End } | null;
  /** Nanoseconds from the table's fixed moment to the first and the last packet. */
  readonly firstNs: number;
  readonly lastNs: number;
  /** The number of its first frame. */
  readonly firstFrame: number;
  /** Capture points that saw it. */
  readonly points: number;
  /** What the client sent, and what the server sent. */
  readonly request: SideSummary;
  readonly reply: SideSummary;
  /** TCP: from the SYN to the client's acknowledgement of the answer; null when not seen, or not sure. */
  readonly handshakeNs: number | null;
  /** TCP: a SYN or SYN-ACK was seen; without, the capture began later than the connection. */
  readonly openingSeen: boolean;
  /** TCP: null when neither FIN nor RST was seen. */
  readonly ending: Ending | null;
  /** UDP: what a resolver was asked. */
  readonly dns: readonly DnsExchange[];
}

const protocolNames: ReadonlyMap<number, ConnectionSummary['protocol']> = new Map([
  [ipProtocol.tcp, 'tcp'],
  [ipProtocol.udp, 'udp'],
  [ipProtocol.icmp, 'icmp'],
  [ipProtocol.icmpv6, 'icmpv6'],
]);
const stages: ReadonlyMap<number, Ending['stage']> = new Map([
  [endingStage.opening, 'opening'],
  [endingStage.open, 'open'],
  [endingStage.closing, 'closing'],
]);

/** A connection's row, with what its words mean. */
class Row {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #at: number;

  constructor(table: Connections, id: number) {
    this.#words = table.rows.words;
    this.#doubles = table.rows.doubles;
    this.#at = table.rows.at(id);
  }

  word(index: number): number {
    return this.#words[this.#at + index] ?? 0;
  }

  double(index: number): number {
    return this.#doubles[(this.#at >> 1) + index] ?? 0;
  }

  get protocol(): number {
    return this.word(word.kind) & 0xff;
  }

  get family(): 4 | 6 {
    return this.word(word.kind) >> 8 === 4 ? 4 : 6;
  }

  /** End 0 or 1. */
  end(index: number): End {
    const from = this.#at + word.addresses + 4 * index;
    const address =
      this.family === 4
        ? formatIpv4(this.#words[from + 3] ?? 0)
        : formatIpv6Words(this.#words.subarray(from, from + 4));
    const ports = this.word(word.ports);
    return { address, port: index === 0 ? ports >>> 16 : ports & 0xffff };
  }

  get client(): number {
    return this.word(word.client);
  }

  /** Bits of `sent`: the client's, or the server's. */
  sentBy(who: 'client' | 'server'): number {
    return this.word(word.sent + (who === 'client' ? this.client : 1 - this.client));
  }

  /** The errno of the first ICMP error that means one. */
  get errno(): string | null {
    const error = this.word(word.error);
    return error === 0 ? null : icmpErrno({ type: (error >> 8) & 0xff, code: error & 0xff }, this.family, true);
  }

  /** Who said first that it is done; null while nobody has. */
  get finBy(): Ending['by'] | null {
    const end = this.word(word.finBy);
    return end === 0 ? null : this.#by(end);
  }

  #by(end: number): Ending['by'] {
    return end - 1 === this.client ? 'client' : 'server';
  }

  get ending(): Ending | null {
    const { finBy } = this;
    const resetBy = this.word(word.resetBy);
    const stage = stages.get(this.word(word.resetStage)) ?? 'open';
    // After both ends have said that they are done, a reset only tidies up.
    const done = (this.sentBy('client') & this.sentBy('server') & sent.fin) !== 0;
    if (resetBy !== 0 && !(stage === 'closing' && done)) return { how: 'reset', by: this.#by(resetBy), stage };
    return finBy === null ? null : { how: 'fin', by: finBy, stage: 'closing' };
  }
}

/** The outcome of rows that are one connection, before and after NAT. */
function outcomeOf(rows: readonly Row[]): Met {
  const bits = (who: 'client' | 'server'): number => rows.reduce((all, row) => all | row.sentBy(who), 0);
  const errno = rows.map((row) => row.errno).find((one) => one !== null) ?? null;
  const isTcp = rows[0]?.protocol === ipProtocol.tcp;
  if (!isTcp) return metByDatagram(bits('server'), errno);
  const finBy = rows.map((row) => row.finBy).find((one) => one !== null);
  return metByTcp(bits('client'), bits('server'), errno, finBy === 'client');
}

interface Tracks {
  readonly request: SideSummary;
  readonly reply: SideSummary;
  readonly points: number;
  readonly handshakeNs: number | null;
}

/** Of a connection that no capture point has a row for, because the table is full. */
const nothing: SideSummary = {
  packets: 0,
  bytes: 0,
  payload: 0,
  retransmissions: 0,
  outOfOrder: 0,
  duplicateAcks: 0,
  zeroWindows: 0,
  keepAlives: 0,
};

/** The greater of each figure: every packet passed where most were seen, and a loss shows only before the place of it. */
function greater(a: SideSummary, b: SideSummary): SideSummary {
  return {
    packets: Math.max(a.packets, b.packets),
    bytes: Math.max(a.bytes, b.bytes),
    payload: Math.max(a.payload, b.payload),
    retransmissions: Math.max(a.retransmissions, b.retransmissions),
    outOfOrder: Math.max(a.outOfOrder, b.outOfOrder),
    duplicateAcks: Math.max(a.duplicateAcks, b.duplicateAcks),
    zeroWindows: Math.max(a.zeroWindows, b.zeroWindows),
    keepAlives: Math.max(a.keepAlives, b.keepAlives),
  };
}

function sideOf({ tracks }: Connections, base: number, direction: number): SideSummary {
  const { words, doubles } = tracks;
  const own = sideAt(base, direction);
  return {
    packets: (words[own + side.packets] ?? 0) >>> 0,
    bytes: doubles[(own >> 1) + sideDouble.bytes] ?? 0,
    payload: doubles[(own >> 1) + sideDouble.payload] ?? 0,
    retransmissions: (words[own + side.retransmissions] ?? 0) >>> 0,
    outOfOrder: (words[own + side.outOfOrder] ?? 0) >>> 0,
    duplicateAcks: (words[own + side.duplicateAcks] ?? 0) >>> 0,
    zeroWindows: (words[own + side.zeroWindows] ?? 0) >>> 0,
    keepAlives: (words[own + side.keepAlives] ?? 0) >>> 0,
  };
}

/** What one capture point saw. */
function readTrack(table: Connections, base: number, client: number): Tracks {
  const { words, doubles } = table.tracks;
  const state = words[base + track.handshake] ?? 0;
  const isTimed = (state & (handshake.complete | handshake.repeated)) === handshake.complete;
  return {
    request: sideOf(table, base, client),
    reply: sideOf(table, base, 1 - client),
    points: 1,
    handshakeNs: isTimed ? (doubles[(base >> 1) + trackDouble.roundTripNs] ?? 0) : null,
  };
}

function joinTracks(table: Connections, rows: readonly Row[]): Tracks {
  let joined: Tracks | null = null;
  for (const connection of rows) {
    let row = connection.word(word.tracks) - 1;
    while (row !== none) {
      const base = table.tracks.at(row);
      const { request, reply, points, handshakeNs }: Tracks = readTrack(table, base, connection.client);
      joined =
        joined === null
          ? { request, reply, points, handshakeNs }
          : {
              request: greater(joined.request, request),
              reply: greater(joined.reply, reply),
              points: joined.points + points,
              handshakeNs: handshakeNs === null ? joined.handshakeNs : Math.max(handshakeNs, joined.handshakeNs ?? 0),
            };
      row = (table.tracks.words[base + track.next] ?? 0) - 1;
    }
  }
  return joined ?? { request: nothing, reply: nothing, points: 0, handshakeNs: null };
}

/** The same of rows whose resolver answered with these response codes. */
function metWith(codes: readonly number[], rows: readonly Row[]): Met {
  return failedToResolve(codes) ? { outcome: 'dns-failed', errno: null } : outcomeOf(rows);
}

/** What is told of a connection at little cost, for millions of them. */
export interface Glance extends Met {
  readonly protocol: ConnectionSummary['protocol'];
  /** Port of the end that was asked. */
  readonly serverPort: number;
  /** Bits of `sent`: the client's, and the server's. */
  readonly own: number;
  readonly theirs: number;
  /** A resolver answered with an error, or may have: not all that it said was kept. */
  readonly dnsErrors: boolean;
  /** TCP: an end sent something again that was not acknowledged to the last. */
  readonly unacknowledged: boolean;
}

/** True where a capture point saw an end repeat itself, and bytes of it that the other end had not acknowledged when it was over. */
function isUnacknowledged({ tracks }: Connections, row: Row): boolean {
  const { words } = tracks;
  for (let next = row.word(word.tracks) - 1; next !== none; ) {
    const base = tracks.at(next);
    for (const direction of [0, 1]) {
      const [own, peer] = [sideAt(base, direction), sideAt(base, 1 - direction)];
      const outstanding = ((words[own + side.nextSequence] ?? 0) - (words[peer + side.acknowledgement] ?? 0)) | 0;
      if (outstanding > 0 && (words[own + side.retransmissions] ?? 0) !== 0) return true;
    }
    next = (words[base + track.next] ?? 0) - 1;
  }
  return false;
}

/** A connection of the table, at a glance: as it stands there, before or after NAT. */
export function glanceAt(table: Connections, id: number): Glance {
  const row = new Row(table, id);
  const ports = row.word(word.ports);
  const codes = responseCodes(table, id);
  return {
    protocol: protocolNames.get(row.protocol) ?? 'udp',
    serverPort: row.client === 0 ? ports & 0xffff : ports >>> 16,
    own: row.sentBy('client'),
    theirs: row.sentBy('server'),
    dnsErrors: codes.some((code) => code !== 0) || table.names.untold > 0,
    unacknowledged: row.protocol === ipProtocol.tcp && isUnacknowledged(table, row),
    ...metWith(codes, [row]),
  };
}

/**
 * A connection of the table.
 *
 * @param translations The numbers of the same connection after NAT, in the order of time.
 */
export function summarizeConnection(
  table: Connections,
  id: number,
  translations: readonly number[] = [],
): ConnectionSummary {
  const row = new Row(table, id);
  const rows = [row, ...translations.map((translated) => new Row(table, translated))];
  const last = rows.at(-1) ?? row;
  const client = (one: Row): End => one.end(one.client);
  const server = (one: Row): End => one.end(1 - one.client);
  const protocol = protocolNames.get(row.protocol) ?? 'udp';
  return {
    protocol,
    client: client(row),
    server: server(row),
    translated: last === row ? null : { client: client(last), server: server(last) },
    firstNs: Math.min(...rows.map((one) => one.double(connectionDouble.firstNs))),
    lastNs: Math.max(...rows.map((one) => one.double(connectionDouble.lastNs))),
    firstFrame: row.word(word.firstFrame),
    ...joinTracks(table, rows),
    openingSeen: rows.some((one) => one.word(word.openingKnown) !== 0),
    ending: protocol === 'tcp' ? (rows.map((one) => one.ending).find((one) => one !== null) ?? null) : null,
    dns: dnsExchanges(table, id),
    ...metWith(responseCodes(table, id), rows),
  };
}
