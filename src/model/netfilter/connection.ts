/** Which connection a packet belongs to, by the conntrack entries of a snapshot. */

import type { ConnectionEntry, ConnectionTuple } from '../../host/netfilter.ts';
import { parseAddress } from '../../inet/address.ts';
import { type Connection, type NetfilterPacket, synFlag } from './packet.ts';

/** Bits of enum ip_conntrack_status. */
const answered = 2n;
const assured = 4n;
const confirmed = 8n;
const sourceTranslated = 16n;
const destinationTranslated = 32n;
/** Both ends have been through the NAT core. */
const translationsDone = 128n | 256n;

/** TCP states in which a SYN begins a new connection with the same addresses (nf_conntrack_proto_tcp.c). */
const reopened: ReadonlySet<string> = new Set(['TIME_WAIT', 'CLOSE', 'LAST_ACK']);

const portProtocols: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

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

function statusOf({ original, reply, unreplied, assured: isAssured }: ConnectionEntry): bigint {
  const hides = reply.destination !== original.source || reply.destinationPort !== original.sourcePort;
  const moves = reply.source !== original.destination || reply.sourcePort !== original.destinationPort;
  return (
    confirmed |
    translationsDone |
    (unreplied ? 0n : answered) |
    (isAssured ? assured : 0n) |
    (hides ? sourceTranslated : 0n) |
    (moves ? destinationTranslated : 0n)
  );
}

/**
 * The connection of a packet that comes to conntrack, before any translation; null when it begins a new one. Protocols
 * without ports are told apart by what the snapshot shows of no packet, so theirs are always new.
 */
export function connectionOf(packet: NetfilterPacket, entries: readonly ConnectionEntry[]): Connection | null {
  if (!portProtocols.has(packet.protocol)) return null;
  for (const entry of entries) {
    if (entry.family !== packet.family || entry.protocol !== packet.protocol) continue;
    const isOriginal = isTuple(packet, entry.original);
    if (!isOriginal && !isTuple(packet, entry.reply)) continue;
    const begins = packet.tcpFlags === synFlag && isOriginal;
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
    status: statusOf(entry) | (isOriginal ? 0n : answered),
    mark: BigInt(entry.mark),
    original: {
      source: parseAddress(source)?.value ?? null,
      destination: parseAddress(destination)?.value ?? null,
      sourcePort,
      destinationPort,
    },
    entry,
  };
}
