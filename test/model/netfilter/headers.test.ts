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
