import { expect, test } from 'vitest';
import { lookUpRoute } from '../../src/model/routing.ts';
import type { RouteQuery } from '../../src/model/rule.ts';
import { link, loopback, namespace, rule } from './hosts.ts';

const links = [loopback(), link('eth0', { addresses: ['10.88.0.10', 'fd00:88::10'] })];

interface Asked {
  readonly routes: readonly string[];
  readonly rules?: readonly string[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly query?: Partial<RouteQuery>;
}

/** The text of the route, or what there is instead. */
function found(destination: string, { routes, rules, sysctls = {}, query = {} }: Asked): string {
  const family = destination.includes(':') ? 6 : 4;
  const own = rules === undefined ? {} : { rules: rules.map((text) => rule(text, family)) };
  const result = lookUpRoute(namespace('box', { links, routes, sysctls, ...own }), {
    family,
    source: family === 4 ? '10.88.0.10' : 'fd00:88::10',
    destination,
    inputDevice: null,
    outputDevice: null,
    mark: 0,
    tos: 0,
    protocol: 'tcp',
    sourcePort: null,
    destinationPort: 80,
    user: null,
    ...query,
  });
  if (result.kind === 'route') return result.route.source.text;
  if (result.kind === 'refused') return `${result.errno}: ${result.reason}`;
  return result.kind === 'none' ? 'none' : `unknown: ${result.reason}`;
}

const usual = ['default via 10.88.0.1 dev eth0', '10.88.0.0/16 dev eth0', '10.88.7.0/24 via 10.88.0.7 dev eth0'];
const [byDefault = ''] = usual;

test.each<[string, readonly string[], string, string]>([
  ['the longest prefix', usual, '10.88.7.1', '10.88.7.0/24 via 10.88.0.7 dev eth0'],
  ['the order of the list says nothing', usual.toReversed(), '10.88.7.1', '10.88.7.0/24 via 10.88.0.7 dev eth0'],
  ['a shorter one beside it', usual, '10.88.8.1', '10.88.0.0/16 dev eth0'],
  ['the default route', usual, '192.0.2.1', byDefault],
  ['the local table first', [...usual, '10.88.0.10/32 dev eth1'], '10.88.0.10', 'local 10.88.0.10 dev eth0'],
  // Linux 6.18: without rules of one's own the two tables are one.
  ['a longer prefix in main than in local', [...usual, 'local 10.0.0.0/8 dev lo'], '10.88.7.1', usual[2] ?? ''],
  ['no IPv4 route serves IPv6', usual, 'fd00:1::1', 'none'],
  ['IPv6', ['default via fd00:88::1 dev eth0', 'fd00:88::/64 dev eth0'], 'fd00:88::2', 'fd00:88::/64 dev eth0'],
  [
    'IPv6 keeps its tables apart',
    ['local fd00::/16 dev lo', 'fd00:88::/64 dev eth0'],
    'fd00:88::2',
    'local fd00::/16 dev lo',
  ],
  [
    'IPv6 by source',
    ['fd00:9::/64 from fd00:88::/64 dev eth0', 'fd00:9::/64 dev eth1'],
    'fd00:9::1',
    'fd00:9::/64 from fd00:88::/64 dev eth0',
  ],
  [
    // Linux 6.18: the route for everyone is hidden by the one for some.
    'IPv6 by another source',
    ['fd00:9::/64 from fd00:7::/64 dev eth0', 'fd00:9::/64 dev eth1'],
    'fd00:9::1',
    'none',
  ],
  [
    'IPv6 by another source, and a shorter prefix',
    ['fd00:9::/64 from fd00:7::/64 dev eth0', 'fd00:9::/64 dev eth1', 'fd00::/16 dev eth1'],
    'fd00:9::1',
    'fd00::/16 dev eth1',
  ],
  [
    'IPv6 by another source, and the default route for everyone',
    ['default from fd00:7::/64 dev eth0', 'default via fd00:88::1 dev eth1'],
    'fd00:9::1',
    'default via fd00:88::1 dev eth1',
  ],
  [
    'IPv6 from a longer prefix that does not serve: the route for everyone is not hidden',
    ['fd00:9::/112 dev eth0 dead', 'fd00:9::/64 from fd00:7::/64 dev eth0', 'fd00:9::/64 dev eth1'],
    'fd00:9::1',
    'fd00:9::/64 dev eth1',
  ],
  ['nothing at all', [], '192.0.2.1', 'none'],
  [
    'the lowest metric',
    ['default via 10.88.0.1 dev eth0 metric 200', 'default via 10.88.0.2 dev eth0 metric 100'],
    '192.0.2.1',
    'default via 10.88.0.2 dev eth0 metric 100',
  ],
  [
    'a longer prefix beats a lower metric',
    ['default via 10.88.0.1 dev eth0', '192.0.2.0/24 via 10.88.0.2 dev eth0 metric 9000'],
    '192.0.2.1',
    '192.0.2.0/24 via 10.88.0.2 dev eth0 metric 9000',
  ],
  [
    'two of one kind: the first added wins',
    ['10.9.0.0/16 dev eth0', '10.9.0.0/16 dev eth1'],
    '10.9.0.1',
    '10.9.0.0/16 dev eth0',
  ],
  ['another type of service', ['192.0.2.0/24 tos 16 dev eth1', ...usual], '192.0.2.1', byDefault],
  ['a device that is dead', ['192.0.2.0/24 dev eth1 dead linkdown', ...usual], '192.0.2.1', byDefault],
  [
    'a device without a carrier still counts',
    ['192.0.2.0/24 dev eth1 linkdown', ...usual],
    '192.0.2.1',
    '192.0.2.0/24 dev eth1 linkdown',
  ],
  [
    'a next hop that is dead beside one that is not',
    ['192.0.2.0/24 nexthop via 10.88.0.1 dev eth1 dead nexthop via 10.88.0.2 dev eth0'],
    '192.0.2.1',
    '192.0.2.0/24 nexthop via 10.88.0.1 dev eth1 dead nexthop via 10.88.0.2 dev eth0',
  ],
  [
    'blackhole',
    ['blackhole 192.0.2.0/24', byDefault],
    '192.0.2.1',
    'EINVAL: the route to 192.0.2.1 is of type blackhole',
  ],
  ['prohibit', ['prohibit 192.0.2.0/24', byDefault], '192.0.2.1', 'EACCES: the route to 192.0.2.1 is of type prohibit'],
  [
    'unreachable',
    ['unreachable 192.0.2.0/24', byDefault],
    '192.0.2.1',
    'EHOSTUNREACH: the route to 192.0.2.1 is of type unreachable',
  ],
  [
    'what main refuses, the default table may allow',
    ['unreachable 192.0.2.0/24', 'default dev eth1 table 253'],
    '192.0.2.1',
    'default dev eth1 table 253',
  ],
  ['throw leaves the table', ['throw 192.0.2.0/24', byDefault], '192.0.2.1', 'none'],
])('%s', (_name, routes, destination, expected) => {
  expect(found(destination, { routes })).toBe(expected);
});

const refusesFirst = ['blackhole fd00:9::/64 dev lo metric 5', 'fd00:9::/64 dev eth0 metric 1024'];
const otherFirst = ['fd00:9::/64 dev eth1 metric 5', 'fd00:9::/64 dev eth0 metric 1024'];

test.each<[title: string, routes: string[], prefers: boolean, expected: string]>([
  ['is bound to it: what refuses is of another', refusesFirst, false, 'fd00:9::/64 dev eth0 metric 1024'],
  ['is bound to it: so are other routes', otherFirst, false, 'fd00:9::/64 dev eth0 metric 1024'],
  ['is bound to it: none serves', otherFirst.slice(0, 1), false, 'none'],
  ['prefers it to what refuses', refusesFirst, true, 'fd00:9::/64 dev eth0 metric 1024'],
  ['prefers it to a lower metric', otherFirst, true, 'fd00:9::/64 dev eth0 metric 1024'],
  ['prefers it where it is', otherFirst.slice(0, 1), true, 'fd00:9::/64 dev eth1 metric 5'],
])('IPv6 by a device, who %s', (_title, routes, prefers, expected) => {
  const query: Partial<RouteQuery> = { outputDevice: 'eth0', ...(prefers && { prefersOutputDevice: true }) };
  expect(found('fd00:9::1', { routes, query })).toBe(expected);
});

test('IPv4 is refused whichever device it is bound to', () => {
  const routes = ['blackhole 192.0.2.0/24', '192.0.2.0/24 dev eth0 metric 9'];
  const refused = 'EINVAL: the route to 192.0.2.1 is of type blackhole';
  expect(found('192.0.2.1', { routes, query: { outputDevice: 'eth0' } })).toBe(refused);
});

test('ignore_routes_with_linkdown passes over a device without a carrier, for itself or for all', () => {
  const routes = ['192.0.2.0/24 dev eth1 linkdown', byDefault];
  for (const device of ['eth1', 'all']) {
    const sysctls = { [`net.ipv4.conf.${device}.ignore_routes_with_linkdown`]: '1' };
    expect(found('192.0.2.1', { routes, sysctls })).toBe(byDefault);
  }
});

const local = '0: from all lookup 255';
const main = '32766: from all lookup 254';
const inTable = 'default via 10.88.0.9 dev eth0 table 100';
const through = (text: string): readonly string[] => [local, text, main];
const both = [...usual, inTable];

test.each<[string, readonly string[], readonly string[], Partial<RouteQuery>, string]>([
  ['rules go by priority', ['5: from all lookup 100', main, local], both, {}, inTable],
  ['a table without a match is passed over', through('5: from all lookup 7'), usual, {}, byDefault],
  ['throw goes on', through('5: from all lookup 100'), ['throw 192.0.2.0/24 table 100', ...usual], {}, byDefault],
  ['no rule leads to main', [local], usual, {}, 'none'],
  ['from: this source', through('5: from 10.88.0.0/24 lookup 100'), both, {}, inTable],
  ['from: another source', through('5: from 10.99.0.0/24 lookup 100'), both, {}, byDefault],
  ['from: no source chosen yet', through('5: from 10.88.0.0/24 lookup 100'), both, { source: '0.0.0.0' }, byDefault],
  ['to', through('5: from all to 192.0.2.0/24 lookup 100'), both, {}, inTable],
  ['mark', through('5: from all fwmark 0x1 lookup 100'), both, { mark: 1 }, inTable],
  ['another mark', through('5: from all fwmark 0x1 lookup 100'), both, {}, byDefault],
  ['masked mark', through('5: from all fwmark 0x80000001/0x80000000 lookup 100'), both, { mark: 0x8000_0000 }, inTable],
  ['not', through('5: not from all fwmark 0xca6c lookup 100'), both, {}, inTable],
  ['not, and it is', through('5: not from all fwmark 0xca6c lookup 100'), both, { mark: 0xca6c }, byDefault],
  ['iif', through('5: from all iif eth1 lookup 100'), both, { inputDevice: 'eth1' }, inTable],
  ['iif lo is what this host sends', through('5: from all iif lo lookup 100'), both, {}, inTable],
  ['oif', through('5: from all oif eth1 lookup 100'), both, {}, byDefault],
  ['protocol', through('5: from all ipproto tcp lookup 100'), both, {}, inTable],
  ['protocol by number', through('5: from all ipproto 17 lookup 100'), both, { protocol: 'udp' }, inTable],
  ['another protocol', through('5: from all ipproto udp lookup 100'), both, {}, byDefault],
  ['destination port', through('5: from all dport 80-90 lookup 100'), both, {}, inTable],
  ['another port', through('5: from all dport 443 lookup 100'), both, {}, byDefault],
  ['a known user', through('5: from all uidrange 1000-1000 lookup 100'), both, { user: 1000 }, inTable],
  ['type of service', through('5: from all tos 16 lookup 100'), both, {}, byDefault],
  [
    'suppress_prefixlength: the default route does not count',
    through('5: from all lookup 254 suppress_prefixlength 0').toSpliced(2, 0, '6: from all lookup 100'),
    both,
    {},
    inTable,
  ],
  [
    'suppress_prefixlength: a longer one does',
    through('5: from all lookup 100 suppress_prefixlength 0'),
    [...usual, '192.0.2.0/24 dev eth1 table 100'],
    {},
    '192.0.2.0/24 dev eth1 table 100',
  ],
  ['goto', [local, '5: from all goto 40', '6: from all lookup 100', '40: from all lookup 254'], both, {}, byDefault],
  ['goto nowhere', [local, '5: from all goto 40', '6: from all lookup 100'], both, {}, inTable],
  ['nop', through('5: from all nop'), both, {}, byDefault],
  ['prohibit', through('5: from all prohibit'), usual, {}, 'EACCES: the rule "5: from all prohibit" takes it'],
  ['blackhole', through('5: from all blackhole'), usual, {}, 'EINVAL: the rule "5: from all blackhole" takes it'],
  [
    'unreachable, unlike the route of that name',
    through('5: from all unreachable'),
    usual,
    {},
    'ENETUNREACH: the rule "5: from all unreachable" takes it',
  ],
  ['l3mdev takes packets of a VRF alone', through('5: from all lookup [l3mdev-table]'), usual, {}, byDefault],
  [
    'with rules of its own, local comes first whatever the prefix',
    through('5: from all nop'),
    [...usual, 'local 192.0.0.0/8 dev lo', '192.0.2.0/24 dev eth1'],
    {},
    'local 192.0.0.0/8 dev lo',
  ],
  ['no rules were read', [], usual, {}, 'unknown: the snapshot has no routing rules of IPv4'],
])('%s', (_name, rules, routes, query, expected) => {
  expect(found('192.0.2.1', { rules, routes, query })).toBe(expected);
});

const sport = '5: from all sport 1-9 lookup 100';
const unevaluated = `unknown: the rule "${sport}" asks for what the model does not know of the packet`;

test.each<[string, readonly string[], readonly string[], string]>([
  ['matters', through(sport), both, unevaluated],
  ['leads to the only route there is', [local, sport], [inTable], unevaluated],
  ['has a table without an answer', through(sport), usual, byDefault],
  ['gives the same answer', through('5: from all sport 1-9 lookup 254'), usual, byDefault],
  ['stands behind the answer', [local, main, '40000: from all sport 1-9 lookup 100'], both, byDefault],
  ['is of another protocol', through('5: from all ipproto udp sport 1-9 lookup 100'), both, byDefault],
  [
    'has a selector that nobody reads',
    through('5: from all strange 7 lookup 100'),
    both,
    'unknown: the rule "5: from all strange 7 lookup 100" asks for what the model does not know of the packet',
  ],
])('a rule that cannot be evaluated %s', (_name, rules, routes, expected) => {
  expect(found('192.0.2.1', { rules, routes })).toBe(expected);
});

test.each([
  ['unknown 192.0.2.0/24 dev eth0', 'is of a kind that the model does not know'],
  ['192.0.2.0/24 via 10.88.0.1', 'is of a kind that the model does not know'],
])('%s: not known', (text, reason) => {
  expect(found('192.0.2.1', { routes: [text] })).toBe(`unknown: the route "${text}" ${reason}`);
});

test("a gateway that is the host's own address is none", () => {
  const routes = ['192.0.2.0/24 via 10.88.0.10 dev eth0'];
  const host = namespace('box', { links, routes });
  const none = {
    inputDevice: null,
    outputDevice: null,
    mark: 0,
    tos: 0,
    sourcePort: null,
    destinationPort: null,
    user: null,
  };
  const query = { family: 4, source: '10.88.0.10', destination: '192.0.2.1', protocol: 'tcp', ...none } as const;
  expect(lookUpRoute(host, query)).toMatchObject({ nextHops: [{ device: 'eth0', gateway: null }] });
});
