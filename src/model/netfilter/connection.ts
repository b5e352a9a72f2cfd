/** Which connection a packet belongs to, by the conntrack entries of a snapshot. */

import { type ConnectionEntry, type ConnectionTuple, connectionStatusBit, natDoneBit } from '../../host/netfilter.ts';
import { parseAddress } from '../../inet/address.ts';
import { echoType } from '../../inet/icmp.ts';
import { portProtocols, tcpFlag } from '../../inet/protocol.ts';
import { type Connection, type NetfilterPacket } from './packet.ts';

/**
 * TCP states in which a SYN begins a new connection with the same addresses; in others it is taken for a part of the old one
 * (`tcp_conntracks`, nf_conntrack_proto_tcp.c).
 */
const reopened: ReadonlySet<string> = new Set(['TIME_WAIT', 'CLOSE']);

function isAddress(value: bigint | null, text: string): boolean {
  return value !== null && parseAddress(text)?.value === value;
}

function isTuple(packet: NetfilterPacket, tuple: ConnectionTuple): boolean {
  return (
    isAddress(packet.source, tuple.source) &&
    isAddress(packet.destination, tuple.destination) &&
    packet.sourcePort === tuple.sourcePort &&
    packet.destinationPort === tuple.destinationPort
  );
}

function statusOf({ original, reply, unreplied, assured }: ConnectionEntry): bigint {
  const hides = reply.destination !== original.source || reply.destinationPort !== original.sourcePort;
  const moves = reply.source !== original.destination || reply.sourcePort !== original.destinationPort;
  return (
    connectionStatusBit.confirmed |
    natDoneBit.source |
    natDoneBit.destination |
    (unreplied ? 0n : connectionStatusBit['seen-reply']) |
    (assured ? connectionStatusBit.assured : 0n) |
    (hides ? connectionStatusBit.snat : 0n) |
    (moves ? connectionStatusBit.dnat : 0n)
  );
}

/** In which directions of a connection a packet of its kind may go; the type is a part of ICMP's tuples. */
function directionsOf({ protocol, family, icmpType }: NetfilterPacket): { original: boolean; reply: boolean } {
  if (portProtocols.has(protocol)) return { original: true, reply: true };
  return { original: icmpType === echoType[family].request, reply: icmpType === echoType[family].reply };
}

/**
 * The connection of a packet that comes to conntrack, before any translation; null when it begins a new one. An echo is
 * told apart from others of its ends by what no snapshot shows of it, so it is of none of those that are `shown`.
 *
 * @param own What the packet's own journey has begun, the latest first.
 */
export function connectionOf(
  packet: NetfilterPacket,
  own: readonly ConnectionEntry[],
  shown: readonly ConnectionEntry[],
): Connection | null {
  const directions = directionsOf(packet);
  for (const entry of portProtocols.has(packet.protocol) ? [...own, ...shown] : own) {
    if (entry.family !== packet.family || entry.protocol !== packet.protocol) continue;
    const isOriginal = directions.original && isTuple(packet, entry.original);
    if (!isOriginal && !(directions.reply && isTuple(packet, entry.reply))) continue;
    const begins = packet.tcpFlags === tcpFlag.syn && isOriginal;
    if (begins && entry.state !== null && reopened.has(entry.state)) return null;
    return connectionBy(entry, isOriginal ? 'original' : 'reply');
  }
  return null;
}

/** The connection of an entry, for a packet of that direction. */
export function connectionBy(entry: ConnectionEntry, direction: Connection['direction']): Connection {
  const { source, destination, sourcePort, destinationPort } = entry.original;
  const isOriginal = direction === 'original';
  return {
    state: isOriginal && entry.unreplied ? 'new' : 'established',
    direction,
    tracked: false,
    status: statusOf(entry) | (isOriginal ? 0n : connectionStatusBit['seen-reply']),
    mark: entry.mark === null ? null : BigInt(entry.mark),
    original: {
      source: parseAddress(source)?.value ?? null,
      destination: parseAddress(destination)?.value ?? null,
      sourcePort,
      destinationPort,
    },
    entry,
  };
}
