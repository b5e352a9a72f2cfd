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

/** Ports of container hosts, by the names that people use; IANA's registry has thousands more. */
const portNames: ReadonlyMap<number, string> = new Map([
  [20, 'FTP data'],
  [21, 'FTP'],
  [22, 'SSH'],
  [23, 'Telnet'],
  [25, 'SMTP'],
  [53, 'DNS'],
  [67, 'DHCP server'],
  [68, 'DHCP client'],
  [69, 'TFTP'],
  [80, 'HTTP'],
  [88, 'Kerberos'],
  [110, 'POP3'],
  [111, 'RPC'],
  [123, 'NTP'],
  [137, 'NetBIOS name'],
  [138, 'NetBIOS datagram'],
  [139, 'NetBIOS session'],
  [143, 'IMAP'],
  [161, 'SNMP'],
  [162, 'SNMP trap'],
  [179, 'BGP'],
  [389, 'LDAP'],
  [443, 'HTTPS'],
  [445, 'SMB'],
  [465, 'SMTPS'],
  [500, 'IKE'],
  [514, 'syslog'],
  [546, 'DHCPv6 client'],
  [547, 'DHCPv6 server'],
  [587, 'mail submission'],
  [636, 'LDAPS'],
  [853, 'DNS over TLS'],
  [993, 'IMAPS'],
  [995, 'POP3S'],
  [1433, 'SQL Server'],
  [1521, 'Oracle'],
  [1883, 'MQTT'],
  [1900, 'SSDP'],
  [2049, 'NFS'],
  [2375, 'Docker'],
  [2376, 'Docker over TLS'],
  [2379, 'etcd'],
  [2380, 'etcd peer'],
  [3306, 'MySQL'],
  [3389, 'RDP'],
  [4500, 'IKE behind NAT'],
  [4789, 'VXLAN'],
  [5060, 'SIP'],
  [5353, 'mDNS'],
  [5355, 'LLMNR'],
  [5432, 'PostgreSQL'],
  [5672, 'AMQP'],
  [6081, 'Geneve'],
  [6379, 'Redis'],
  [6443, 'Kubernetes'],
  [8472, 'VXLAN of Linux'],
  [9092, 'Kafka'],
  [9200, 'Elasticsearch'],
  [10250, 'kubelet'],
  [11211, 'memcached'],
  [27017, 'MongoDB'],
  [51820, 'WireGuard'],
]);

/** A port as a person reads it: `53 (DNS)`, or the number alone. The name says what usually is there, no more. */
export function portText(port: number): string {
  const name = portNames.get(port);
  return name === undefined ? String(port) : `${port} (${name})`;
}
