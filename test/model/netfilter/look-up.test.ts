/** What rules look up in the routes: nft's `fib … oif`, and iptables' `-m rpfilter`. */
import { describe, expect, test } from 'vitest';
import type { RuleTable } from '../../../src/host/netfilter.ts';
import { journey } from '../../../src/model/journey.ts';
import { hostViewOf } from '../../../src/model/netfilter/host-view.ts';
import type { NetfilterPacket } from '../../../src/model/netfilter/packet.ts';
import { host, link, loopback, namespace, packetTo, rule } from '../hosts.ts';
import { at, chainOf, outcomes, packet, saved } from './tables.ts';

const links = [
  loopback(),
  link('eth0', { index: 2, addresses: ['192.0.2.10', '2001:db8:1::10', 'fe80::10/64 link'] }),
  link('eth1', { index: 3, addresses: ['10.9.0.1', '2001:db8:9::10', 'fe80::11/64 link'] }),
];

const routes = [
  'local 127.0.0.0/8 dev lo',
  '192.0.2.0/24 dev eth0',
  '10.9.0.0/16 dev eth1',
  'default via 192.0.2.1 dev eth0',
  'broadcast 10.9.255.255 dev eth1',
  '203.0.113.0/24 nexthop via 192.0.2.1 dev eth0 nexthop via 10.9.0.9 dev eth1',
  '172.16.0.0/12 via 10.9.0.9 dev eth1 table 100',
  '2001:db8:1::/64 dev eth0 metric 256',
  '2001:db8:9::/64 dev eth1 metric 256',
  'fe80::/64 dev eth0 metric 256',
  'fe80::/64 dev eth1 metric 256',
  '::/0 via fe80::99 dev eth0 metric 100',
  '::/0 via fe80::98 dev eth1 metric 600',
  '2001:db8:a::/48 nexthop via fe80::99 dev eth0 nexthop via fe80::98 dev eth1',
  'unreachable 2001:db8:b::/48',
  '2001:db8:c::/48 via fe80::98 dev eth1 table 100',
  'blackhole 2001:db8:d::/48 metric 5',
  '2001:db8:d::/48 via fe80::98 dev eth1 metric 256',
  'throw 2001:db8:e::/48 metric 5',
  '2001:db8:e::/48 via fe80::98 dev eth1 metric 256',
];

const rules = ([4, 6] as const).flatMap((family) =>
  ['0: from all lookup 255', '100: from all fwmark 0x5 lookup 100', '32766: from all lookup 254'].map((text) =>
    rule(text, family),
  ),
);

const box = namespace('box', { links, routes, rules });

/** A chain that drops what has no way back, as nft and firewalld do. */
function fib(flags: readonly string[] = ['saddr', 'iif'], hook = 'prerouting'): RuleTable[] {
  const missing = { match: { op: '==', left: { fib: { result: 'oif', flags } }, right: false } };
  return chainOf(hook, [[missing, { drop: null }]], { priority: -300 });
}

/** The same with iptables. */
function rpfilter(family: 4 | 6, options = ''): RuleTable[] {
  const text = `*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m rpfilter ${options} --invert -j DROP\nCOMMIT\n`;
  return saved(text, 'iptables-nft', family === 4 ? 'ip' : 'ip6');
}

/** Accepted, dropped, or either, since that is not known. */
function becomes(tables: RuleTable[], sent: NetfilterPacket, place: string, of = box): string {
  const ends = outcomes(tables, at(place), sent, hostViewOf(of)).map((end) => end.replace(/ .*/, ''));
  return ends.length > 1 ? 'unknown' : ends.join();
}

type Row = [what: string, from: string, to: string, place: string, nft: string, iptables: string];

describe('a way back', () => {
  test.each<Row>([
    ['by the same device', '198.51.100.1', '192.0.2.10', 'prerouting eth0', 'accept', 'accept'],
    ['by another one', '198.51.100.1', '192.0.2.10', 'prerouting eth1', 'drop', 'drop'],
    ['of 127.0.0.1, over lo', '127.0.0.1', '127.0.0.1', 'prerouting lo', 'accept', 'accept'],
    ['of an own address, over lo', '192.0.2.10', '192.0.2.10', 'prerouting lo', 'accept', 'accept'],
    ['of an own address, from outside', '10.9.0.1', '192.0.2.10', 'prerouting eth1', 'drop', 'drop'],
    ['to a broadcast address', '10.9.255.255', '10.9.0.1', 'prerouting eth1', 'accept', 'drop'],
    ['by one of two devices', '203.0.113.1', '10.9.0.1', 'prerouting eth1', 'accept', 'accept'],
    ['of who has no address yet', '0.0.0.0', '255.255.255.255', 'prerouting eth1', 'accept', 'accept'],
    ['of ::1, over lo', '::1', '::1', 'prerouting lo', 'accept', 'accept'],
    ['by the best route', '2001:db9::1', '2001:db8:1::10', 'prerouting eth0', 'accept', 'accept'],
    // nft takes the best route to the longest prefix, iptables any to it that is by the device.
    ['by a route of the same prefix', '2001:db9::1', '2001:db8:9::10', 'prerouting eth1', 'drop', 'accept'],
    ['by a shorter prefix', '2001:db8:1::1', '2001:db8:9::10', 'prerouting eth1', 'drop', 'drop'],
    ['of an own address, over lo, IPv6', '2001:db8:1::10', '2001:db8:1::10', 'prerouting lo', 'accept', 'accept'],
    ['of an own address, from outside, IPv6', '2001:db8:9::10', '2001:db8:1::10', 'prerouting eth1', 'drop', 'drop'],
    ['to the link of the first device', 'fe80::99', 'fe80::10', 'prerouting eth0', 'accept', 'accept'],
    ['to the link of the second device', 'fe80::98', 'fe80::11', 'prerouting eth1', 'accept', 'accept'],
    ['by a hash', '2001:db8:a::1', '2001:db8:9::10', 'prerouting eth1', 'unknown', 'accept'],
    ['that is refused', '2001:db8:b::1', '2001:db8:1::10', 'prerouting eth0', 'drop', 'drop'],
    ['beside one that refuses', '2001:db8:d::1', '2001:db8:9::10', 'prerouting eth1', 'drop', 'accept'],
    ['that is refused, elsewhere not', '2001:db8:d::1', '2001:db8:1::10', 'prerouting eth0', 'drop', 'drop'],
    ['beside one that throws', '2001:db8:e::1', '2001:db8:9::10', 'prerouting eth1', 'drop', 'accept'],
    ['that throws, elsewhere not', '2001:db8:e::1', '2001:db8:1::10', 'prerouting eth0', 'drop', 'drop'],
  ])('%s: %s to %s, %s', (_what, from, to, place, nft, iptables) => {
    const sent = packet(from.includes(':') ? `tcp [${from}]:40000 > [${to}]:80` : `tcp ${from}:40000 > ${to}:80`);
    expect(becomes(fib(), sent, place)).toBe(nft);
    expect(becomes(rpfilter(sent.family), sent, place)).toBe(iptables);
  });
});

test.each<[what: string, mark: bigint | null, flags: string[], options: string, expected: string]>([
  ['asked with its mark, which leads to another table', 5n, ['saddr', 'mark', 'iif'], '--validmark', 'accept'],
  ['with another mark', 6n, ['saddr', 'mark', 'iif'], '--validmark', 'drop'],
  ['with a mark that is not known', null, ['saddr', 'mark', 'iif'], '--validmark', 'unknown'],
  ['asked without it', 5n, ['saddr', 'iif'], '', 'drop'],
])('a way back %s', (_what, mark, flags, options, expected) => {
  const four = packet('tcp 172.16.0.1:40000 > 10.9.0.1:80', { mark });
  const six = packet('tcp [2001:db8:c::1]:40000 > [2001:db8:9::10]:80', { mark });
  expect(becomes(fib(flags), four, 'prerouting eth1')).toBe(expected);
  expect(becomes(rpfilter(4, options), four, 'prerouting eth1')).toBe(expected);
  // Only nft's is asked: iptables takes the default route by that device for it.
  expect(becomes(fib(flags), six, 'prerouting eth1')).toBe(expected);
});

test.each<[what: string, tables: RuleTable[], expected: string]>([
  ['--loose takes any device', rpfilter(4, '--loose'), 'accept'],
  ['--accept-local takes no other device', rpfilter(4, '--accept-local'), 'drop'],
  ['fib without a device takes any', fib(['saddr']), 'accept'],
])('%s', (_what, tables, expected) => {
  expect(becomes(tables, packet('tcp 198.51.100.1:40000 > 192.0.2.10:80'), 'prerouting eth1')).toBe(expected);
});

test.each<[what: string, options: string, expected: string]>([
  ['an own address', '', 'drop'],
  ['an own address, with --accept-local', '--accept-local', 'accept'],
])('the way back to %s', (_what, options, expected) => {
  const [four, six] = ['tcp 192.0.2.10:1 > 192.0.2.10:2', 'tcp [2001:db8:1::10]:1 > [2001:db8:1::10]:2'];
  expect(becomes(rpfilter(4, options), packet(four), 'prerouting eth0')).toBe(expected);
  expect(becomes(rpfilter(6, options), packet(six), 'prerouting eth0')).toBe(expected);
});

test.each(['127.0.0.1', '192.0.2.10', '::1', '2001:db8:1::10'])('a program reaches its own host at %s', (own) => {
  for (const ruleTables of [fib(), rpfilter(4), rpfilter(6)]) {
    const reached = namespace('box', { links, routes, rules, listeners: ['tcp *:80'], ruleTables });
    const way = journey(host(reached), { ...packetTo(own), source: own.includes(':') ? '::' : '0.0.0.0' }, 'box');
    expect(way).toMatchObject({ end: { kind: 'accepted' }, assumptions: [] });
  }
});

test('at input only later kernels let pass unasked what came over loopback', () => {
  const own = packet('tcp 192.0.2.10:40000 > 192.0.2.10:80');
  expect(becomes(fib(['saddr', 'iif'], 'input'), own, 'input lo')).toBe('unknown');
});

test.each(['fib', 'rpfilter'])('the ports of a VRF look in tables of its own: %s is not known', (how) => {
  const [lo, eth0] = links;
  const vrf = link('blue', { index: 9, kind: 'vrf', vrfTable: 100 });
  const own = eth0 === undefined ? [] : [{ ...eth0, master: 'blue' }];
  const blue = namespace('box', { links: [...(lo === undefined ? [] : [lo]), vrf, ...own], routes });
  const sent = packet('tcp 198.51.100.1:40000 > 192.0.2.10:80');
  expect(becomes(how === 'fib' ? fib() : rpfilter(4), sent, 'prerouting eth0', blue)).toBe('unknown');
});
