/** Address translation: what a NAT rule, or the conntrack entry of a connection that is there, makes of a packet. */

import {
  type ConnectionEntry,
  connectionStatusBit,
  type Operand,
  type RuleTable,
  type Translation,
} from '../../host/netfilter.ts';
import { parseAddress } from '../../inet/address.ts';
import { portProtocols } from '../../inet/protocol.ts';
import type { View } from './fields.ts';
import { readAll } from './operand.ts';
import type { NetfilterPacket } from './packet.ts';
import type { Reading } from './reading.ts';

const localhost = { 4: 0x7f00_0001n, 6: 1n } as const;

/** One end of a packet; null for what is not known. */
interface End {
  readonly address: bigint | null;
  readonly port: number | null;
}

function endOf(packet: NetfilterPacket, end: Translation['end']): End {
  return end === 'source'
    ? { address: packet.source, port: packet.sourcePort }
    : { address: packet.destination, port: packet.destinationPort };
}

function withEnd(packet: NetfilterPacket, end: Translation['end'], { address, port }: End): NetfilterPacket {
  const before = endOf(packet, end);
  if (before.address !== null && before.address === address && before.port === port) return packet;
  const bit = connectionStatusBit[end === 'source' ? 'snat' : 'dnat'];
  const connection = { ...packet.connection, status: packet.connection.status | bit };
  return end === 'source'
    ? { ...packet, connection, source: address, sourcePort: port }
    : { ...packet, connection, destination: address, destinationPort: port };
}

function numberIn(reading: Reading | undefined): bigint | null {
  return reading?.kind === 'value' && typeof reading.value === 'bigint' ? reading.value : null;
}

/** The address that a rule gives: null when it is not known, undefined when the packet keeps its own. */
function addressFor(
  translation: Translation,
  given: readonly Reading[],
  view: View,
): bigint | 'none' | null | undefined {
  const { packet, place, host } = view;
  switch (translation.how) {
    case 'masquerade':
      return host.masqueradeAddress(packet.family, place.output, packet.destination);
    case 'redirect':
      // A packet of this host goes to localhost (nf_nat_redirect_ipv4).
      return place.hook === 'output' ? localhost[packet.family] : host.redirectAddress(packet.family, place.input);
    case 'to':
    default:
      return given.length === 0 ? undefined : numberIn(given[0]);
  }
}

function readings(operand: Operand | null, view: View, table: RuleTable): readonly Reading[] {
  return operand === null ? [] : readAll(operand, view, table);
}

/**
 * The packet after a NAT rule; null when the rule does nothing to this packet, because it is for the other IP version or
 * its map has nothing for it; `no-address` when the device that it would take its address from has none. A port that the rule does not name is kept, which the kernel does as long as it is free.
 */
export function translated(
  translation: Translation,
  view: View,
  table: RuleTable,
): NetfilterPacket | 'no-address' | null {
  const { packet } = view;
  if (translation.family !== null && translation.family !== packet.family) return null;
  const given = readings(translation.address, view, table);
  if (given[0]?.kind === 'absent') return null;
  // A map may give the port beside the address.
  const beside = translation.address?.kind === 'map' && given[0]?.kind === 'unknown' ? given : given.slice(1);
  const ports = translation.port === null ? beside : readings(translation.port, view, table);
  if (ports[0]?.kind === 'absent') return null;
  const before = endOf(packet, translation.end);
  const address = addressFor(translation, given, view);
  if (address === 'none') return 'no-address';
  const hasPorts = portProtocols.has(packet.protocol);
  return withEnd(packet, translation.end, {
    address: address === undefined ? before.address : address,
    port: hasPorts ? portFor(translation, ports[0], before.port) : before.port,
  });
}

const highestPort = 65_535n;

/**
 * The port that a rule gives, null when it is not known (`get_unique_tuple`, `nf_nat_l4proto_unique_tuple`): of a range the
 * kernel keeps the packet's own where that lies in it, unless it is told to choose at random. A destination's port stays
 * where the rule names none.
 */
function portFor({ end, port, random }: Translation, given: Reading | undefined, own: number | null): number | null {
  if (given === undefined) return random && end === 'source' ? null : own;
  const named = numberIn(given);
  if (named !== null) return named <= highestPort ? Number(named) : null;
  if (port?.kind !== 'one-of' || own === null || random) return null;
  return BigInt(own) >= port.low && BigInt(own) <= port.high ? own : null;
}

/**
 * The packet as the entry of its connection translates it at a hook: destinations where packets come in or are sent,
 * sources where they leave or are taken in (nf_nat_packet). The other direction's tuple, turned round, is what comes out.
 */
export function translatedByEntry(
  packet: NetfilterPacket,
  entry: ConnectionEntry,
  end: Translation['end'],
): NetfilterPacket {
  const isOriginal = packet.connection.direction === 'original';
  const [own, other] = isOriginal ? [entry.original, entry.reply] : [entry.reply, entry.original];
  // An ICMP error of a host on the way has a source of its own, which stays where the connection's does.
  const stays =
    end === 'destination'
      ? own.destination === other.source && own.destinationPort === other.sourcePort
      : own.source === other.destination && own.sourcePort === other.destinationPort;
  if (stays) return packet;
  const [text, port] =
    end === 'destination' ? [other.source, other.sourcePort] : [other.destination, other.destinationPort];
  const after = withEnd(packet, end, {
    address: parseAddress(text)?.value ?? null,
    port: port ?? endOf(packet, end).port,
  });
  // What the connection is has been settled by its first packet: of an answer the other end changes.
  return { ...after, connection: packet.connection };
}
