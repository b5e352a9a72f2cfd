/**
 * Frames built layer by layer, one or more for each protocol, with the line and the layers that they owe. The tests that
 * cut and change frames take them all, so a protocol that has a row here is tried in that way too.
 */

/** Hex of a number in so many bytes. */
function number(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, '0');
}

function lengthOf(hex: string): number {
  return hex.replaceAll(/\s/g, '').length / 2;
}

const macs = '02420a580001 02420a58000a';

/** An Ethernet frame with an EtherType. */
function ethernet(type: string, payload: string): string {
  return `${macs} ${type} ${payload}`;
}

/** An 802.3 frame with its length. */
function ethernet3(destination: string, payload: string): string {
  return `${destination} 02420a58000a ${number(lengthOf(payload), 2)} ${payload}`;
}

/** An IPv4 packet from 10.0.0.1 to 10.0.0.2; the options fill whole words. */
export function ipv4(protocol: number, payload: string, options = ''): string {
  const words = 5 + lengthOf(options) / 4;
  const total = words * 4 + lengthOf(payload);
  const start = `4${words.toString(16)} 00 ${number(total, 2)} 1234 0000 40`;
  return `${start} ${number(protocol, 1)} 0000 0a000001 0a000002 ${options} ${payload}`;
}

/** An IPv6 packet from fd00::1 to fd00::2. */
function ipv6(next: number, payload: string): string {
  const start = `60000000 ${number(lengthOf(payload), 2)} ${number(next, 1)} 40`;
  return `${start} fd000000000000000000000000000001 fd000000000000000000000000000002 ${payload}`;
}

function udp(destination: number, payload: string): string {
  return `c000 ${number(destination, 2)} ${number(8 + lengthOf(payload), 2)} 0000 ${payload}`;
}

/** A packet for tunnels to carry, and the line about it. */
const innerPacket = ipv4(17, udp(9999, '6869'));
const innerLine = 'UDP 10.0.0.1:49152 > 10.0.0.2:9999 len 2';
const innerPacket6 = ipv6(17, udp(9999, '6869'));
const innerLine6 = 'UDP [fd00::1]:49152 > [fd00::2]:9999 len 2';

/** A header of IPv6 options or of an AH, before a datagram. */
const datagram = udp(9999, '6869');

export interface BuiltFrame {
  readonly name: string;
  readonly hex: string;
  readonly layers: string;
  readonly summary: string;
  /** Ethernet where nothing is said. */
  readonly linkType?: number;
}

const spanningTree = '0180c2000000';
const bridge = '8000 001122334455';

export const builtFrames: readonly BuiltFrame[] = [
  {
    name: 'LLC and SNAP with IPv4',
    hex: ethernet3('02420a580001', `aaaa03 000000 0800 ${innerPacket}`),
    layers: 'eth llc ip udp data',
    summary: innerLine,
  },
  {
    name: 'CDP',
    hex: ethernet3('01000ccccccc', 'aaaa03 00000c 2000 02b40000'),
    layers: 'eth llc data',
    summary: 'CDP 02:42:0a:58:00:0a > 01:00:0c:cc:cc:cc',
  },
  {
    name: 'LLC, supervisory',
    hex: ethernet3('030000000001', 'f0f0 0121'),
    layers: 'eth llc',
    summary: 'NetBIOS 02:42:0a:58:00:0a > 03:00:00:00:00:01',
  },
  {
    name: 'QinQ of the time before 802.1ad',
    hex: ethernet('9100 0064 8100 000a 0800', innerPacket),
    layers: 'eth vlan vlan ip udp data',
    summary: innerLine,
  },
  {
    name: 'LLDP in a VLAN',
    hex: ethernet('8100 000a 88cc', '0207'),
    layers: 'eth vlan data',
    summary: 'LLDP 02:42:0a:58:00:0a > 02:42:0a:58:00:01',
  },
  {
    name: 'STP',
    hex: ethernet3(spanningTree, `424203 0000 00 00 01 ${bridge} 00000000 ${bridge} 8001 0000 1400 0200 0f00`),
    layers: 'eth llc stp',
    summary: 'STP root 32768/00:11:22:33:44:55 cost 0 port 0x8001 topology change',
  },
  {
    name: 'STP topology change notification',
    hex: ethernet3(spanningTree, '424203 0000 00 80'),
    layers: 'eth llc stp',
    summary: 'STP topology change notification',
  },
  {
    name: 'RSTP in a VLAN',
    hex: ethernet(
      '8100 000a 0027',
      `424203 0000 02 02 3c 800a001122334455 00000004 ${bridge} 8002 0100 1400 0200 0f00 00`,
    ),
    layers: 'eth vlan llc stp',
    summary: 'RSTP root 32778/00:11:22:33:44:55 cost 4 port 0x8002 designated',
  },
  {
    name: 'MSTP with one instance',
    hex: ethernet3(
      spanningTree,
      `424203 0000 03 02 7c ${bridge} 00000000 ${bridge} 8003 0000 1400 0200 0f00 00 0050
       00 ${'7265676f6e'.padEnd(64, '0')} 0001 ${'ab'.repeat(16)} 00000000 ${bridge} 14
       7c 8005001122334455 00000000 80 80 14`,
    ),
    layers: 'eth llc stp',
    summary: 'MSTP root 32768/00:11:22:33:44:55 cost 0 port 0x8003 designated',
  },
  {
    name: 'PVST+',
    hex: ethernet3(
      '01000ccccccd',
      `aaaa03 00000c 010b 0000 00 00 00 800a001122334455 00000000 ${bridge} 8001 0000 1400 0200 0f00`,
    ),
    layers: 'eth llc stp',
    summary: 'STP root 32778/00:11:22:33:44:55 cost 0 port 0x8001',
  },
  {
    name: 'MPLS with two labels',
    hex: ethernet('8847', `03e81a40 05dc1d3f ${innerPacket}`),
    layers: 'eth mpls ip udp data',
    summary: `${innerLine} in MPLS 16001/24001`,
  },
  {
    name: 'MPLS with a pseudowire and its control word',
    hex: ethernet('8847', `00020140 00000007 ${ethernet('0800', innerPacket)}`),
    layers: 'eth mpls pwethcw eth ip udp data',
    summary: `${innerLine} in MPLS 32`,
  },
  {
    name: 'MPLS with a pseudowire without control word',
    hex: ethernet('8847', `00020140 ${ethernet('86dd', innerPacket6)}`),
    layers: 'eth mpls eth ipv6 udp data',
    summary: `${innerLine6} in MPLS 32`,
  },
  {
    name: 'MPLS with an associated channel',
    hex: ethernet('8847', '0000d101 10000021 00000000'),
    layers: 'eth mpls data',
    summary: 'MPLS 13',
  },
  {
    name: 'PPPoE discovery',
    hex: ethernet('8863', '11 09 0000 000c 0101 0000 0103 0004 11223344'),
    layers: 'eth pppoed',
    summary: 'PPPoE PADI',
  },
  {
    name: 'PPPoE session with IPv6',
    hex: ethernet('8864', `11 00 0011 ${number(2 + lengthOf(innerPacket6), 2)} 0057 ${innerPacket6}`),
    layers: 'eth pppoes ppp ipv6 udp data',
    summary: `${innerLine6} in PPPoE session 0x0011`,
  },
  {
    name: 'PPPoE session with LCP, padded',
    hex: ethernet('8864', `11 00 0011 000a c021 09010008 aabbccdd ${'00'.repeat(30)}`),
    layers: 'eth pppoes ppp data',
    summary: 'PPP LCP in PPPoE session 0x0011',
  },
  { name: 'PPP', linkType: 9, hex: `ff03 0021 ${innerPacket}`, layers: 'ppp ip udp data', summary: innerLine },
  { name: 'PPP, all compressed', linkType: 9, hex: `21 ${innerPacket}`, layers: 'ppp ip udp data', summary: innerLine },
  {
    name: 'PPP with HDLC framing',
    linkType: 50,
    hex: `ff03 0281 00010140 ${innerPacket}`,
    layers: 'ppp mpls ip udp data',
    summary: `${innerLine} in MPLS 16`,
  },
  {
    name: 'Cisco HDLC',
    linkType: 104,
    hex: `0f00 0800 ${innerPacket}`,
    layers: 'chdlc ip udp data',
    summary: innerLine,
  },
  {
    name: 'Cisco HDLC keep-alive',
    linkType: 50,
    hex: '8f00 8035 00000002',
    layers: 'chdlc data',
    summary: 'HDLC SLARP',
  },
  {
    name: 'PPPoE as link type',
    linkType: 51,
    hex: `1100 0011 ${number(1 + lengthOf(innerPacket), 2)} 21 ${innerPacket}`,
    layers: 'pppoes ppp ip udp data',
    summary: `${innerLine} in PPPoE session 0x0011`,
  },
  {
    name: 'loopback of OpenBSD',
    linkType: 108,
    hex: `00000018 ${innerPacket6}`,
    layers: 'null ipv6 udp data',
    summary: innerLine6,
  },
  { name: 'IPv4 as link type', linkType: 228, hex: innerPacket, layers: 'ip udp data', summary: innerLine },
  { name: 'IPv6 as link type', linkType: 229, hex: innerPacket6, layers: 'ipv6 udp data', summary: innerLine6 },
  {
    name: 'IP in IP',
    hex: ethernet('0800', ipv4(4, innerPacket)),
    layers: 'eth ip ip udp data',
    summary: `${innerLine} in IP-in-IP`,
  },
  {
    name: '6in4',
    hex: ethernet('0800', ipv4(41, innerPacket6)),
    layers: 'eth ip ipv6 udp data',
    summary: `${innerLine6} in 6in4`,
  },
  {
    name: '4in6 with an encapsulation limit',
    hex: ethernet('86dd', ipv6(60, `04 00 04 01 04 01 01 00 ${innerPacket}`)),
    layers: 'eth ipv6 ip udp data',
    summary: `${innerLine} in 4in6`,
  },
  {
    name: 'IPv4 with options',
    hex: ethernet('0800', ipv4(17, datagram, '83 0b 08 01010101 02020202 01 440c 0d21 05050505 00000001 9404 0000')),
    layers: 'eth ip udp data',
    summary: innerLine,
  },
  {
    name: 'GRE with key, checksum and sequence number',
    hex: ethernet('0800', ipv4(47, `b000 0800 abcd 0000 00000007 00000009 ${innerPacket}`)),
    layers: 'eth ip gre ip udp data',
    summary: `${innerLine} in GRE key 7`,
  },
  {
    name: 'GRE with Ethernet',
    hex: ethernet('0800', ipv4(47, `0000 6558 ${ethernet('0800', innerPacket)}`)),
    layers: 'eth ip gre eth ip udp data',
    summary: `${innerLine} in GRE`,
  },
  {
    name: 'GRE with a source route',
    hex: ethernet('0800', ipv4(47, `4000 0800 0000 0000 0800 04 04 0a000003 0000 00 00 ${innerPacket}`)),
    layers: 'eth ip gre ip udp data',
    summary: `${innerLine} in GRE`,
  },
  {
    name: 'GRE of PPTP',
    hex: ethernet('0800', ipv4(47, `3081 880b 0008 0017 00000001 00000002 c021 09010004 0000`)),
    layers: 'eth ip gre ppp data',
    summary: 'PPP LCP in GRE',
  },
  {
    name: 'GRE with a protocol that is not decoded',
    hex: ethernet('0800', ipv4(47, '0000 883e 00000000')),
    layers: 'eth ip gre data',
    summary: 'GRE 10.0.0.1 > 10.0.0.2 WCCP',
  },
  {
    name: 'GRE with Cisco MetaData',
    hex: ethernet('0800', ipv4(47, `2000 8909 00000028 0800 01 01 0001 0007 ${innerPacket}`)),
    layers: 'eth ip gre cmd ip udp data',
    summary: `${innerLine} in GRE key 40`,
  },
  {
    name: 'Cisco MetaData after Ethernet',
    hex: ethernet('8909', `01 01 0001 0007 0800 ${innerPacket}`),
    layers: 'eth cmd ip udp data',
    summary: innerLine,
  },
  {
    name: 'ERSPAN type I',
    hex: ethernet('0800', ipv4(47, `0000 88be ${ethernet('0800', innerPacket)}`)),
    layers: 'eth ip gre eth ip udp data',
    summary: `${innerLine} in GRE`,
  },
  {
    name: 'ERSPAN type II',
    hex: ethernet('0800', ipv4(47, `1000 88be 000000ab 1156 c29a 00007ff8 ${ethernet('0800', innerPacket)}`)),
    layers: 'eth ip gre erspan eth ip udp data',
    summary: `${innerLine} in ERSPAN 666 in GRE`,
  },
  {
    name: 'ERSPAN type III with a platform header',
    hex: ethernet(
      '0800',
      ipv4(47, `1000 22eb 00000001 2156 c29a 00000001 0007 0001 0000000000000000 ${ethernet('0800', innerPacket)}`),
    ),
    layers: 'eth ip gre erspan eth ip udp data',
    summary: `${innerLine} in ERSPAN 666 in GRE`,
  },
  {
    name: 'AH in IPv4',
    hex: ethernet('0800', ipv4(51, `11 04 0000 00001001 00000007 ${'ab'.repeat(12)} ${datagram}`)),
    layers: 'eth ip ah udp data',
    summary: innerLine,
  },
  {
    name: 'ESP in IPv4',
    hex: ethernet('0800', ipv4(50, `00001001 00000007 ${'cd'.repeat(24)}`)),
    layers: 'eth ip esp data',
    summary: 'ESP 10.0.0.1 > 10.0.0.2 spi 0x00001001 seq 7',
  },
  {
    name: 'AH and destination options in IPv6',
    hex: ethernet('86dd', ipv6(51, `3c 04 0000 00001001 00000007 ${'ab'.repeat(12)} 11 00 01 04 00000000 ${datagram}`)),
    layers: 'eth ipv6 udp data',
    summary: innerLine6,
  },
  {
    name: 'segment routing in IPv6',
    hex: ethernet(
      '86dd',
      ipv6(43, `11 04 04 01 01 00 0000 fc00${'00'.repeat(13)}02 fc00${'00'.repeat(13)}01 ${datagram}`),
    ),
    layers: 'eth ipv6 udp data',
    summary: innerLine6,
  },
  {
    name: 'a jumbogram of IPv6',
    hex: ethernet(
      '86dd',
      `60000000 0000 00 40 fd00${'00'.repeat(13)}01 fd00${'00'.repeat(13)}02 1100 c204 00000012 ${datagram}`,
    ),
    layers: 'eth ipv6 udp data',
    summary: innerLine6,
  },
  {
    name: 'mobility in IPv6',
    hex: ethernet('86dd', ipv6(135, '3b 01 05 00 1234 0001 8000 0010 01020000')),
    layers: 'eth ipv6',
    summary: 'mobility fd00::1 > fd00::2',
  },
  {
    name: 'HIP in IPv6',
    hex: ethernet('86dd', ipv6(139, `3b 04 01 21 abcd 0000 ${'11'.repeat(16)} ${'22'.repeat(16)}`)),
    layers: 'eth ipv6',
    summary: 'HIP fd00::1 > fd00::2',
  },
  {
    name: 'Shim6 before a payload',
    hex: ethernet('86dd', ipv6(140, `11 00 80 0000000042 ${datagram}`)),
    layers: 'eth ipv6 udp data',
    summary: innerLine6,
  },
  {
    name: 'ICMP timestamp request',
    hex: ethernet('0800', ipv4(1, '0d00 0000 0001 0002 00000bb8 00000000 00000000')),
    layers: 'eth ip icmp',
    summary: 'ICMP timestamp request 10.0.0.1 > 10.0.0.2 id 1 seq 2',
  },
  {
    name: 'ICMP address mask reply',
    hex: ethernet('0800', ipv4(1, '1200 0000 0001 0002 ffffff00')),
    layers: 'eth ip icmp',
    summary: 'ICMP address mask reply 10.0.0.1 > 10.0.0.2 id 1 seq 2',
  },
  {
    name: 'ICMP router advertisement',
    hex: ethernet('0800', ipv4(1, '0900 0000 01 02 0708 0a000001 fffffff6')),
    layers: 'eth ip icmp',
    summary: 'ICMP router advertisement 10.0.0.1 > 10.0.0.2',
  },
  {
    name: 'ICMP redirect',
    hex: ethernet('0800', ipv4(1, `0501 0000 0a000003 ${innerPacket}`)),
    layers: 'eth ip icmp (ip) (udp) (data)',
    summary: 'ICMP redirect for host 10.0.0.1 > 10.0.0.2 (about UDP 10.0.0.1:49152 > 10.0.0.2:9999)',
  },
  {
    name: 'ICMP extended echo reply',
    hex: ethernet('0800', ipv4(1, '2b00 0000 0001 05 46')),
    layers: 'eth ip icmp',
    summary: 'ICMP extended echo reply 10.0.0.1 > 10.0.0.2 id 1 seq 5',
  },
  {
    name: 'ICMP time exceeded with MPLS labels behind the quote',
    hex: ethernet('0800', ipv4(1, `0b00 0000 00 08 0000 ${innerPacket} 0000 2000 0000 0008 0101 03e81101`)),
    layers: 'eth ip icmp (ip) (udp) (data)',
    summary: 'ICMP time to live exceeded 10.0.0.1 > 10.0.0.2 (about UDP 10.0.0.1:49152 > 10.0.0.2:9999)',
  },
  {
    name: 'IGMP v2 report',
    hex: ethernet('0800', ipv4(2, '1600 0000 ef010101')),
    layers: 'eth ip igmp',
    summary: 'IGMP v2 membership report 10.0.0.1 > 10.0.0.2 group 239.1.1.1',
  },
  {
    name: 'IGMP v3 query with a source',
    hex: ethernet('0800', ipv4(2, '118a 0000 ef010101 0a 7d 0001 0a000009')),
    layers: 'eth ip igmp',
    summary: 'IGMP membership query 10.0.0.1 > 10.0.0.2 group 239.1.1.1',
  },
  {
    name: 'IGMP v3 report',
    hex: ethernet('0800', ipv4(2, '2200 0000 0000 0002 0400 0000 ef010101 0101 0001 ef010102 0a000009 00000000')),
    layers: 'eth ip igmp',
    summary: 'IGMP v3 membership report 10.0.0.1 > 10.0.0.2 group 239.1.1.1',
  },
  {
    name: 'MLD v2 query',
    hex: ethernet('86dd', ipv6(58, `8200 0000 03e8 0000 ff02${'00'.repeat(13)}01 0a 7d 0001 fd00${'00'.repeat(13)}09`)),
    layers: 'eth ipv6 icmpv6',
    summary: 'ICMPv6 multicast listener query fd00::1 > fd00::2',
  },
  {
    name: 'MLD v1 report',
    hex: ethernet('86dd', ipv6(58, `8300 0000 0000 0000 ff02${'00'.repeat(13)}fb`)),
    layers: 'eth ipv6 icmpv6',
    summary: 'ICMPv6 multicast listener report fd00::1 > fd00::2',
  },
  {
    name: 'router advertisement with options',
    hex: ethernet(
      '86dd',
      ipv6(
        58,
        `8600 0000 40 c8 0708 00007530 000003e8
         0101 02420a580001 0501 0000 000005dc
         0304 40 c0 00015180 00003840 00000000 fd00${'00'.repeat(14)}
         1802 30 08 00000708 fd00000100000000
         1903 0000 00000e10 fd00${'00'.repeat(13)}53
         1f03 0000 00000e10 03636f72 07657861 6d706c65 00000000
         2602 0708 0064ff9b 0000000000000000`,
      ),
    ),
    layers: 'eth ipv6 icmpv6',
    summary: 'ICMPv6 router advertisement fd00::1 > fd00::2',
  },
  {
    name: 'redirect of Neighbour Discovery with the packet',
    hex: ethernet(
      '86dd',
      ipv6(
        58,
        `8900 0000 00000000 fe80${'00'.repeat(13)}03 fd00${'00'.repeat(13)}09 0408 000000000000 ${innerPacket6} 00000000 0000`,
      ),
    ),
    layers: 'eth ipv6 icmpv6 (ipv6) (udp) (data)',
    summary: 'ICMPv6 redirect fd00::1 > fd00::2 (about UDP [fd00::1]:49152 > [fd00::2]:9999)',
  },
  {
    name: 'VXLAN',
    hex: ethernet('0800', ipv4(17, udp(4789, `08000000 00002a00 ${ethernet('0800', innerPacket)}`))),
    layers: 'eth ip udp vxlan eth ip udp data',
    summary: `${innerLine} in VXLAN 42`,
  },
  {
    name: 'VXLAN with a group, on the port of old Linux, in a VLAN of the inner frame',
    hex: ethernet('0800', ipv4(17, udp(8472, `88080007 00002a00 ${ethernet('8100 000a 0800', innerPacket)}`))),
    layers: 'eth ip udp vxlan eth vlan ip udp data',
    summary: `${innerLine} in VXLAN 42`,
  },
  {
    name: 'Geneve with an option',
    hex: ethernet(
      '86dd',
      ipv6(17, udp(6081, `02 40 6558 00002a 00 0102 80 01 00010002 ${ethernet('0800', innerPacket)}`)),
    ),
    layers: 'eth ipv6 udp geneve eth ip udp data',
    summary: `${innerLine} in Geneve 42`,
  },
  {
    name: 'Geneve with IPv4',
    hex: ethernet('0800', ipv4(17, udp(6081, `00 00 0800 00002a 00 ${innerPacket}`))),
    layers: 'eth ip udp geneve ip udp data',
    summary: `${innerLine} in Geneve 42`,
  },
  {
    name: 'L2TP data message',
    hex: ethernet('0800', ipv4(17, udp(1701, `0202 05f7 206a 0000 ff03 0057 ${innerPacket6}`))),
    layers: 'eth ip udp l2tp ppp ipv6 udp data',
    summary: `${innerLine6} in L2TP 1527/8298`,
  },
  {
    name: 'L2TP control message',
    hex: ethernet('0800', ipv4(17, udp(1701, 'c802 0014 05f7 0000 0001 0002 8008 0000 0000 0006'))),
    layers: 'eth ip udp l2tp data',
    summary: 'L2TP 1527/0 10.0.0.1 > 10.0.0.2',
  },
];
