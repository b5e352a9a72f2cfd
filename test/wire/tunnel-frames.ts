/** Frames of tunnels and what they carry. */

import {
  type BuiltFrame,
  ethernet,
  innerLine,
  innerLine6,
  innerPacket,
  innerPacket6,
  ipv4,
  ipv6,
  udp,
} from './build.ts';

export const tunnelFrames: readonly BuiltFrame[] = [
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
