/**
 * A packet on its way through hosts: as it is now, and the connection that it belongs to in the namespace that it is in.
 * Both are values; whatever changes them makes new ones.
 */

import { type ConnectionEntry, type ConnectionTuple, connectionStatusBit } from '../host/netfilter.ts';
import type { NamespaceState } from '../host/state.ts';
import { formatAddress, parseAddress, sameAddress } from '../inet/address.ts';
import { echoType } from '../inet/icmp.ts';
import { ipProtocol, tcpFlag } from '../inet/protocol.ts';
import { connectionBy, connectionOf } from './netfilter/connection.ts';
import { type Connection, firstPacket, type NetfilterPacket, type TupleEnds } from './netfilter/packet.ts';
import type { ModelPacket, TrackedConnection } from './step.ts';

/** See the file's head. */
export interface Traveller {
  readonly packet: ModelPacket;
  /** Null until a hook of the namespace has asked for it. */
  readonly connection: Connection | null;
}

const icmpProtocol = { 4: ipProtocol.icmp, 6: ipProtocol.icmpv6 } as const;

/** True for the answer to a ping. */
export function isEchoReply({ protocol, family, icmp }: ModelPacket): boolean {
  return protocol === 'icmp' && icmp?.type === echoType[family].reply;
}

/** True for an ICMP message about another packet. */
export function isIcmpError({ protocol, icmp, family }: ModelPacket): boolean {
  return protocol === 'icmp' && icmp !== undefined && icmp.type !== echoType[family].reply;
}

/** What a host makes of an echo request. */
export function echoReply(family: 4 | 6): NonNullable<ModelPacket['icmp']> {
  return { type: echoType[family].reply, code: 0 };
}

function numberOf(address: string): bigint | null {
  return parseAddress(address)?.value ?? null;
}

/** The packet as netfilter sees it. */
function netfilterPacket(packet: ModelPacket, connection: Connection): NetfilterPacket {
  const { protocol, family, source, destination, sourcePort, destinationPort, mark, icmp, user, group, length } =
    packet;
  const isIcmp = protocol === 'icmp';
  return firstPacket({
    family,
    protocol: isIcmp ? icmpProtocol[family] : ipProtocol[protocol],
    source: numberOf(source),
    destination: numberOf(destination),
    sourcePort: isIcmp ? null : (sourcePort ?? null),
    destinationPort: isIcmp || destinationPort === 0 ? null : destinationPort,
    icmpType: isIcmp ? (icmp?.type ?? echoType[family].request) : null,
    icmpCode: isIcmp ? (icmp?.code ?? 0) : null,
    tcpFlags: protocol === 'tcp' ? (packet.tcpFlags ?? tcpFlag.syn) : null,
    mark: mark === undefined ? 0n : mark === null ? null : BigInt(mark),
    connection,
    user: user ?? null,
    group: group ?? null,
    length: length ?? null,
    frameType: 'host',
  });
}

const unknownConnection: Connection = firstPacket({ family: 4, protocol: 6 }).connection;

/** A request as netfilter sees it where it comes in, of a connection that nobody tracks yet. */
export function requestAt(packet: ModelPacket): NetfilterPacket {
  return netfilterPacket(packet, unknownConnection);
}

/** A packet that conntrack leaves alone, as netfilter sees it. */
export function untrackedPacket(packet: ModelPacket): NetfilterPacket {
  return netfilterPacket(packet, { ...unknownConnection, state: 'untracked' });
}

/** True when the packet that an error quotes is the connection's, as it left the host. */
function quotes({ quoted }: ModelPacket, { reply }: ConnectionEntry): boolean {
  return (
    quoted !== undefined &&
    sameAddress(quoted.destination, reply.source) &&
    quoted.destinationPort === (reply.sourcePort ?? 0)
  );
}

/** The connection of an answer, by what the namespace tracks of the request. */
function answeredConnection(packet: ModelPacket, entries: readonly ConnectionEntry[]): Connection {
  if (isIcmpError(packet)) {
    // The error itself has to be for the sender of what it quotes (`nf_conntrack_inet_error`).
    const its = entries.find((one) => sameAddress(packet.destination, one.reply.destination) && quotes(packet, one));
    if (its !== undefined) return { ...connectionBy(its, 'reply'), state: 'related' };
  }
  const known = connectionOf(netfilterPacket(packet, unknownConnection), entries, []);
  if (known !== null) return known;
  // A SYN-ACK, an RST or an echo reply out of nowhere begins nothing (nf_conntrack_proto_tcp.c, _icmp.c).
  return { ...unknownConnection, state: packet.protocol === 'udp' ? 'new' : 'invalid' };
}

/** What the first packet of a connection does not have. */
const laterBits = connectionStatusBit['seen-reply'] | connectionStatusBit.assured;

/**
 * The connection of a request: a new one, which its own journey or an entry of the snapshot may show already: its
 * translation holds.
 */
function requestedConnection(
  packet: ModelPacket,
  own: readonly ConnectionEntry[],
  shown: readonly ConnectionEntry[],
): Connection {
  const known = connectionOf(netfilterPacket(packet, unknownConnection), own, shown);
  if (known === null) return unknownConnection;
  const begins = packet.protocol !== 'tcp' || (packet.tcpFlags ?? tcpFlag.syn) === tcpFlag.syn;
  if (known.direction === 'reply' || !begins) return known;
  return { ...known, state: 'new', status: known.status & ~laterBits };
}

/**
 * The traveller with the connection that it has in the namespace. `tracked` are the connections that the journey's own
 * packets began; for an answer those that the request did.
 */
export function trackedIn(
  { name, connections }: NamespaceState,
  { packet, connection }: Traveller,
  tracked: readonly TrackedConnection[],
  role: 'request' | 'answer',
): { readonly seen: NetfilterPacket } {
  const entries = tracked.filter(({ netns }) => netns === name).map(({ entry }) => entry);
  const its =
    connection ??
    (role === 'answer' ? answeredConnection(packet, entries) : requestedConnection(packet, entries, connections));
  return { seen: netfilterPacket(packet, its) };
}

function textOf(family: 4 | 6, value: bigint): string {
  return formatAddress({ family, value });
}

/** What the error quotes, after the NAT core has translated it back (`nf_nat_icmp_reply_translation`). */
function quotedAfter(before: ModelPacket, { state, entry }: Connection): Pick<ModelPacket, 'quoted'> {
  const { quoted } = before;
  if (quoted === undefined) return {};
  if (state !== 'related' || entry === null) return { quoted };
  const { destination, destinationPort } = entry.original;
  return { quoted: quotes(before, entry) ? { destination, destinationPort: destinationPort ?? 0 } : quoted };
}

/** The traveller after a hook; null where an address, or the port that is asked for, is one that the kernel chooses. */
export function afterHook(before: ModelPacket, seen: NetfilterPacket): Traveller | null {
  const { family, source, destination, sourcePort, destinationPort, mark, connection } = seen;
  if (source === null || destination === null) return null;
  const isIcmp = before.protocol === 'icmp';
  if (!isIcmp && destinationPort === null && before.destinationPort !== 0) return null;
  const packet: ModelPacket = {
    ...before,
    source: textOf(family, source),
    destination: textOf(family, destination),
    destinationPort: isIcmp ? before.destinationPort : (destinationPort ?? 0),
    mark: mark === null ? null : Number(mark),
    ...quotedAfter(before, connection),
  };
  if (isIcmp) return { packet, connection };
  const { sourcePort: _before, ...rest } = packet;
  return { packet: sourcePort === null ? rest : { ...rest, sourcePort }, connection };
}

function tupleText(family: 4 | 6, ends: TupleEnds): ConnectionTuple | null {
  const { source, destination, sourcePort, destinationPort } = ends;
  if (source === null || destination === null) return null;
  return { source: textOf(family, source), destination: textOf(family, destination), sourcePort, destinationPort };
}

/**
 * What conntrack keeps of a packet that has passed the last hook of a namespace; null where it keeps nothing, or nothing
 * new. An answer changes its connection's mark alone.
 */
export function entryOf(seen: NetfilterPacket): ConnectionEntry | null {
  const { connection, family, protocol } = seen;
  if (connection.state === 'untracked' || connection.state === 'invalid') return null;
  const mark = connection.mark === null ? null : Number(connection.mark);
  const { entry, direction } = connection;
  if (direction === 'reply') return entry === null || entry.mark === mark ? null : { ...entry, mark };
  if (connection.original === null) return null;
  const original = tupleText(family, connection.original);
  const final = tupleText(family, seen);
  if (original === null || final === null) return null;
  const reply: ConnectionTuple = {
    source: final.destination,
    destination: final.source,
    sourcePort: final.destinationPort,
    destinationPort: final.sourcePort,
  };
  return { family, protocol, state: null, original, reply, unreplied: true, assured: false, mark, listed: null };
}

/**
 * The connection of what a kernel makes out of a packet that it does not take, an ICMP error or a rule's RST: that of the
 * packet, whether it is confirmed or not (`nf_conntrack_attach`). Null without one.
 */
export function attachedConnection({ packet, connection }: Traveller): Connection | null {
  if (connection === null) return null;
  const entry = connection.entry ?? entryOf(netfilterPacket(packet, connection));
  if (entry === null) return null;
  const direction = connection.direction === 'original' ? 'reply' : 'original';
  const { status } = connection;
  return { ...connectionBy(entry, direction), state: 'related', tracked: true, status };
}

function keyOf({ source, sourcePort, destination, destinationPort }: ConnectionTuple): string {
  return `${source} ${sourcePort} ${destination} ${destinationPort}`;
}

/** True of two connections of a journey whose answers could not be told apart (`nf_nat_used_tuple`). */
export function hasSameAnswer(a: ConnectionEntry, b: ConnectionEntry): boolean {
  return a.protocol === b.protocol && keyOf(a.reply) === keyOf(b.reply) && keyOf(a.original) !== keyOf(b.original);
}

/** From a port that the kernel chooses. */
export function withoutSourcePort({ packet, connection }: Traveller): Traveller {
  const { sourcePort: _port, ...rest } = packet;
  return { packet: rest, connection };
}

/** What is kept of it: its answer comes to a port that is not known. */
export function withoutReplyPort(entry: ConnectionEntry): ConnectionEntry {
  return { ...entry, reply: { ...entry.reply, destinationPort: null } };
}
