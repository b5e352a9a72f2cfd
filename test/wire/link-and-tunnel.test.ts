import { describe, expect, test } from 'vitest';
import { describeError } from '../../src/wire/describe.ts';
import { dissect } from '../../src/wire/dissect.ts';
import type { Layer } from '../../src/wire/layer.ts';
import { linkTypeDecoders, linkTypeText } from '../../src/wire/link-types.ts';
import { summarize } from '../../src/wire/summary.ts';
import { ipv4 } from './build.ts';
import { builtFrames } from './built-frames.ts';
import { bytesOf, realFrame } from './frames.ts';

/** The layers of a built frame, read. */
function layersOf(name: string): readonly Layer[] {
  const frame = builtFrames.find((row) => row.name === name);
  if (frame === undefined) throw new Error(`no built frame is called ${name}`);
  const bytes = bytesOf(frame.hex);
  return dissect(bytes, frame.linkType ?? 1, bytes.length).layers;
}

/** All values of the frame's fields of these names, in wire order. */
function values(layers: readonly Layer[], names: readonly string[]): unknown[] {
  const fields = layers.flatMap((layer) => layer.fields);
  return names.map((name) => {
    const found = fields.filter((field) => field.name === name).map(({ value }) => value);
    return found.length > 1 ? found : found[0];
  });
}

test.each<readonly [frame: string, fields: Readonly<Record<string, unknown>>]>([
  ['LLC and SNAP with IPv4', { 'llc.dsap': 0xaa, 'llc.ssap': 0xaa, 'llc.control': 3, 'llc.oui': 0, 'llc.type': 0x800 }],
  ['CDP', { 'llc.oui': 0x0c, 'llc.cisco_pid': 0x2000 }],
  ['LLC, supervisory', { 'llc.control': 0x2101 }],
  [
    'STP',
    {
      'stp.protocol': 0,
      'stp.version': 0,
      'stp.type': 0,
      'stp.flags': 1,
      'stp.flags.tc': true,
      'stp.root.prio': 0x8000,
      'stp.root.ext': 0,
      'stp.root.hw': '00:11:22:33:44:55',
      'stp.root.cost': 0,
      'stp.bridge.hw': '00:11:22:33:44:55',
      'stp.port': 0x8001,
      'stp.msg_age': 0,
      'stp.max_age': 20,
      'stp.hello': 2,
      'stp.forward': 15,
      'stp.flags.port_role': undefined,
    },
  ],
  [
    'RSTP in a VLAN',
    {
      'vlan.len': 39,
      'stp.root.prio': 0x8000,
      'stp.root.ext': 10,
      'stp.flags.port_role': 3,
      'stp.flags.agreement': false,
      'stp.flags.forwarding': true,
      'stp.flags.learning': true,
      'stp.flags.proposal': false,
      'stp.msg_age': 1,
      'stp.version_1_length': 0,
    },
  ],
  [
    'MSTP with one instance',
    {
      'mstp.config_name': 'regon',
      'mstp.config_revision_level': 1,
      'mstp.config_digest': 'ab'.repeat(16),
      'mstp.cist_remaining_hops': 20,
      'mstp.msti.msti_id': 5,
      'mstp.msti.bridge_priority': 8,
      'mstp.msti.port_priority': 8,
      'mstp.msti.remaining_hops': 20,
    },
  ],
  [
    'MPLS with two labels',
    { 'mpls.label': [16001, 24001], 'mpls.exp': [5, 6], 'mpls.bottom': [false, true], 'mpls.ttl': [64, 63] },
  ],
  ['MPLS with a pseudowire and its control word', { 'pweth.cw.sequence_number': 7 }],
  [
    'PPPoE discovery',
    { 'pppoe.code': 9, 'pppoe.session_id': 0, 'pppoe.payload_length': 12, 'pppoed.tags.host_uniq': '11223344' },
  ],
  [
    'PPPoE session with LCP, padded',
    { 'pppoe.session_id': 17, 'ppp.protocol': 0xc021, 'eth.padding': '00'.repeat(30) },
  ],
  ['PPP, all compressed', { 'ppp.protocol': 0x21, 'ppp.address': undefined }],
  ['Cisco HDLC keep-alive', { 'chdlc.address': 0x8f, 'chdlc.protocol': 0x8035 }],
  [
    'IPv4 with options',
    {
      'ip.opt.type': [131, 1, 68, 148],
      'ip.opt.len': [11, 12, 4],
      'ip.opt.ptr': [8, 13],
      'ip.rec_rt': '1.1.1.1',
      'ip.src_rt': '2.2.2.2',
      'ip.opt.overflow': 2,
      'ip.opt.flag': 1,
      'ip.opt.time_stamp_addr': '5.5.5.5',
      'ip.opt.time_stamp': 1,
      'ip.opt.ra': 0,
    },
  ],
  [
    'GRE with key, checksum and sequence number',
    {
      'gre.flags_and_version': 0xb000,
      'gre.flags.checksum': true,
      'gre.flags.key': true,
      'gre.flags.sequence_number': true,
      'gre.flags.routing': false,
      'gre.proto': 0x800,
      'gre.checksum': 0xabcd,
      'gre.key': 7,
      'gre.sequence_number': 9,
    },
  ],
  ['GRE with a source route', { 'gre.routing.address_family': [0x800, 0], 'gre.routing.information': '0a000003' }],
  [
    'GRE of PPTP',
    {
      'gre.key.payload_length': 8,
      'gre.key.call_id': 23,
      'gre.sequence_number': 1,
      'gre.ack_number': 2,
      'gre.flags.version': 1,
    },
  ],
  ['GRE with Cisco MetaData', { 'cmd.sgt': 7, 'cmd.type': 0x800 }],
  ['ERSPAN type II', { 'erspan.version': 1, 'erspan.vlan': 342, 'erspan.spanid': 666, 'erspan.index': 32760 }],
  ['AH in IPv4', { 'ah.next_header': 17, 'ah.spi': 0x1001, 'ah.sequence': 7, 'ah.icv': 'ab'.repeat(12) }],
  ['AH and destination options in IPv6', { 'ah.spi': 0x1001, 'ipv6.dstopts.nxt': 17, 'ipv6.opt.type': 1 }],
  ['ESP in IPv4', { 'esp.spi': 0x1001, 'esp.sequence': 7 }],
  [
    'segment routing in IPv6',
    { 'ipv6.routing.type': 4, 'ipv6.routing.segleft': 1, 'ipv6.routing.srh.addr': ['fc00::2', 'fc00::1'] },
  ],
  ['a jumbogram of IPv6', { 'ipv6.plen': 0, 'ipv6.opt.jumbo': 18, 'udp.length': 10 }],
  ['4in6 with an encapsulation limit', { 'ipv6.opt.type': [4, 1], 'ipv6.opt.tel': 4 }],
  ['mobility in IPv6', { 'mip6.proto': 59, 'mip6.mhtype': 5, 'mip6.csum': 0x1234 }],
  ['HIP in IPv6', { 'hip.packet_type': 1, 'hip.version': 2, 'hip.checksum': 0xabcd }],
  ['ICMP timestamp request', { 'icmp.originate_timestamp': 3000, 'icmp.transmit_timestamp': 0 }],
  ['ICMP address mask reply', { 'icmp.address_mask': '255.255.255.0' }],
  ['ICMP router advertisement', { 'icmp.router_address': '10.0.0.1', 'icmp.pref_level': -10, 'icmp.lifetime': 1800 }],
  ['ICMP redirect', { 'icmp.redir_gw': '10.0.0.3' }],
  ['ICMP extended echo reply', { 'icmp.ext.echo.rsp.state': 2, 'icmp.ext.echo.rsp.active': true }],
  [
    'ICMP time exceeded with MPLS labels behind the quote',
    { 'icmp.ext.version': 2, 'icmp.ext.class': 1, 'icmp.mpls.label': 16001, 'icmp.mpls.s': true, 'icmp.mpls.ttl': 1 },
  ],
  [
    'IGMP v3 query with a source',
    { 'igmp.max_resp': 208, 'igmp.s': true, 'igmp.qrv': 2, 'igmp.num_src': 1, 'igmp.saddr': '10.0.0.9' },
  ],
  [
    'IGMP v3 report',
    { 'igmp.record_type': [4, 1], 'igmp.maddr': ['239.1.1.1', '239.1.1.2'], 'igmp.saddr': '10.0.0.9' },
  ],
  ['MLD v2 query', { 'icmpv6.mld.flag.qrv': 2, 'icmpv6.mld.source_address': 'fd00::9' }],
  [
    'router advertisement with options',
    {
      'icmpv6.nd.ra.cur_hop_limit': 64,
      'icmpv6.nd.ra.flag.m': true,
      'icmpv6.nd.ra.flag.prf': 1,
      'icmpv6.nd.ra.router_lifetime': 1800,
      'icmpv6.opt.linkaddr': '02:42:0a:58:00:01',
      'icmpv6.opt.mtu': 1500,
      'icmpv6.opt.prefix': ['fd00::', 'fd00:1::'],
      'icmpv6.opt.prefix.length': [64, 48],
      'icmpv6.opt.prefix.flag.a': true,
      'icmpv6.opt.prefix.valid_lifetime': 86400,
      'icmpv6.opt.rdnss': 'fd00::53',
      'icmpv6.opt.dnssl': 'cor.example',
      'icmpv6.opt.pref64.prefix': '64:ff9b::',
    },
  ],
  [
    'redirect of Neighbour Discovery with the packet',
    { 'icmpv6.nd.rd.target_address': 'fe80::3', 'icmpv6.rd.na.destination_address': 'fd00::9' },
  ],
  ['VXLAN', { 'vxlan.flags': 0x800, 'vxlan.vni': 42, 'vxlan.gbp': undefined }],
  [
    'VXLAN with a group, on the port of old Linux, in a VLAN of the inner frame',
    { 'vxlan.gbp': 7, 'vxlan.flag_a': true, 'vlan.id': 10 },
  ],
  [
    'Geneve with an option',
    {
      'geneve.vni': 42,
      'geneve.flags.critical': true,
      'geneve.option.class': 0x102,
      'geneve.option.type': 0x80,
      'geneve.option.length': 8,
      'geneve.option.unknown.data': '00010002',
    },
  ],
  ['L2TP data message', { 'l2tp.tunnel': 1527, 'l2tp.session': 8298 }],
])('fields of %s', (name, wanted) => {
  const layers = layersOf(name);
  const names = Object.keys(wanted);
  expect(Object.fromEntries(names.map((field, index) => [field, values(layers, names)[index]]))).toEqual(wanted);
});

describe('padding and trailers', () => {
  const udp = [...realFrame('UDP')];
  test.each([
    ['zeros up to 60 bytes are padding', Array<number>(16).fill(0), ['00'.repeat(16), undefined]],
    ['what follows those is a trailer', [...Array<number>(16).fill(0), 1, 2], ['00'.repeat(16), '0102']],
    ['other bytes are a trailer', Array<number>(16).fill(1), [undefined, '01'.repeat(16)]],
    ['a few zeros fill nothing up', [0, 0], [undefined, '0000']],
  ])('%s', (_name, behind, wanted) => {
    const bytes = Uint8Array.from([...udp, ...behind]);
    const { layers, error } = dissect(bytes, 1, bytes.length);
    expect(values(layers.slice(0, 1), ['eth.padding', 'eth.trailer'])).toEqual(wanted);
    expect(layers.map(({ protocol }) => protocol)).toEqual(['eth', 'ip', 'udp', 'data']);
    expect(error).toBeNull();
  });

  test('the inner frame of a tunnel has its own', () => {
    const inner = `02420a580001 02420a58000a 0800 ${ipv4(253, '')} ${'00'.repeat(26)}`;
    const bytes = bytesOf(`02420a580001 02420a58000a 0800 ${ipv4(47, `0000 6558 ${inner}`)}`);
    const frames = dissect(bytes, 1, bytes.length).layers.filter(({ protocol }) => protocol === 'eth');
    expect(frames.map((layer) => values([layer], ['eth.padding'])[0])).toEqual([undefined, '00'.repeat(26)]);
  });
});

describe('what contradicts itself is an error, or ends the list', () => {
  test.each([
    [
      'VXLAN without a frame',
      ipv4(17, 'c000 12b5 0010 0000 08000000 00002a00'),
      'malformed eth at byte 36: 14 bytes needed, 0 bytes are there (udp.length sets the end)',
    ],
    [
      'GRE with a key beyond the packet',
      ipv4(47, '2000 0800'),
      'malformed gre at byte 20: 8 bytes needed, 4 bytes are there (ip.len sets the end)',
    ],
    [
      'AH shorter than itself',
      ipv4(51, '06 00 0000 00000001 00000001'),
      'malformed ah at byte 20: ah.length is 0, must be at least 1',
    ],
    [
      'IGMP report with a record that is not there',
      ipv4(2, '2200 0000 0000 0001'),
      'malformed igmp at byte 20: 16 bytes needed, 8 bytes are there (ip.len sets the end)',
    ],
    [
      'MPLS without a bottom',
      ipv4(137, '00010040 00020040'),
      'malformed mpls at byte 20: 12 bytes needed, 8 bytes are there (ip.len sets the end)',
    ],
  ])('%s', (_name, hex, text) => {
    const bytes = bytesOf(hex);
    const { error } = dissect(bytes, 228, bytes.length);
    expect(error && describeError(error)).toBe(text);
  });

  test.each([
    ['an option of length 1', '0701 0000', [7]],
    ['an option that runs past the header', '0101 07ff', [1, 1, 7]],
    ['what follows the end of the list', '0194 0400', [1, 148]],
  ])('IPv4: %s ends the options', (_name, options, types) => {
    const bytes = bytesOf(ipv4(253, '', options));
    const { layers, error } = dissect(bytes, 228, bytes.length);
    expect([values(layers, ['ip.opt.type'])[0]].flat()).toEqual(types);
    expect(error).toBeNull();
  });

  test('a stack of more labels than anybody uses ends as data', () => {
    const bytes = bytesOf(ipv4(137, '00010040'.repeat(300)));
    const { layers } = dissect(bytes, 228, bytes.length);
    expect(layers.map(({ protocol }) => protocol)).toEqual(['ip', 'mpls', 'data']);
  });
});

describe('the quote of an ICMP error that states no length', () => {
  const quote = `${ipv4(253, '').replace('0014', '0100')} ${'5a'.repeat(108)}`;
  test.each([
    ['ends at 128 bytes when a correct checksum follows', '2000 ca0d 0008 0101 03e81101', 'icmp.mpls.label', 16001],
    ['goes on when the checksum is wrong', '2000 ffff 0008 0101 03e81101', 'icmp.mpls.label', undefined],
  ])('%s', (_name, extension, field, wanted) => {
    const bytes = bytesOf(ipv4(1, `0b00 0000 00000000 ${quote} ${extension}`));
    const { layers } = dissect(bytes, 228, bytes.length);
    expect(values(layers, [field])).toEqual([wanted]);
    const quoted = layers.at(-1);
    expect((quoted?.offset ?? 0) + (quoted?.length ?? 0)).toBe(wanted === undefined ? bytes.length : bytes.length - 12);
  });
});

describe('link types', () => {
  test('those that are not decoded are named', () => {
    const summary = (linkType: number): string => summarize(dissect(bytesOf('0102'), linkType, 2));
    expect(summary(105)).toBe('link type 105 (IEEE802_11) is not decoded, 2 bytes');
    expect(summary(65000)).toBe('link type 65000 is not decoded, 2 bytes');
  });

  test('those that are decoded have names too', () => {
    for (const linkType of linkTypeDecoders.keys()) expect(linkTypeText(linkType)).toMatch(/^\d+ \([A-Z0-9_]+\)$/);
  });
});

test('ports with a well-known use are named, others are not', () => {
  const { layers } = dissect(realFrame('UDP'), 1, realFrame('UDP').length);
  const texts = layers.flatMap(({ fields }) => fields.filter(({ name }) => name.endsWith('port')));
  expect(texts.map(({ text }) => text)).toEqual(['38847', '53 (DNS)']);
});
