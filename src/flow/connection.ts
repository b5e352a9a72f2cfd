/**
 * Packets → connections: who asked whom, what came back, and what the asking program met. Causes are not named here.
 */

import type { Case, Frame } from '../case/evidence.ts';
import { dissect } from '../wire/dissect.ts';
import {
  type End,
  type FrameFacts,
  type IcmpError,
  joinPackets,
  type Packet,
  readFrame,
  readIcmpError,
} from './packet.ts';

/** What the program that asked met, as far as frames tell. */
export type WireOutcome = 'ok' | 'refused' | 'unreachable' | 'timeout' | 'reset' | 'closed' | 'unknown';

/** A conversation between two ends. */
export interface Connection {
  readonly protocol: 'tcp' | 'udp';
  readonly family: 4 | 6;
  /** Who asked: the sender of the SYN, else of the first packet seen. */
  readonly client: End;
  readonly server: End;
  readonly packets: readonly Packet[];
  /** ICMP errors that quote a packet of it. */
  readonly errors: readonly IcmpError[];
  /** Every frame of it, errors included, in the order of the case. */
  readonly frames: readonly Frame[];
  readonly outcome: WireOutcome;
  /** The errno that the outcome means to a connecting program (RFC 9293, 3.10.7.3; RFC 1122, 4.2.3.9), null when unclear. */
  readonly errno: string | null;
}

function sameEnd(a: End, b: End): boolean {
  return a.address === b.address && a.port === b.port;
}

/** True when the client sent this packet. */
export function fromClient(connection: Pick<Connection, 'client'>, packet: Packet): boolean {
  return sameEnd(packet.facts.source, connection.client);
}

/** The first packet that asks for the connection: a SYN, or any first packet of the client. */
export function requestPacket(connection: Connection): Packet | null {
  const own = connection.packets.filter((packet) => fromClient(connection, packet));
  return own.find(({ facts }) => facts.tcp === null || (facts.tcp.syn && !facts.tcp.ack)) ?? own[0] ?? null;
}

/** The RST that ended it, from either end, or null. */
export function resetPacket(connection: Connection): Packet | null {
  return connection.packets.find(({ facts }) => facts.tcp?.reset === true) ?? null;
}

const icmpErrno: Readonly<Record<string, string>> = {
  '4/3/0': 'ENETUNREACH',
  '4/3/1': 'EHOSTUNREACH',
  '4/3/2': 'ENOPROTOOPT',
  '4/3/3': 'ECONNREFUSED',
  '4/3/9': 'ENETUNREACH',
  '4/3/10': 'EHOSTUNREACH',
  '4/3/13': 'EHOSTUNREACH',
  '6/1/0': 'ENETUNREACH',
  '6/1/1': 'EACCES',
  '6/1/3': 'EHOSTUNREACH',
  '6/1/4': 'ECONNREFUSED',
  '6/1/5': 'EACCES',
};

interface Met {
  readonly outcome: WireOutcome;
  readonly errno: string | null;
}

function metByIcmp(errors: readonly IcmpError[]): Met | null {
  for (const { family, type, code } of errors) {
    const errno = icmpErrno[`${family}/${type}/${code}`];
    if (errno !== undefined) return { outcome: errno === 'ECONNREFUSED' ? 'refused' : 'unreachable', errno };
  }
  return null;
}

function metByUdp(packets: readonly Packet[], client: End, errors: readonly IcmpError[]): Met {
  if (packets.some(({ facts }) => !sameEnd(facts.source, client))) return { outcome: 'ok', errno: null };
  return metByIcmp(errors) ?? { outcome: 'timeout', errno: null };
}

function metByTcp(packets: readonly Packet[], client: End, errors: readonly IcmpError[]): Met {
  const own = packets.filter(({ facts }) => sameEnd(facts.source, client));
  const theirs = packets.filter(({ facts }) => !sameEnd(facts.source, client));
  const asked = own.some(({ facts }) => facts.tcp?.syn === true);
  const accepted = theirs.some(({ facts }) => facts.tcp?.syn === true && facts.tcp.ack);
  const resetByThem = theirs.some(({ facts }) => facts.tcp?.reset === true);
  const answeredBytes = theirs.reduce((sum, { facts }) => sum + facts.payloadLength, 0);
  const closedByThem = theirs.some(({ facts }) => facts.tcp?.fin === true);
  const askedBytes = own.reduce((sum, { facts }) => sum + facts.payloadLength, 0);
  if (asked && !accepted) {
    if (resetByThem) return { outcome: 'refused', errno: 'ECONNREFUSED' };
    return metByIcmp(errors) ?? { outcome: 'timeout', errno: null };
  }
  if (resetByThem && !closedByThem) return { outcome: 'reset', errno: 'ECONNRESET' };
  if (answeredBytes > 0) return { outcome: 'ok', errno: null };
  if (askedBytes > 0) return closedByThem ? { outcome: 'closed', errno: null } : { outcome: 'timeout', errno: null };
  return { outcome: accepted ? 'ok' : 'unknown', errno: null };
}

interface Gathered {
  readonly frames: FrameFacts[];
  readonly errors: IcmpError[];
}

function key(protocol: string, a: End, b: End): string {
  const [first, second] = [`${a.address} ${a.port}`, `${b.address} ${b.port}`].sort();
  return `${protocol} ${first} ${second}`;
}

/**
 * Splits the frames of one pair of ends where a new connection begins: a SYN with another sequence number after the old
 * one was refused or closed uses the same ports again.
 */
function splitByAttempt(frames: readonly FrameFacts[]): FrameFacts[][] {
  const attempts: FrameFacts[][] = [];
  let sequence: number | null = null;
  for (const facts of frames) {
    const opens = facts.tcp?.syn === true && !facts.tcp.ack;
    if (attempts.length === 0 || (opens && sequence !== null && facts.tcp?.sequence !== sequence)) attempts.push([]);
    if (opens) sequence = facts.tcp?.sequence ?? null;
    attempts.at(-1)?.push(facts);
  }
  return attempts;
}

function toConnection(frames: readonly FrameFacts[], errors: readonly IcmpError[]): Connection | null {
  const packets = joinPackets(frames);
  const opening = packets.find(({ facts }) => facts.tcp?.syn === true && !facts.tcp.ack) ?? packets[0];
  if (opening === undefined) return null;
  const { protocol, family, source: client, destination: server } = opening.facts;
  const met = protocol === 'tcp' ? metByTcp(packets, client, errors) : metByUdp(packets, client, errors);
  const all = [...frames.map(({ frame }) => frame), ...errors.map(({ frame }) => frame)];
  return {
    protocol,
    family,
    client,
    server,
    packets,
    errors,
    frames: all.sort((a, b) => a.number - b.number),
    ...met,
  };
}

/** Every TCP connection and UDP exchange of a case, in the order in which they began. */
export function findConnections(evidence: Case): Connection[] {
  const gathered = new Map<string, Gathered>();
  const of = (name: string): Gathered => {
    const known = gathered.get(name) ?? { frames: [], errors: [] };
    gathered.set(name, known);
    return known;
  };
  for (const frame of evidence.frames) {
    const linkType = evidence.interfaces[frame.interfaceIndex]?.linkType ?? 1;
    const dissection = dissect(frame.bytes, linkType, frame.originalLength);
    const facts = readFrame(frame, dissection);
    const error = facts === null ? readIcmpError(frame, dissection) : null;
    if (facts !== null) of(key(facts.protocol, facts.source, facts.destination)).frames.push(facts);
    if (error !== null) of(key(error.protocol, error.quotedSource, error.quotedDestination)).errors.push(error);
  }
  const connections = [...gathered.values()].flatMap(({ frames, errors }) =>
    splitByAttempt(frames).map((attempt) => toConnection(attempt, errors)),
  );
  return connections
    .filter((connection) => connection !== null)
    .sort((a, b) => (a.frames[0]?.number ?? 0) - (b.frames[0]?.number ?? 0));
}
