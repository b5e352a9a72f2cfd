/** Frames of links: tags, LLC, spanning tree, PPP, loopback. */

import {
  type BuiltFrame,
  ethernet,
  ethernet3,
  innerLine,
  innerLine6,
  innerPacket,
  innerPacket6,
  lengthOf,
  number,
} from './build.ts';

const spanningTree = '0180c2000000';
const bridge = '8000 001122334455';

export const linkFrames: readonly BuiltFrame[] = [
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
];
