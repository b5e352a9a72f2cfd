/**
 * Number spaces that several headers share, with the decoder that reads each payload.
 */

import type { Protocol } from './decoder.ts';

const ethertypes: readonly (readonly [number, string, Protocol])[] = [
  [0x0800, 'IPv4', 'ip'],
  [0x0806, 'ARP', 'arp'],
  [0x8035, 'RARP', 'arp'],
  [0x8100, '802.1Q', 'vlan'],
  [0x86dd, 'IPv6', 'ipv6'],
  [0x8809, 'Slow Protocols', 'data'],
  [0x8847, 'MPLS', 'data'],
  [0x8863, 'PPPoE Discovery', 'data'],
  [0x8864, 'PPPoE Session', 'data'],
  [0x888e, 'EAPOL', 'data'],
  [0x88a8, '802.1ad', 'ieee8021ad'],
  [0x88cc, 'LLDP', 'data'],
];

const ipProtocols: readonly (readonly [number, string, Protocol])[] = [
  [1, 'ICMP', 'icmp'],
  [2, 'IGMP', 'data'],
  [4, 'IPv4', 'ip'],
  [6, 'TCP', 'tcp'],
  [17, 'UDP', 'udp'],
  [41, 'IPv6', 'ipv6'],
  [47, 'GRE', 'data'],
  [50, 'ESP', 'data'],
  [51, 'AH', 'data'],
  [58, 'ICMPv6', 'icmpv6'],
  [59, 'no next header', 'data'],
  [89, 'OSPF', 'data'],
  [103, 'PIM', 'data'],
  [112, 'VRRP', 'data'],
  [132, 'SCTP', 'data'],
];

function names(rows: readonly (readonly [number, string, Protocol])[]): ReadonlyMap<number, string> {
  return new Map(rows.map(([number, name]) => [number, name]));
}

function decoders(rows: readonly (readonly [number, string, Protocol])[]): ReadonlyMap<number, Protocol> {
  return new Map(rows.map(([number, , protocol]) => [number, protocol]));
}

/** IEEE 802 EtherTypes. */
export const ethertypeNames = names(ethertypes);
/** IANA protocol numbers of IPv4, next headers of IPv6. */
export const ipProtocolNames = names(ipProtocols);

const ethertypeDecoders = decoders(ethertypes);
const ipProtocolDecoders = decoders(ipProtocols);

/** The decoder of an EtherType's payload; `data` where there is none. */
export function ethertypeDecoder(ethertype: number): Protocol {
  return ethertypeDecoders.get(ethertype) ?? 'data';
}

/** The decoder of an IP protocol's payload; `data` where there is none. */
export function ipProtocolDecoder(protocol: number): Protocol {
  return ipProtocolDecoders.get(protocol) ?? 'data';
}
