/** Frames → packets: what each capture point saw of one packet is one packet. */

import type { Frame } from '../case/evidence.ts';
import { fieldValue, findLayer } from '../wire/fields.ts';
import type { Dissection, Layer } from '../wire/layer.ts';

/** One end of a conversation. */
export interface End {
  readonly address: string;
  readonly port: number;
}

/** TCP's part of a packet. */
interface TcpHeader {
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly syn: boolean;
  readonly ack: boolean;
  readonly fin: boolean;
  readonly reset: boolean;
}

/** One frame that belongs to a conversation, read as far as flow needs. */
export interface FrameFacts {
  readonly frame: Frame;
  readonly protocol: 'tcp' | 'udp';
  readonly family: 4 | 6;
  readonly source: End;
  readonly destination: End;
  /** Bytes of transport payload on the wire. */
  readonly payloadLength: number;
  readonly tcp: TcpHeader | null;
  /** What makes two frames the same packet: all that no bridge changes. */
  readonly identity: string;
}

/** An ICMP error and the packet that it quotes. */
export interface IcmpError {
  readonly frame: Frame;
  readonly family: 4 | 6;
  readonly sender: string;
  readonly type: number;
  readonly code: number;
  readonly protocol: 'tcp' | 'udp';
  readonly quotedSource: End;
  readonly quotedDestination: End;
}

const udpHeaderLength = 8;

function number(layer: Layer, name: string): number {
  const value = fieldValue(layer, name);
  return typeof value === 'number' ? value : 0;
}

function text(layer: Layer, name: string): string {
  return String(fieldValue(layer, name) ?? '');
}

/** The transport of a chain of layers and the network layer around it. */
function innermost(layers: readonly Layer[]): { transport: Layer; network: Layer } | null {
  const at = layers.findIndex(({ protocol }) => protocol === 'tcp' || protocol === 'udp');
  const network = layers.slice(0, Math.max(at, 0)).findLast(({ protocol }) => protocol === 'ip' || protocol === 'ipv6');
  const transport = layers[at];
  return transport === undefined || network === undefined ? null : { transport, network };
}

function ends({ transport, network }: { transport: Layer; network: Layer }): { source: End; destination: End } {
  return {
    source: {
      address: text(network, `${network.protocol}.src`),
      port: number(transport, `${transport.protocol}.srcport`),
    },
    destination: {
      address: text(network, `${network.protocol}.dst`),
      port: number(transport, `${transport.protocol}.dstport`),
    },
  };
}

function tcpHeader(layer: Layer): TcpHeader {
  return {
    sequence: number(layer, 'tcp.seq_raw'),
    acknowledgement: number(layer, 'tcp.ack_raw'),
    syn: fieldValue(layer, 'tcp.flags.syn') === true,
    ack: fieldValue(layer, 'tcp.flags.ack') === true,
    fin: fieldValue(layer, 'tcp.flags.fin') === true,
    reset: fieldValue(layer, 'tcp.flags.reset') === true,
  };
}

/** Reads a TCP or UDP frame, or returns null for any other. */
export function readFrame(frame: Frame, dissection: Dissection): FrameFacts | null {
  const found = innermost(dissection.layers.filter(({ quoted }) => quoted !== true));
  if (found === null) return null;
  const { transport, network } = found;
  const { source, destination } = ends(found);
  const tcp = transport.protocol === 'tcp' ? tcpHeader(transport) : null;
  const payloadLength =
    tcp === null ? Math.max(0, number(transport, 'udp.length') - udpHeaderLength) : number(transport, 'tcp.len');
  const identity = [
    network.protocol === 'ip' ? number(network, 'ip.id') : text(network, 'ipv6.flow'),
    ...(tcp === null ? [] : [tcp.sequence, tcp.acknowledgement, number(transport, 'tcp.flags')]),
    payloadLength,
  ].join('/');
  return {
    frame,
    protocol: transport.protocol === 'tcp' ? 'tcp' : 'udp',
    family: network.protocol === 'ip' ? 4 : 6,
    source,
    destination,
    payloadLength,
    tcp,
    identity,
  };
}

const icmpUnreachable = 3;
const icmpTimeExceeded = 11;
const icmpv6LastError = 4;

/** Reads an ICMP error that quotes a TCP or UDP packet (RFC 792, RFC 4443), or returns null. */
export function readIcmpError(frame: Frame, dissection: Dissection): IcmpError | null {
  const icmp = findLayer(dissection, 'icmp') ?? findLayer(dissection, 'icmpv6');
  const quoted = innermost(dissection.layers.filter((layer) => layer.quoted === true));
  const outer = findLayer(dissection, 'ip') ?? findLayer(dissection, 'ipv6');
  if (icmp === null || quoted === null || outer === null) return null;
  const type = number(icmp, `${icmp.protocol}.type`);
  const isError =
    icmp.protocol === 'icmp' ? [icmpUnreachable, icmpTimeExceeded].includes(type) : type <= icmpv6LastError;
  if (!isError) return null;
  const { source, destination } = ends(quoted);
  return {
    frame,
    family: outer.protocol === 'ip' ? 4 : 6,
    sender: text(outer, `${outer.protocol}.src`),
    type,
    code: number(icmp, `${icmp.protocol}.code`),
    protocol: quoted.transport.protocol === 'tcp' ? 'tcp' : 'udp',
    quotedSource: source,
    quotedDestination: destination,
  };
}

/** One packet on its way: every frame of it, in the order of the case. */
export interface Packet {
  readonly facts: FrameFacts;
  readonly frames: readonly Frame[];
}

/**
 * Joins frames that are one packet. The same identity seen twice at one capture point is two packets (a
 * retransmission): the n-th sight at each point belongs to the n-th packet.
 */
export function joinPackets(frames: readonly FrameFacts[]): Packet[] {
  const packets: { facts: FrameFacts; frames: Frame[] }[] = [];
  const byIdentity = new Map<string, { facts: FrameFacts; frames: Frame[] }[]>();
  for (const facts of frames) {
    const key = `${facts.source.address} ${facts.source.port} ${facts.identity}`;
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
