/**
 * Packets → connections: who asked whom, what came back, and what the asking program met. Causes are not named here.
 */

import type { Case, Frame } from '../case/evidence.ts';
import { inTimeOrder } from '../case/order.ts';
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
type WireOutcome = 'ok' | 'refused' | 'unreachable' | 'timeout' | 'reset' | 'closed' | 'unknown';

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
  /** Every frame of it, errors included, in the order of time. */
  readonly frames: readonly Frame[];
  /** Of the first and the last frame, nanoseconds since 1970. */
  readonly beganNs: bigint;
  readonly endedNs: bigint;
  readonly outcome: WireOutcome;
  /** The errno that the outcome means to the program (RFC 9293, 3.10.7.3; RFC 1122, 4.2.3.9), null when unclear. */
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

/** The frames of what refused it: those of the RST, or of the ICMP errors that came back instead. */
export function refusalFrames(connection: Connection): readonly Frame[] {
  return resetPacket(connection)?.frames ?? connection.errors.map(({ frame }) => frame);
}

/** True when the server's end took it: a SYN-ACK, or an answer to a datagram, was seen. */
export function wasAnswered(connection: Connection): boolean {
  return connection.packets.some(
    (packet) => !fromClient(connection, packet) && (packet.facts.tcp === null || packet.facts.tcp.syn),
  );
}

/** What an ICMP error means to a socket; `soft` is not told to a UDP socket. */
interface IcmpMeaning {
  readonly errno: string;
  readonly soft?: true;
}

/** By family/type/code: `icmp_err_convert` (net/ipv4/icmp.c) and `icmpv6_err_convert` (net/ipv6/icmp.c). */
const icmpMeanings: Readonly<Record<string, IcmpMeaning>> = {
  '4/3/0': { errno: 'ENETUNREACH', soft: true },
  '4/3/1': { errno: 'EHOSTUNREACH', soft: true },
  '4/3/2': { errno: 'ENOPROTOOPT' },
  '4/3/3': { errno: 'ECONNREFUSED' },
  '4/3/5': { errno: 'EOPNOTSUPP', soft: true },
  '4/3/6': { errno: 'ENETUNREACH' },
  '4/3/7': { errno: 'EHOSTDOWN' },
  '4/3/8': { errno: 'ENONET' },
  '4/3/9': { errno: 'ENETUNREACH' },
  '4/3/10': { errno: 'EHOSTUNREACH' },
  '4/3/11': { errno: 'ENETUNREACH', soft: true },
  '4/3/12': { errno: 'EHOSTUNREACH', soft: true },
  '4/3/13': { errno: 'EHOSTUNREACH' },
  '4/3/14': { errno: 'EHOSTUNREACH' },
  '4/3/15': { errno: 'EHOSTUNREACH' },
  '4/11/0': { errno: 'EHOSTUNREACH', soft: true },
  '6/1/0': { errno: 'ENETUNREACH', soft: true },
  '6/1/1': { errno: 'EACCES' },
  '6/1/2': { errno: 'EHOSTUNREACH', soft: true },
  '6/1/3': { errno: 'EHOSTUNREACH', soft: true },
  '6/1/4': { errno: 'ECONNREFUSED' },
  '6/1/5': { errno: 'EACCES' },
  '6/1/6': { errno: 'EACCES' },
  '6/3/0': { errno: 'EHOSTUNREACH', soft: true },
};

interface Met {
  readonly outcome: WireOutcome;
  readonly errno: string | null;
}

function metByIcmp(errors: readonly IcmpError[], hearsSoft: boolean): Met | null {
  for (const { family, type, code } of errors) {
    const meaning = icmpMeanings[`${family}/${type}/${code}`];
    if (meaning === undefined || (meaning.soft === true && !hearsSoft)) continue;
    const { errno } = meaning;
    return { outcome: errno === 'ECONNREFUSED' ? 'refused' : 'unreachable', errno };
  }
  return null;
}

function metByUdp(packets: readonly Packet[], client: End, errors: readonly IcmpError[]): Met {
  if (packets.some(({ facts }) => !sameEnd(facts.source, client))) return { outcome: 'ok', errno: null };
  return metByIcmp(errors, false) ?? { outcome: 'timeout', errno: null };
}

function metByTcp(packets: readonly Packet[], client: End, errors: readonly IcmpError[]): Met {
  const own = packets.filter(({ facts }) => sameEnd(facts.source, client));
  const theirs = packets.filter(({ facts }) => !sameEnd(facts.source, client));
  const asked = own.some(({ facts }) => facts.tcp?.syn === true);
  const accepted = theirs.some(({ facts }) => facts.tcp?.syn === true && facts.tcp.ack);
  // An accepting answer that never reaches the client is none to it: only its own acknowledgement shows that it did.
  const heard = own.some(({ facts: { tcp } }) => tcp !== null && tcp.ack && !tcp.syn && !tcp.reset);
  const resetByUs = own.some(({ facts }) => facts.tcp?.reset === true);
  const resetByThem = theirs.some(({ facts }) => facts.tcp?.reset === true);
  const answeredBytes = theirs.reduce((sum, { facts }) => sum + facts.payloadLength, 0);
  const closedByThem = theirs.some(({ facts }) => facts.tcp?.fin === true);
  const askedBytes = own.reduce((sum, { facts }) => sum + facts.payloadLength, 0);
  if (asked && !accepted) {
    if (resetByThem) return { outcome: 'refused', errno: 'ECONNREFUSED' };
    return metByIcmp(errors, true) ?? { outcome: 'timeout', errno: null };
  }
  if (asked && !heard && !resetByThem) {
    // A client that resets what it asked for gave up, or never asked: its frames do not say which.
    if (resetByUs) return { outcome: 'unknown', errno: null };
    return metByIcmp(errors, true) ?? { outcome: 'timeout', errno: null };
  }
  if (resetByThem && !closedByThem) return { outcome: 'reset', errno: 'ECONNRESET' };
  if (answeredBytes > 0) return { outcome: 'ok', errno: null };
  if (askedBytes > 0) return closedByThem ? { outcome: 'closed', errno: null } : { outcome: 'timeout', errno: null };
  return { outcome: accepted ? 'ok' : 'unknown', errno: null };
}

/** Where a frame stands in the order of time, from 0. */
type PlaceOf = (frame: Frame | undefined) => number;

interface Gathered {
  readonly frames: FrameFacts[];
  readonly errors: IcmpError[];
}

function key(protocol: string, a: End, b: End): string {
  const [first, second] = [`${a.address} ${a.port}`, `${b.address} ${b.port}`].sort();
  return `${protocol} ${first} ${second}`;
}

/**
 * Splits what was gathered of one pair of ends where a new connection begins: a SYN with another sequence number uses
 * the same ports again. An attempt is known by its SYN, so that a second capture point, whose frames may follow all of
 * the first one's, falls into the same attempts. An ICMP error belongs to the attempt that it interrupts.
 */
function splitByAttempt({ frames, errors }: Gathered, placeOf: PlaceOf): Gathered[] {
  const attempts: Gathered[] = [];
  const bySequence = new Map<number, Gathered>();
  let current: Gathered | null = null;
  const begin = (): Gathered => {
    const attempt: Gathered = { frames: [], errors: [] };
    attempts.push(attempt);
    return attempt;
  };
  for (const facts of frames) {
    const sequence = facts.tcp?.syn === true && !facts.tcp.ack ? facts.tcp.sequence : null;
    if (sequence !== null) {
      // What came before the first SYN is an answer that overtook it at another capture point.
      const overtaken: Gathered | null = bySequence.size === 0 ? current : null;
      current = bySequence.get(sequence) ?? overtaken ?? begin();
      bySequence.set(sequence, current);
    }
    current ??= begin();
    current.frames.push(facts);
  }
  for (const error of errors) {
    const began = ({ frames: own }: Gathered): number => placeOf(own[0]?.frame);
    const attempt = attempts.findLast((one) => began(one) < placeOf(error.frame)) ?? attempts[0];
    attempt?.errors.push(error);
  }
  return attempts;
}

function toConnection({ frames, errors }: Gathered, placeOf: PlaceOf): Connection | null {
  const packets = joinPackets(frames);
  const opening = packets.find(({ facts }) => facts.tcp?.syn === true && !facts.tcp.ack) ?? packets[0];
  if (opening === undefined) return null;
  const { protocol, family, source: client, destination: server } = opening.facts;
  const met = protocol === 'tcp' ? metByTcp(packets, client, errors) : metByUdp(packets, client, errors);
  const all = [...frames.map(({ frame }) => frame), ...errors.map(({ frame }) => frame)];
  all.sort((a, b) => placeOf(a) - placeOf(b));
  return {
    protocol,
    family,
    client,
    server,
    packets,
    errors,
    frames: all,
    beganNs: all[0]?.timeNs ?? 0n,
    endedNs: all.at(-1)?.timeNs ?? 0n,
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
  const ordered = inTimeOrder(evidence.frames);
  const places = new Map(ordered.map((frame, place) => [frame, place]));
  const placeOf: PlaceOf = (frame) => (frame && places.get(frame)) ?? 0;
  for (const frame of ordered) {
    const linkType = evidence.interfaces[frame.interfaceIndex]?.linkType ?? 1;
    const dissection = dissect(frame.bytes, linkType, frame.originalLength);
    const facts = readFrame(frame, dissection);
    const error = facts === null ? readIcmpError(frame, dissection) : null;
    if (facts !== null) of(key(facts.protocol, facts.source, facts.destination)).frames.push(facts);
    if (error !== null) of(key(error.protocol, error.quotedSource, error.quotedDestination)).errors.push(error);
  }
  const connections = [...gathered.values()].flatMap((one) =>
    splitByAttempt(one, placeOf).map((attempt) => toConnection(attempt, placeOf)),
  );
  return connections
    .filter((connection) => connection !== null)
    .sort((a, b) => placeOf(a.frames[0]) - placeOf(b.frames[0]));
}
