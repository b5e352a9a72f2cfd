/**
 * Number spaces that several headers share, with the decoder that reads each payload.
 */

import type { Protocol } from './decoder.ts';

type Row = readonly [number: number, name: string, decoder: Protocol];

/** IEEE's registry, as far as networks of hosts, switches and providers use it. */
const ethertypes: readonly Row[] = [
  [0x0800, 'IPv4', 'ip'],
  [0x0806, 'ARP', 'arp'],
  [0x0842, 'Wake-on-LAN', 'data'],
  [0x22ea, 'SRP', 'data'],
  [0x22eb, 'ERSPAN III', 'erspan'],
  [0x22f0, 'AVTP', 'data'],
  [0x22f3, 'TRILL', 'data'],
  [0x6558, 'transparent Ethernet bridging', 'eth'],
  [0x8035, 'RARP', 'arp'],
  [0x809b, 'AppleTalk', 'data'],
  [0x80f3, 'AppleTalk ARP', 'data'],
  [0x8100, '802.1Q', 'vlan'],
  [0x8137, 'IPX', 'data'],
  [0x86dd, 'IPv6', 'ipv6'],
  [0x8808, 'Ethernet flow control', 'data'],
  [0x8809, 'Slow Protocols', 'data'],
  [0x880b, 'PPP', 'ppp'],
  [0x8847, 'MPLS', 'mpls'],
  [0x8848, 'MPLS multicast', 'mpls'],
  [0x8863, 'PPPoE Discovery', 'pppoed'],
  [0x8864, 'PPPoE Session', 'pppoes'],
  [0x883e, 'WCCP', 'data'],
  [0x887b, 'HomePlug', 'data'],
  [0x888e, 'EAPOL', 'data'],
  [0x8892, 'PROFINET', 'data'],
  [0x88a2, 'ATA over Ethernet', 'data'],
  [0x88a4, 'EtherCAT', 'data'],
  [0x88a8, '802.1ad', 'ieee8021ad'],
  [0x88ab, 'POWERLINK', 'data'],
  [0x88b5, 'local experimental 1', 'data'],
  [0x88b6, 'local experimental 2', 'data'],
  [0x88b8, 'GOOSE', 'data'],
  [0x88be, 'ERSPAN', 'erspan'],
  [0x88cc, 'LLDP', 'data'],
  [0x88e1, 'HomePlug AV', 'data'],
  [0x88e5, 'MACsec', 'data'],
  [0x88e7, '802.1ah', 'data'],
  [0x88f5, 'MVRP', 'data'],
  [0x88f7, 'PTP', 'data'],
  [0x88fb, 'PRP', 'data'],
  [0x8902, 'connectivity fault management', 'data'],
  [0x8906, 'FCoE', 'data'],
  [0x8909, 'Cisco MetaData', 'cmd'],
  [0x8914, 'FCoE initialization', 'data'],
  [0x8915, 'RoCE', 'data'],
  [0x8926, 'VN-Tag', 'data'],
  [0x892f, 'HSR', 'data'],
  [0x893b, 'TRILL fine-grained labeling', 'data'],
  [0x893f, '802.1BR', 'data'],
  [0x894f, 'network service header', 'data'],
  [0x9000, 'loopback test', 'data'],
  [0x9003, 'Cisco unidirectional link detection', 'data'],
  [0x9100, 'QinQ (old)', 'vlan'],
  [0xf1c1, '802.1CB', 'data'],
];

/** IANA's assigned Internet protocol numbers, without those that the registry calls unused or private. */
const ipProtocols: readonly Row[] = [
  [0, 'hop-by-hop options', 'data'],
  [1, 'ICMP', 'icmp'],
  [2, 'IGMP', 'igmp'],
  [3, 'GGP', 'data'],
  [4, 'IPv4', 'ip'],
  [5, 'ST', 'data'],
  [6, 'TCP', 'tcp'],
  [7, 'CBT', 'data'],
  [8, 'EGP', 'data'],
  [9, 'IGP', 'data'],
  [12, 'PUP', 'data'],
  [17, 'UDP', 'udp'],
  [27, 'RDP', 'data'],
  [28, 'IRTP', 'data'],
  [29, 'ISO-TP4', 'data'],
  [33, 'DCCP', 'data'],
  [35, 'IDPR', 'data'],
  [36, 'XTP', 'data'],
  [40, 'IL', 'data'],
  [41, 'IPv6', 'ipv6'],
  [42, 'SDRP', 'data'],
  [43, 'IPv6 routing', 'data'],
  [44, 'IPv6 fragment', 'data'],
  [45, 'IDRP', 'data'],
  [46, 'RSVP', 'data'],
  [47, 'GRE', 'gre'],
  [48, 'DSR', 'data'],
  [50, 'ESP', 'esp'],
  [51, 'AH', 'ah'],
  [54, 'NARP', 'data'],
  [55, 'minimal IPv4', 'data'],
  [57, 'SKIP', 'data'],
  [58, 'ICMPv6', 'icmpv6'],
  [59, 'no next header', 'data'],
  [60, 'IPv6 destination options', 'data'],
  [73, 'CPHB', 'data'],
  [77, 'SUN ND', 'data'],
  [80, 'ISO IP', 'data'],
  [85, 'NSFNET-IGP', 'data'],
  [88, 'EIGRP', 'data'],
  [89, 'OSPF', 'data'],
  [93, 'AX.25', 'data'],
  [94, 'IPIP', 'data'],
  [97, 'EtherIP', 'data'],
  [98, 'encapsulation header', 'data'],
  [103, 'PIM', 'data'],
  [107, 'A/N', 'data'],
  [108, 'IPComp', 'data'],
  [112, 'VRRP', 'data'],
  [113, 'PGM', 'data'],
  [115, 'L2TP', 'data'],
  [121, 'SMP', 'data'],
  [124, 'IS-IS over IPv4', 'data'],
  [126, 'CRTP', 'data'],
  [132, 'SCTP', 'data'],
  [133, 'Fibre Channel', 'data'],
  [134, 'RSVP-E2E-IGNORE', 'data'],
  [135, 'mobility', 'data'],
  [136, 'UDP-Lite', 'data'],
  [137, 'MPLS', 'mpls'],
  [138, 'MANET', 'data'],
  [139, 'HIP', 'data'],
  [140, 'Shim6', 'data'],
  [141, 'WESP', 'data'],
  [142, 'ROHC', 'data'],
  [143, 'Ethernet', 'eth'],
  [144, 'AGGFRAG', 'data'],
  [145, 'NSH', 'data'],
];

/** Well-known ports of TCP and UDP (IANA), as far as they tell something on hosts with containers. */
const ports: readonly (readonly [number: number, name: string])[] = [
  [20, 'ftp-data'],
  [21, 'ftp'],
  [22, 'ssh'],
  [23, 'telnet'],
  [25, 'smtp'],
  [53, 'domain'],
  [67, 'bootps'],
  [68, 'bootpc'],
  [69, 'tftp'],
  [80, 'http'],
  [88, 'kerberos'],
  [110, 'pop3'],
  [111, 'sunrpc'],
  [123, 'ntp'],
  [137, 'netbios-ns'],
  [138, 'netbios-dgm'],
  [139, 'netbios-ssn'],
  [143, 'imap'],
  [161, 'snmp'],
  [162, 'snmptrap'],
  [179, 'bgp'],
  [389, 'ldap'],
  [443, 'https'],
  [445, 'microsoft-ds'],
  [465, 'submissions'],
  [500, 'isakmp'],
  [514, 'syslog'],
  [546, 'dhcpv6-client'],
  [547, 'dhcpv6-server'],
  [587, 'submission'],
  [636, 'ldaps'],
  [853, 'domain-s'],
  [873, 'rsync'],
  [993, 'imaps'],
  [995, 'pop3s'],
  [1194, 'openvpn'],
  [1701, 'l2tp'],
  [1723, 'pptp'],
  [1812, 'radius'],
  [1883, 'mqtt'],
  [2049, 'nfs'],
  [2375, 'docker'],
  [2376, 'docker-s'],
  [2379, 'etcd-client'],
  [2380, 'etcd-server'],
  [3260, 'iscsi-target'],
  [3306, 'mysql'],
  [3389, 'ms-wbt-server'],
  [3478, 'stun'],
  [4500, 'ipsec-nat-t'],
  [4789, 'vxlan'],
  [5060, 'sip'],
  [5353, 'mdns'],
  [5355, 'llmnr'],
  [5432, 'postgresql'],
  [5672, 'amqp'],
  [6081, 'geneve'],
  [6379, 'redis'],
  [6443, 'sun-sr-https'],
  [8883, 'secure-mqtt'],
  [9418, 'git'],
  [11211, 'memcache'],
  [27017, 'mongodb'],
];

function names(rows: readonly Row[]): ReadonlyMap<number, string> {
  return new Map(rows.map(([number, name]) => [number, name]));
}

function decoders(rows: readonly Row[]): ReadonlyMap<number, Protocol> {
  return new Map(rows.map(([number, , protocol]) => [number, protocol]));
}

/** IEEE 802 EtherTypes. */
export const ethertypeNames = names(ethertypes);
/** IANA protocol numbers of IPv4, next headers of IPv6. */
export const ipProtocolNames = names(ipProtocols);

const portNames = new Map(ports);
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

/** The text of a port field: `https (443)`, the number alone for a port without a well-known use. */
export function portText(port: number): string {
  const name = portNames.get(port);
  return name === undefined ? String(port) : `${name} (${port})`;
}
