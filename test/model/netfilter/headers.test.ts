/** Rules about what the model's packets never have: extension headers, and the marks of a fragment. */
import { expect, test } from 'vitest';
import { chainOf, outcomes, packet, saved } from './tables.ts';

const packets = {
  tcp: packet('tcp [2001:db8::1]:40000 > [2001:db8::2]:80'),
  echo: packet('ipv6-icmp [2001:db8::1] > [2001:db8::2]'),
  error: packet('ipv6-icmp [2001:db8::1] > [2001:db8::2]', { icmpType: 1, icmpCode: 4 }),
};

const drop = { drop: null };
const exthdr = (name: string, field: string | null, op: string, right: unknown) => ({
  match: { op, left: { exthdr: field === null ? { name } : { name, field } }, right },
});

test.each<[match: string, expected: string]>([
  ['-m rt --rt-type 0', 'accept'],
  ['-m rt ! --rt-type 0', 'accept'],
  ['-m frag --fragid 0:4294967295 --fragmore', 'accept'],
  ['-m hbh --hbh-len 5', 'accept'],
  ['-m dst ! --dst-len 5', 'accept'],
  ['-m ipv6header --header ipv6-frag --soft', 'accept'],
  ['-m ipv6header ! --header ipv6-frag --soft', 'drop'],
  ['-m ipv6header --header protocol --soft', 'drop'],
  ['-m ipv6header --header protocol', 'drop'],
  ['-m ipv6header ! --header protocol', 'accept'],
  ['-m ipv6header --header protocol,ipv6-frag', 'accept'],
])('ip6tables: %s', (match, expected) => {
  const tables = saved(`*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ${match} -j DROP\nCOMMIT\n`, 'iptables-nft', 'ip6');
  for (const sent of Object.values(packets)) {
    expect(outcomes(tables, 'input eth0', sent).map((end) => end.replace(/ .*/, ''))).toEqual([expected]);
  }
});

test.each<[title: string, statement: object, expected: string]>([
  ['a field of a header', exthdr('rt', 'type', '==', 0), 'accept'],
  ['a field that is not so', exthdr('rt', 'type', '!=', 0), 'accept'],
  ['a header that is there', exthdr('frag', null, '==', true), 'accept'],
  ['a header that is missing', exthdr('frag', null, '==', false), 'drop'],
])('nft: %s', (_title, statement, expected) => {
  const tables = chainOf('input', [[statement, drop]]);
  for (const sent of Object.values(packets)) {
    expect(outcomes(tables, 'input eth0', sent).map((end) => end.replace(/ .*/, ''))).toEqual([expected]);
  }
  expect(outcomes(tables, 'input eth0', packet('tcp 10.0.0.1:1 > 10.0.0.2:2'))).toEqual(['accept by policy accept']);
});

test.each<[title: string, mask: number, right: number, op: string, expected: readonly string[]]>([
  ['a later fragment', 0x1fff, 0, '!=', ['accept']],
  ['any fragment', 0x3fff, 0, '!=', ['accept']],
  ['no fragment', 0x3fff, 0, '==', ['drop']],
  ['whether it may be cut is not known', 0x4000, 0, '!=', ['drop', 'accept']],
])('ip frag-off: %s', (_title, mask, right, op, expected) => {
  const field = { payload: { protocol: 'ip', field: 'frag-off' } };
  const tables = chainOf('prerouting', [[{ match: { op, left: { '&': [field, mask] }, right } }, drop]]);
  const ends = outcomes(tables, 'prerouting eth0', packet('tcp 10.0.0.1:1 > 10.0.0.2:2'));
  expect(ends.map((end) => end.replace(/ .*/, ''))).toEqual(expected);
});

const raw = (base: string, offset: number, len: number, right: unknown) => ({
  match: { op: '==', left: { payload: { base, offset, len } }, right },
});

test.each<[title: string, statement: object, sent: Parameters<typeof packet>[0], expected: readonly string[]]>([
  ['a port', raw('th', 16, 16, 80), 'tcp 10.0.0.1:1 > 10.0.0.2:80', ['drop']],
  ['another port', raw('th', 16, 16, 81), 'udp 10.0.0.1:1 > 10.0.0.2:80', ['accept']],
  ['where ports would stand', raw('th', 16, 16, 80), 'icmp 10.0.0.1 > 10.0.0.2', ['drop', 'accept']],
  ['an address', raw('nh', 96, 32, 0x0a00_0001), 'tcp 10.0.0.1:1 > 10.0.0.2:80', ['drop']],
  ['an address of IPv4, in IPv6', raw('nh', 96, 32, 0), 'tcp [fd00::1]:1 > [fd00::2]:80', ['drop', 'accept']],
  ['some of the bits of a field', raw('th', 16, 8, 0), 'tcp 10.0.0.1:1 > 10.0.0.2:80', ['drop', 'accept']],
])('nft, by the place in a header: %s', (_title, statement, sent, expected) => {
  const ends = outcomes(chainOf('input', [[statement, drop]]), 'input eth0', packet(sent));
  expect(ends.map((end) => end.replace(/ .*/, ''))).toEqual(expected);
});

test('what a tunnel carries is not known', () => {
  const inner = { payload: { tunnel: 'vxlan', protocol: 'ip', field: 'saddr' } };
  const rule = [{ match: { op: '==', left: inner, right: '10.0.0.1' } }, drop];
  const ends = outcomes(chainOf('input', [rule]), 'input eth0', packet('udp 10.0.0.1:1 > 10.0.0.2:4789'));
  expect(ends).toHaveLength(2);
});

test.each<[sent: string, negated: boolean, source: number | null, expected: readonly string[]]>([
  ['its destination', false, 40_000, ['drop']],
  ['its destination, whatever the source is', false, null, ['drop']],
  ['neither', false, 40_001, ['accept']],
  ['its source', false, 443, ['drop']],
  ['neither, and it should not be', true, 40_001, ['drop']],
  ['one that is not known', false, null, ['drop', 'accept']],
])('multiport --ports: %s', (what, negated, sourcePort, expected) => {
  const destinationPort = what.startsWith('its destination') ? 80 : 8080;
  const match = `-p tcp -m multiport ${negated ? '! ' : ''}--ports 80,443`;
  const tables = saved(`*filter\n:INPUT ACCEPT [0:0]\n-A INPUT ${match} -j DROP\nCOMMIT\n`);
  const sent = packet('tcp 10.0.0.1:1 > 10.0.0.2:2', { sourcePort, destinationPort });
  expect(outcomes(tables, 'input eth0', sent).map((end) => end.replace(/ .*/, ''))).toEqual(expected);
});

const size = { mangle: { key: { 'tcp option': { name: 'maxseg', field: 'size' } }, value: { rt: { key: 'mtu' } } } };
const strip = { reset: { 'tcp option': { name: 'sack-perm' } } };

test.each<[title: string, rule: readonly object[], protocol: 'tcp' | 'udp', expected: readonly string[]]>([
  ['a size alone', [size], 'tcp', ['accept']],
  ['a size that may not be there', [size, drop], 'tcp', ['drop', 'accept']],
  ['a size, of what is no TCP', [size, drop], 'udp', ['accept']],
  ['what is to be taken out', [strip, drop], 'tcp', ['drop']],
  ['what is to be taken out, of what is no TCP', [strip, drop], 'udp', ['accept']],
])('an option of TCP that a rule writes: %s', (_title, rule, protocol, expected) => {
  const ends = outcomes(chainOf('forward', [rule]), 'forward eth0 eth1', packet(`${protocol} 10.0.0.1:1 > 10.0.0.2:2`));
  expect(ends.map((end) => end.replace(/ .*/, ''))).toEqual(expected);
});

test('taking an option out of TCP changes nothing that rules or routes look at', () => {
  const tables = chainOf('forward', [[{ reset: { 'tcp option': { name: 'sack-perm' } } }]]);
  expect(outcomes(tables, 'forward eth0 eth1', packet('tcp 10.0.0.1:1 > 10.0.0.2:2'))).toEqual([
    'accept by policy accept',
  ]);
});
