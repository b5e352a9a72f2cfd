/**
 * Packets → connections: who asked whom, what came back, and what the asking program met. Causes are not named here.
 */

import type { Case, Frame } from '../case/evidence.ts';
import { inTimeOrder } from '../case/order.ts';
import { Headers } from '../wire/headers.ts';
import { none } from './connection-row.ts';
import { ConnectionTable } from './connection-table.ts';
import type { WireOutcome } from './outcome.ts';
import {
  type FrameFacts,
  factsOf,
  type IcmpError,
  icmpErrorOf,
  isIcmpError,
  joinPackets,
  type Packet,
  type PacketEnds,
  readQuotedHeaders,
  type Transport,
} from './packet.ts';
import { Sight } from './sight.ts';
import { type ConnectionSummary, type End, summarizeConnection } from './summary.ts';
import { type Ends, withSights } from './translated.ts';
import { findTranslations } from './translation.ts';

/** A conversation between two ends. */
export interface Connection {
  readonly protocol: Transport;
  readonly family: 4 | 6;
  /**
   * Who asked: the sender of the SYN, else the receiver of the SYN-ACK, else the sender of the first packet. The port of
   * an ICMP echo is its identifier; 0 where it is not known.
   */
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
  /** The ends that NAT gave it, where it was seen on both sides; null where not. */
  readonly translated: Ends | null;
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

/** The first packet that came from the server's end, or null. */
export function answerPacket(connection: Connection): Packet | null {
  return connection.packets.find((packet) => !fromClient(connection, packet)) ?? null;
}

/** What the server's end was seen to send. */
export function serverPackets(connection: Connection): Packet[] {
  return connection.packets.filter((packet) => !fromClient(connection, packet));
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

/** True when all that the server's end is seen to say is that it takes the connection: nothing since has reached it. */
export function onlyOpened(connection: Connection): boolean {
  const answers = serverPackets(connection).filter(({ facts }) => facts.tcp?.reset !== true);
  return answers.length > 0 && answers.every(({ facts }) => facts.tcp?.syn === true);
}

/** What the client sends first once its SYN was answered, or null. */
export function segmentAfterOpening(connection: Connection): Packet | null {
  const own = connection.packets.filter((packet) => fromClient(connection, packet));
  return own.find(({ facts }) => facts.tcp !== null && !facts.tcp.syn && !facts.tcp.reset) ?? null;
}

/**
 * True when the server's end was seen to answer, and the client not to have heard it: of a TCP that opens, it went on with
 * nothing. Of datagrams the outcome says it.
 */
export function wasUnheard(connection: Connection): boolean {
  return connection.outcome === 'timeout' && wasAnswered(connection) && segmentAfterOpening(connection) === null;
}

interface Gathered {
  /** Of what its end 0 sends, and of what end 1 sends: one object for all packets. */
  readonly ends: [PacketEnds | null, PacketEnds | null];
  readonly frames: FrameFacts[];
  /** Later fragments: their ports are in the first one. */
  readonly fragments: Frame[];
  readonly errors: IcmpError[];
}

/** Where a frame stands in the order of time, from 0. */
type PlaceOf = (frame: Frame | undefined) => number;

function toConnection(
  { frames, fragments, errors }: Gathered,
  summary: ConnectionSummary,
  placeOf: PlaceOf,
): Connection | null {
  const [first] = frames;
  if (first === undefined) return null;
  const { client, server, outcome, errno } = summary;
  const all = [...frames.map(({ frame }) => frame), ...fragments, ...errors.map(({ frame }) => frame)];
  all.sort((a, b) => placeOf(a) - placeOf(b));
  return {
    protocol: first.protocol,
    family: first.family,
    client,
    server,
    packets: joinPackets(frames),
    errors,
    frames: all,
    beganNs: all[0]?.timeNs ?? 0n,
    endedNs: all.at(-1)?.timeNs ?? 0n,
    outcome,
    errno,
    translated: null,
  };
}

const ethernet = 1;

/**
 * Every TCP connection, UDP exchange and ping of these frames, in the order in which they began. Of frames of some ends alone,
 * it finds the connections that it would find of these ends among all frames.
 *
 * @param isOne Whether two connections that look like one before and after NAT are one, by their first frames: among some
 *   frames alone some may fit together that do not among all.
 */
export function findConnections(
  evidence: Pick<Case, 'interfaces' | 'frames'>,
  isOne: (a: Frame | undefined, b: Frame | undefined) => boolean = () => true,
): Connection[] {
  const table = new ConnectionTable();
  const gathered = new Map<number, Gathered>();
  const of = (id: number): Gathered => {
    const known = gathered.get(id) ?? { ends: [null, null], frames: [], fragments: [], errors: [] };
    gathered.set(id, known);
    return known;
  };
  const sight = new Sight();
  const { headers } = sight;
  const quoted = new Headers();
  const ordered = inTimeOrder(evidence.frames);
  const places = new Map(ordered.map((frame, place) => [frame, place]));
  const placeOf: PlaceOf = (frame) => (frame && places.get(frame)) ?? 0;
  const firstNs = ordered[0]?.timeNs ?? 0n;
  const read = ({ bytes, interfaceIndex, originalLength }: Frame): DataView | null => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const linkType = evidence.interfaces[interfaceIndex]?.linkType ?? ethernet;
    return headers.read(view, 0, bytes.length, originalLength, linkType) ? view : null;
  };
  const addError = (frame: Frame, view: DataView): boolean => {
    if (!readQuotedHeaders(quoted, headers, view, view.byteLength)) return true;
    const error = icmpErrorOf(frame, headers, quoted);
    const id = error === null ? none : table.addError(quoted, headers.icmpType, headers.icmpCode);
    if (error === null || id === none) return error === null;
    of(id).errors.push(error);
    return true;
  };

  const early: Frame[] = [];
  for (const frame of ordered) {
    const view = read(frame);
    if (view === null) continue;
    if (isIcmpError(headers)) {
      if (!addError(frame, view)) early.push(frame);
      continue;
    }
    sight.timeNs = Number(frame.timeNs - firstNs);
    sight.point = frame.interfaceIndex;
    sight.length = frame.originalLength;
    sight.frame = frame.number;
    const id = table.add(sight);
    const known = gathered.get(id);
    const facts = factsOf(frame, headers, known?.ends[table.direction] ?? null);
    if (facts === null) known?.fragments.push(frame);
    else if (id !== none) {
      const { ends, frames } = known ?? of(id);
      ends[table.direction] = facts;
      frames.push(facts);
    }
  }
  // An error that came before every packet of its connection: another capture point told of it first.
  for (const frame of early) {
    const view = read(frame);
    if (view !== null) addError(frame, view);
  }
  const found = new Map<number, Connection>();
  for (const [id, one] of gathered) {
    const connection = toConnection(one, summarizeConnection(table, id), placeOf);
    if (connection !== null) found.set(id, connection);
  }
  for (const [id, becomes] of findTranslations(table)) {
    const connection = found.get(id);
    const sights = becomes.flatMap((sight) => found.get(sight) ?? []);
    if (connection === undefined || sights.some(({ frames }) => !isOne(connection.frames[0], frames[0]))) continue;
    found.set(id, withSights(connection, sights));
    for (const sight of becomes) found.delete(sight);
  }
  return [...found.values()].sort((a, b) => placeOf(a.frames[0]) - placeOf(b.frames[0]));
}
