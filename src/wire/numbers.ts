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
