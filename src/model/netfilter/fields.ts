/**
 * The fields that rules read, by nft's words for them, and what each is in a packet at a hook. iptables reads the same
 * ones.
 */

import { connectionStateBit, statusShift } from '../../host/netfilter.ts';
import { parseAddress } from '../../inet/address.ts';
import { ipProtocol, portProtocols } from '../../inet/protocol.ts';
import {
  arpOperation,
  type Connection,
  type HookPlace,
  type HostView,
  type NetfilterPacket,
  type TupleEnds,
} from './packet.ts';
import { absent, known, knownOr, type Reading, unknown } from './reading.ts';

/** Everything that a rule can look at. */
export interface View {
  readonly packet: NetfilterPacket;
  readonly place: HookPlace;
  readonly host: HostView;
  /** False before conntrack has seen the packet: in the raw chains. */
  readonly tracked: boolean;
}

type Reader = (view: View) => Reading;

/** Reads only IP packets. */
function ofIp(read: Reader): Reader {
  return (view) => (view.packet.isArp ? absent : read(view));
}

/** Reads only packets of one IP version. */
function ofFamily(family: 4 | 6, read: Reader): Reader {
  return ofIp((view) => (view.packet.family === family ? read(view) : absent));
}

/** Reads only packets of one protocol. */
function ofProtocol(name: keyof typeof ipProtocol, read: Reader): Reader {
  return ofIp((view) => (view.packet.protocol === ipProtocol[name] ? read(view) : absent));
}

function ports(read: Reader): Reader {
  return ofIp((view) => {
    if (portProtocols.has(view.packet.protocol)) return read(view);
    return unknown('nettrace does not model what stands where ports would in this protocol');
  });
}

const sourcePort: Reader = ({ packet }) => knownOr(packet.sourcePort, 'the source port');
const destinationPort: Reader = ({ packet }) => knownOr(packet.destinationPort, 'the destination port');
const ttl: Reader = ({ packet }) => knownOr(packet.ttl, "the packet's TTL");
const dscp: Reader = ({ packet }) => knownOr(packet.dscp, "the packet's DSCP");
const length: Reader = ({ packet }) => knownOr(packet.length, "the packet's length");
const protocol: Reader = ofIp(({ packet }) => known(packet.protocol));

/** Reads only ARP's packets: IPv4's over Ethernet (RFC 826). */
function ofArp(read: Reader): Reader {
  return (view) => (view.packet.isArp ? read(view) : absent);
}

/** Whom a question looks for is what it asks (`arp_create`). */
const targetMac: Reader = (view) =>
  view.packet.arpOperation === arpOperation.question ? known(0) : destinationMac(view);

/** What ARP's packets say; the first four are the same in all of IPv4. */
const arpFields: readonly (readonly [string, Reader])[] = [
  ['arp htype', ofArp(() => known(1))],
  ['arp ptype', ofArp(() => known(etherTypes[4]))],
  ['arp hlen', ofArp(() => known(6))],
  ['arp plen', ofArp(() => known(4))],
  ['arp operation', ofArp(({ packet }) => knownOr(packet.arpOperation, 'what ARP asks for'))],
  ['arp saddr ip', ofArp((view) => source(view))],
  ['arp daddr ip', ofArp((view) => destination(view))],
  ['arp saddr ether', ofArp((view) => sourceMac(view))],
  ['arp daddr ether', ofArp(targetMac)],
];

/** The family of the hook, which is the packet's own at IP's alone. */
const nfproto: Reader = ({ packet, place }) => {
  if (place.layer !== 'ip') return unknown('meta nfproto is modelled at the IP hooks alone');
  return known(packet.family === 4 ? 2 : 10);
};

const etherTypes = { arp: 0x0806, 4: 0x0800, 6: 0x86dd } as const;
const etherType: Reader = ({ packet }) => known(packet.isArp ? etherTypes.arp : etherTypes[packet.family]);

/** At the IP hooks headers of the link are there only once a frame has come in. */
function fromFrame(read: Reader): Reader {
  return (view) => (view.place.layer === 'ip' && view.place.input === '' ? absent : read(view));
}

/** Whether a bridge or a device sees connections depends on modules and on where the frame has been before. */
const notTrackedHere = unknown('the connection is modelled at the IP hooks alone');

/** A connection's fields: conntrack must have seen the packet and given it one. */
function ofConnection(read: (connection: Connection, view: View) => Reading): Reader {
  return (view) => {
    if (view.place.layer !== 'ip') return notTrackedHere;
    const { connection } = view.packet;
    if (connection.state === 'untracked' || connection.state === 'invalid' || !view.tracked) return absent;
    return read(connection, view);
  };
}

const connectionState: Reader = ({ packet, place, tracked }) => {
  if (place.layer !== 'ip') return notTrackedHere;
  // Without a connection it is untracked when a rule said so, else invalid (nft_ct_get_eval).
  const { state } = packet.connection;
  return known(connectionStateBit[tracked || state === 'untracked' ? state : 'invalid']);
};

const stateAndStatus: Reader = (view) => {
  const state = connectionState(view);
  const { connection } = view.packet;
  if (state.kind !== 'value' || typeof state.value === 'string') return state;
  const hasEntry = view.tracked && connection.state !== 'untracked' && connection.state !== 'invalid';
  return known(state.value | (hasEntry ? connection.status << statusShift : 0n));
};

/** The ends of a connection in one direction. */
function ends(connection: Connection, direction: 'original' | 'reply', { packet }: View): TupleEnds | null {
  const entry = connection.entry?.[direction];
  if (entry !== undefined) {
    const value = (text: string): bigint | null => parseAddress(text)?.value ?? null;
    const { sourcePort: from, destinationPort: to } = entry;
    return {
      source: value(entry.source),
      destination: value(entry.destination),
      sourcePort: from,
      destinationPort: to,
    };
  }
  const { original } = connection;
  if (direction === 'original' || original === null) return original;
  // Answers to a first packet come from where it goes now, to whom it came from.
  return {
    source: packet.destination,
    destination: packet.source,
    sourcePort: packet.destinationPort,
    destinationPort: packet.sourcePort,
  };
}

function tuple(direction: 'original' | 'reply', part: keyof TupleEnds, family: 4 | 6 | null): Reader {
  return ofConnection((connection, view) => {
    if (family !== null && family !== view.packet.family) return absent;
    return knownOr(ends(connection, direction, view)?.[part] ?? null, `the ${direction} tuple of the connection`);
  });
}

function tupleFields(direction: 'original' | 'reply'): [string, Reader][] {
  return [
    [`ct ${direction} ip saddr`, tuple(direction, 'source', 4)],
    [`ct ${direction} ip daddr`, tuple(direction, 'destination', 4)],
    [`ct ${direction} ip6 saddr`, tuple(direction, 'source', 6)],
    [`ct ${direction} ip6 daddr`, tuple(direction, 'destination', 6)],
    [`ct ${direction} saddr`, tuple(direction, 'source', null)],
    [`ct ${direction} daddr`, tuple(direction, 'destination', null)],
    [`ct ${direction} proto-src`, tuple(direction, 'sourcePort', null)],
    [`ct ${direction} proto-dst`, tuple(direction, 'destinationPort', null)],
    [`ct ${direction} protocol`, ofConnection((_connection, { packet }) => known(packet.protocol))],
  ];
}

/** Ports in the header of one protocol. */
function portFields(name: keyof typeof ipProtocol): [string, Reader][] {
  return [
    [`${name} sport`, ofProtocol(name, sourcePort)],
    [`${name} dport`, ofProtocol(name, destinationPort)],
  ];
}

/** The sender's identity is known to packets of this host alone; `without` is what others read. */
function ofSender(what: 'user' | 'group', without: Reading): Reader {
  return ({ packet, place }) =>
    place.hook === 'output' || place.hook === 'postrouting'
      ? place.input === ''
        ? knownOr(packet[what], `the sending ${what}`)
        : without
      : unknown(`the ${what} of the receiving socket is not modelled`);
}

/** iptables' `! --uid-owner` holds for what no socket of this host has sent (`owner_mt`). */
const nobody = known('');

/** Bits of a header by their place, which are that field with one version or protocol, and something else with others. */
function atPlace(isThere: (packet: NetfilterPacket) => boolean, read: Reader): Reader {
  return (view) => {
    const { packet } = view;
    return !packet.isArp && isThere(packet) ? read(view) : unknown('what stands there is not modelled');
  };
}

const isFour = ({ family }: NetfilterPacket): boolean => family === 4;
const isSix = ({ family }: NetfilterPacket): boolean => family === 6;
const hasPorts = ({ protocol: number }: NetfilterPacket): boolean => portProtocols.has(number);
const isTcp = ({ protocol: number }: NetfilterPacket): boolean => number === ipProtocol.tcp;

const source: Reader = ({ packet }) => knownOr(packet.source, 'the source');
const destination: Reader = ({ packet }) => knownOr(packet.destination, 'the destination');
const sourceMac: Reader = fromFrame(({ packet }) => knownOr(packet.sourceMac, 'the source MAC address'));
const destinationMac: Reader = fromFrame(({ packet }) => knownOr(packet.destinationMac, 'the destination MAC address'));

/** nft's `@BASE,OFFSET,LENGTH`, in bits, where just one field stands there: RFC 791, 8200, 768, 9293 and Ethernet. */
const places: readonly (readonly [string, Reader])[] = [
  ['@ll,0,48', destinationMac],
  ['@ll,48,48', sourceMac],
  ['@ll,96,16', fromFrame(etherType)],
  ['@nh,64,8', atPlace(isFour, ttl)],
  ['@nh,72,8', atPlace(isFour, protocol)],
  ['@nh,96,32', atPlace(isFour, source)],
  ['@nh,128,32', atPlace(isFour, destination)],
  ['@nh,48,8', atPlace(isSix, protocol)],
  ['@nh,56,8', atPlace(isSix, ttl)],
  ['@nh,64,128', atPlace(isSix, source)],
  ['@nh,192,128', atPlace(isSix, destination)],
  ['@th,0,16', atPlace(hasPorts, sourcePort)],
  ['@th,16,16', atPlace(hasPorts, destinationPort)],
  ['@th,104,8', atPlace(isTcp, ({ packet }) => knownOr(packet.tcpFlags, 'the TCP flags'))],
];

const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ...places,
  ...arpFields,
  ['ip saddr', ofFamily(4, source)],
  ['ip daddr', ofFamily(4, destination)],
  ['ip6 saddr', ofFamily(6, source)],
  ['ip6 daddr', ofFamily(6, destination)],
  ['ip protocol', ofFamily(4, protocol)],
  // The model's packets have no extension headers.
  ['ip6 nexthdr', ofFamily(6, protocol)],
  ['ip version', ofFamily(4, () => known(4))],
  ['ip6 version', ofFamily(6, () => known(6))],
  ['ip ttl', ofFamily(4, ttl)],
  ['ip6 hoplimit', ofFamily(6, ttl)],
  ['ip dscp', ofFamily(4, dscp)],
  ['ip6 dscp', ofFamily(6, dscp)],
  ['ip length', ofFamily(4, length)],
  // Of frag-off the bits of a fragment, which the model's packets never are: iptables' -f, and nft's with a mask.
  ['ip fragment', ofFamily(4, () => known(0))],
  // Nor have they extension headers: whether one of a kind is there, and what is in it (nft_exthdr_ipv6_eval).
  ['exthdr exists', ofFamily(6, () => known(0))],
  ['exthdr field', () => absent],
  ['th sport', ports(sourcePort)],
  ['th dport', ports(destinationPort)],
  ...portFields('tcp'),
  ...portFields('udp'),
  ...portFields('sctp'),
  ...portFields('dccp'),
  ...portFields('udplite'),
  // Which options a segment has depends on programs and settings.
  ['tcp option', ofProtocol('tcp', () => unknown('the options of TCP are not modelled'))],
  ['tcp flags', ofProtocol('tcp', ({ packet }) => knownOr(packet.tcpFlags, 'the TCP flags'))],
  ['icmp type', ofProtocol('icmp', ({ packet }) => knownOr(packet.icmpType, 'the ICMP type'))],
  ['icmp code', ofProtocol('icmp', ({ packet }) => knownOr(packet.icmpCode, 'the ICMP code'))],
  ['icmpv6 type', ofProtocol('icmpv6', ({ packet }) => knownOr(packet.icmpType, 'the ICMPv6 type'))],
  ['icmpv6 code', ofProtocol('icmpv6', ({ packet }) => knownOr(packet.icmpCode, 'the ICMPv6 code'))],
  ['ether saddr', sourceMac],
  ['ether daddr', destinationMac],
  ['ether type', fromFrame(etherType)],
  // A device that the packet has not is an empty name.
  ['meta iifname', ({ place }) => known(place.input)],
  ['meta oifname', ({ place }) => known(place.output)],
  ['meta iif', ({ place }) => known(place.input)],
  ['meta oif', ({ place }) => known(place.output)],
  ['meta l4proto', protocol],
  ['meta nfproto', nfproto],
  ['meta protocol', etherType],
  ['meta mark', ({ packet }) => knownOr(packet.mark, "the packet's mark")],
  ['meta length', length],
  ['meta pkttype', ({ packet }) => knownOr(packet.frameType, 'whom the frame is for')],
  ['meta skuid', ofSender('user', absent)],
  ['meta skgid', ofSender('group', absent)],
  ['owner user', ofSender('user', nobody)],
  ['owner group', ofSender('group', nobody)],
  ['ct state', connectionState],
  ['ct state-and-status', stateAndStatus],
  ['ct status', ofConnection(({ status }) => known(status))],
  ['ct mark', ofConnection(({ mark }) => knownOr(mark, "the connection's mark"))],
  ['ct direction', ofConnection(({ direction }) => known(direction === 'original' ? 0 : 1))],
  ...tupleFields('original'),
  ...tupleFields('reply'),
  ['physdev in', ({ place }) => known(place.inputPort)],
  ['physdev out', ({ place }) => known(place.outputPort)],
  ['physdev bridged', ({ place }) => known(place.inputPort !== '' && place.outputPort !== '' ? 1 : 0)],
]);

/** What a field is; unknown for one that is not modelled. */
export function readField(name: string, view: View): Reading {
  return readers.get(name)?.(view) ?? unknown(`${name} is not modelled`);
}
