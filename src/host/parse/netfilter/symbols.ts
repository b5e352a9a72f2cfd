/**
 * The names that nft and iptables print for numbers: libnftables-json(5), nft(8) "DATA TYPES", and the kernel's headers
 * where they come from. Types are called as nft calls them.
 */

import { connectionStateBit, connectionStatusBit } from '../../netfilter.ts';

/** Numbers by name. */
export type Symbols = Readonly<Record<string, bigint>>;

/** The table's own member of that name: names come from untrusted text, and every object has a `constructor`. */
export function lookUp<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

function numbered(names: string, first = 0): [string, bigint][] {
  return names.split(' ').map((name, index) => [name, BigInt(first + index)]);
}

/** IP protocol numbers (IANA, and /etc/protocols, from which both tools take the names). */
export const protocols: Symbols = {
  ip: 0n,
  icmp: 1n,
  igmp: 2n,
  ipencap: 4n,
  tcp: 6n,
  udp: 17n,
  dccp: 33n,
  ipv6: 41n,
  gre: 47n,
  esp: 50n,
  ah: 51n,
  icmpv6: 58n,
  'ipv6-icmp': 58n,
  ospf: 89n,
  pim: 103n,
  comp: 108n,
  vrrp: 112n,
  l2tp: 115n,
  sctp: 132n,
  udplite: 136n,
};

/** RFC 9293, section 3.1, and RFC 3168. */
export const tcpFlags: Symbols = { fin: 1n, syn: 2n, rst: 4n, psh: 8n, ack: 16n, urg: 32n, ecn: 64n, cwr: 128n };

/** ICMP codes under type 3 (RFC 792, RFC 1812). */
export const icmpCodes: Symbols = {
  'net-unreachable': 0n,
  'host-unreachable': 1n,
  'prot-unreachable': 2n,
  'port-unreachable': 3n,
  'frag-needed': 4n,
  'net-prohibited': 9n,
  'host-prohibited': 10n,
  'admin-prohibited': 13n,
};

/** ICMPv6 codes under type 1 (RFC 4443, section 3.1). */
export const icmpv6Codes: Symbols = {
  'no-route': 0n,
  'admin-prohibited': 1n,
  'addr-unreachable': 3n,
  'port-unreachable': 4n,
  'policy-fail': 5n,
  'reject-route': 6n,
};

/** RFC 2474, RFC 2597, RFC 3246, RFC 8622. */
const codePoints: Symbols = Object.fromEntries([
  ...[0, 1, 2, 3, 4, 5, 6, 7].map((selector) => [`cs${selector}`, BigInt(8 * selector)] as const),
  ...[1, 2, 3, 4].flatMap((level) =>
    [1, 2, 3].map((drop) => [`af${level}${drop}`, BigInt(8 * level + 2 * drop)] as const),
  ),
  ['be', 0n] as const,
  ['df', 0n] as const,
  ['lephb', 1n] as const,
  ['va', 44n] as const,
  ['ef', 46n] as const,
]);

/** Names by nft's name of the type. */
export const symbolsByType: Readonly<Record<string, Symbols>> = {
  inet_proto: protocols,
  ct_state: connectionStateBit,
  ct_status: connectionStatusBit,
  ct_dir: { original: 0n, reply: 1n },
  tcp_flag: tcpFlags,
  nf_proto: { ipv4: 2n, ipv6: 10n },
  ether_type: { ip: 0x0800n, arp: 0x0806n, vlan: 0x8100n, '8021q': 0x8100n, '8021ad': 0x88a8n, ip6: 0x86ddn },
  arp_op: Object.fromEntries([
    ...numbered('request reply rrequest rreply', 1),
    ...numbered('inrequest inreply nak', 8),
  ]),
  icmp_type: Object.fromEntries([
    ['echo-reply', 0n],
    ...numbered('destination-unreachable source-quench redirect', 3),
    ...numbered(
      'echo-request router-advertisement router-solicitation time-exceeded parameter-problem timestamp-request timestamp-reply info-request info-reply address-mask-request address-mask-reply',
      8,
    ),
  ]),
  icmpv6_type: Object.fromEntries([
    ...numbered('destination-unreachable packet-too-big time-exceeded parameter-problem', 1),
    ...numbered(
      'echo-request echo-reply mld-listener-query mld-listener-report mld-listener-done nd-router-solicit nd-router-advert nd-neighbor-solicit nd-neighbor-advert nd-redirect router-renumbering',
      128,
    ),
    ['mld-listener-reduction', 132n],
    ...numbered('ind-neighbor-solicit ind-neighbor-advert mld2-listener-report', 141),
  ]),
  icmp_code: icmpCodes,
  icmpv6_code: icmpv6Codes,
  dscp: codePoints,
  boolean: { exists: 1n, missing: 0n },
};

/** Types whose values are names, not numbers. */
const namedTypes: ReadonlySet<string> = new Set(['ifname', 'iface_index', 'fib_addrtype', 'pkt_type', 'ct_helper']);

/** True for a type whose values are names. */
export function isNamed(type: string): boolean {
  return namedTypes.has(type);
}

/** The type of a field, named as `Operand` names it; null for one that is not known. */
export function typeOfField(field: string): string | null {
  return lookUp(typesByField, field) ?? null;
}

const typesByField: Readonly<Record<string, string>> = {
  'ip saddr': 'ipv4_addr',
  'ip daddr': 'ipv4_addr',
  'ip protocol': 'inet_proto',
  'ip dscp': 'dscp',
  'ip6 saddr': 'ipv6_addr',
  'ip6 daddr': 'ipv6_addr',
  'ip6 nexthdr': 'inet_proto',
  'ip6 dscp': 'dscp',
  'tcp flags': 'tcp_flag',
  'icmp type': 'icmp_type',
  'icmp code': 'icmp_code',
  'icmpv6 type': 'icmpv6_type',
  'icmpv6 code': 'icmpv6_code',
  'ether saddr': 'ether_addr',
  'ether daddr': 'ether_addr',
  'ether type': 'ether_type',
  'vlan type': 'ether_type',
  'arp operation': 'arp_op',
  'arp ptype': 'ether_type',
  'arp saddr ether': 'ether_addr',
  'arp daddr ether': 'ether_addr',
  'arp saddr ip': 'ipv4_addr',
  'arp daddr ip': 'ipv4_addr',
  'meta iif': 'iface_index',
  'meta oif': 'iface_index',
  'meta iifname': 'ifname',
  'meta oifname': 'ifname',
  'meta ibrname': 'ifname',
  'meta obrname': 'ifname',
  'meta l4proto': 'inet_proto',
  'meta nfproto': 'nf_proto',
  'meta protocol': 'ether_type',
  'meta pkttype': 'pkt_type',
  'ct state': 'ct_state',
  'ct status': 'ct_status',
  'ct direction': 'ct_dir',
  'ct helper': 'ct_helper',
  'ct original protocol': 'inet_proto',
  'ct reply protocol': 'inet_proto',
  'ct original ip saddr': 'ipv4_addr',
  'ct original ip daddr': 'ipv4_addr',
  'ct reply ip saddr': 'ipv4_addr',
  'ct reply ip daddr': 'ipv4_addr',
  'ct original ip6 saddr': 'ipv6_addr',
  'ct original ip6 daddr': 'ipv6_addr',
  'ct reply ip6 saddr': 'ipv6_addr',
  'ct reply ip6 daddr': 'ipv6_addr',
};
