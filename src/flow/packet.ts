/** Frames → packets: what each capture point saw of one packet is one packet. */

import type { Frame } from '../case/evidence.ts';
import { formatIpv4, formatIpv6Words } from '../inet/address.ts';
import { ipProtocol, tcpFlag } from '../inet/protocol.ts';
import { fragmentState, type Headers } from '../wire/headers.ts';
import { icmpType } from '../wire/icmp-names.ts';
import type { End } from './summary.ts';

/** TCP's part of a packet. */
interface TcpHeader {
  readonly sequence: number;
  readonly acknowledgement: number;
  /** The byte of all flags. */
  readonly flags: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly fin: boolean;
  readonly reset: boolean;
}

/** What carries a conversation; of ICMP the echoes alone, whose identifier stands for both ports. */
export type Transport = 'tcp' | 'udp' | 'icmp';

/** One frame that belongs to a conversation, read as far as flow needs. */
export interface FrameFacts {
  readonly frame: Frame;
  readonly protocol: Transport;
  readonly family: 4 | 6;
  readonly source: End;
  readonly destination: End;
  /** Bytes of transport payload on the wire. */
  readonly payloadLength: number;
  readonly tcp: TcpHeader | null;
  /** An echo's sequence number (RFC 792); 0 of anything else. */
  readonly echoSequence: number;
  /** Of IPv4, or of a fragment of IPv6. */
  readonly identification: number;
}

/** Who sent a packet, and to whom. */
export interface PacketEnds {
  readonly source: End;
  readonly destination: End;
}

/** An ICMP error and the packet that it quotes. */
export interface IcmpError {
  readonly frame: Frame;
  readonly family: 4 | 6;
  readonly sender: string;
  readonly type: number;
  readonly code: number;
  readonly protocol: Transport;
  readonly quotedSource: End;
  readonly quotedDestination: End;
}

const icmpv6LastError = 4;
const icmpHeaderLength = 8;

/** True for an ICMP error that tells of a packet's failure (RFC 792, RFC 4443), and so quotes that packet. */
export function isIcmpError(headers: Headers): boolean {
  const { protocol, icmpType: type, family } = headers;
  if (!headers.hasTransport || headers.fragment === fragmentState.later) return false;
  if (protocol === ipProtocol.icmp && family === 4)
    return type === icmpType.unreachable || type === icmpType.timeExceeded;
  return protocol === ipProtocol.icmpv6 && family === 6 && type > 0 && type <= icmpv6LastError;
}

/**
 * Reads the headers of the packet that an ICMP error quotes; false when there is none to read.
 *
 * @param error The error's own headers, read from `view`.
 * @param limit Where the captured bytes end.
 */
export function readQuotedHeaders(quoted: Headers, error: Headers, view: DataView, limit: number): boolean {
  if (error.family === 0) return false;
  const quoteLimit = Math.min(limit, error.end);
  return quoted.readQuoted(view, error.transportAt + icmpHeaderLength, quoteLimit, error.family);
}

function addressOf({ addresses, family }: Headers, end: 0 | 1): string {
  const words = addresses.subarray(4 * end, 4 * end + 4);
  return family === 4 ? formatIpv4(words[3] ?? 0) : formatIpv6Words(words);
}

function endsOf(headers: Headers): PacketEnds {
  return {
    source: { address: addressOf(headers, 0), port: headers.sourcePort },
    destination: { address: addressOf(headers, 1), port: headers.destinationPort },
  };
}

const transports = new Map<number, Transport>([
  [ipProtocol.tcp, 'tcp'],
  [ipProtocol.udp, 'udp'],
  [ipProtocol.icmp, 'icmp'],
  [ipProtocol.icmpv6, 'icmp'],
]);

function transportOf({ protocol, hasPorts }: Headers): Transport | null {
  return hasPorts ? (transports.get(protocol) ?? null) : null;
}

/**
 * What a frame of TCP, UDP or an ICMP echo says, from its headers; null for any other.
 *
 * @param ends The frame's ends, where they are known.
 */
export function factsOf(frame: Frame, headers: Headers, ends: PacketEnds | null = null): FrameFacts | null {
  const { family, flags, payloadLength, identification, echoSequence } = headers;
  const protocol = transportOf(headers);
  if (protocol === null || family === 0) return null;
  const { source, destination } = ends ?? endsOf(headers);
  const sequence = headers.sequence >>> 0;
  const acknowledgement = headers.acknowledgement >>> 0;
  const tcp = {
    sequence,
    acknowledgement,
    flags,
    syn: (flags & tcpFlag.syn) !== 0,
    ack: (flags & tcpFlag.ack) !== 0,
    fin: (flags & tcpFlag.fin) !== 0,
    reset: (flags & tcpFlag.reset) !== 0,
  };
  return {
    frame,
    protocol,
    family,
    source,
    destination,
    payloadLength,
    tcp: protocol === 'tcp' ? tcp : null,
    echoSequence: protocol === 'icmp' ? echoSequence : 0,
    identification,
  };
}

/** An ICMP error about a packet of these; null for any other message. */
export function icmpErrorOf(frame: Frame, headers: Headers, quoted: Headers): IcmpError | null {
  const { family, icmpType: type, icmpCode: code } = headers;
  const protocol = transportOf(quoted);
  if (protocol === null || family === 0) return null;
  const { source: quotedSource, destination: quotedDestination } = endsOf(quoted);
  return { frame, family, sender: addressOf(headers, 0), type, code, protocol, quotedSource, quotedDestination };
}

/** One packet on its way: every frame of it, in the order of the case. */
export interface Packet {
  readonly facts: FrameFacts;
  readonly frames: readonly Frame[];
}

/** What makes two frames the same packet: all that no bridge changes. */
function identityOf({ source, identification, tcp, echoSequence, payloadLength }: FrameFacts): string {
  const { sequence = 0, acknowledgement = 0, flags = 0 } = tcp ?? {};
  return [
    source.address,
    source.port,
    identification,
    sequence,
    acknowledgement,
    flags,
    echoSequence,
    payloadLength,
  ].join(' ');
}

/**
 * Joins frames that are one packet. The same identity seen twice at one capture point is two packets (a
 * retransmission): the n-th sight at each point belongs to the n-th packet.
 */
export function joinPackets(frames: readonly FrameFacts[]): Packet[] {
  // Of one capture point each frame is a packet of its own.
  const [first] = frames;
  if (frames.every(({ frame }) => frame.interfaceIndex === first?.frame.interfaceIndex)) {
    return frames.map((facts) => ({ facts, frames: [facts.frame] }));
  }
  const packets: { facts: FrameFacts; frames: Frame[] }[] = [];
  const byIdentity = new Map<string, { facts: FrameFacts; frames: Frame[] }[]>();
  for (const facts of frames) {
    const key = identityOf(facts);
    const known = byIdentity.get(key) ?? [];
    byIdentity.set(key, known);
    const point = facts.frame.interfaceIndex;
    const open = known.find((packet) => packet.frames.every(({ interfaceIndex }) => interfaceIndex !== point));
    if (open !== undefined) {
      open.frames.push(facts.frame);
      continue;
    }
    const packet = { facts, frames: [facts.frame] };
    known.push(packet);
    packets.push(packet);
  }
  return packets;
}
