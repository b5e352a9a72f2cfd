/** Frames of IP: options, extension headers, IPsec, and the control protocols on it. */

import {
  type BuiltFrame,
  datagram,
  ethernet,
  innerLine,
  innerLine6,
  innerPacket,
  innerPacket6,
  ipv4,
  ipv6,
} from './build.ts';

export const ipFrames: readonly BuiltFrame[] = [
  {
    name: 'IPv4 with options',
    hex: ethernet('0800', ipv4(17, datagram, '83 0b 08 01010101 02020202 01 440c 0d21 05050505 00000001 9404 0000')),
    layers: 'eth ip udp data',
    summary: innerLine,
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
    summary: 'ICMP redirect for host 10.0.0.1 > 10.0.0.2 to 10.0.0.3 (about UDP 10.0.0.1:49152 > 10.0.0.2:9999)',
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
];
