/** Rules of bridges and of devices, on the way of a packet and of the question for its neighbour. */
import { expect, test } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import { journey } from '../../src/model/journey.ts';
import { host, link, loopback, namespace, packetTo, told } from './hosts.ts';
import { listed } from './netfilter/tables.ts';
import { box, bridgeHost, type Told, web } from './two-boxes.ts';

const tcp = { match: { op: '==', left: { meta: { key: 'l4proto' } }, right: 'tcp' } };
const arp = { match: { op: '==', left: { payload: { protocol: 'ether', field: 'type' } }, right: 'arp' } };
const sometimes = { limit: { rate: 1, per: 'second', burst: 5 } };

/** A chain with one rule, on the bridge or (with `device`) on one of its ports. */
function chain(hook: string, expr: readonly unknown[], device?: string): RuleTable[] {
  const family = device === undefined ? 'bridge' : 'netdev';
  const place = { family, table: 't' };
  const base = { type: 'filter', hook, prio: 0, policy: 'accept', ...(device === undefined ? {} : { dev: device }) };
  const nftables = [
    { table: { family, name: 't', handle: 1 } },
    { chain: { ...place, name: 'c', handle: 1, ...base } },
    { rule: { ...place, chain: 'c', handle: 2, expr } },
  ];
  return listed(JSON.stringify({ nftables }));
}

function asked(more: Told, doubted: readonly string[] = []) {
  const all = host(box(), web(), bridgeHost(more));
  return journey(all, packetTo('10.88.0.20'), 'box', new Set(doubted));
}
const drop = { drop: null };

test.each<[string, RuleTable[], string]>([
  ['of a bridge, where it comes in', chain('prerouting', [tcp, drop]), 'host:veth0 bridge dropped'],
  ['of a bridge, where it is sent on', chain('forward', [tcp, drop]), 'host:veth0 bridge dropped'],
  ['of a bridge, where it goes out', chain('postrouting', [tcp, drop]), 'host:veth1 bridge dropped'],
  ['of a port that takes it', chain('ingress', [tcp, drop], 'veth0'), 'host:veth0 ingress dropped'],
  ['of a port that sends it', chain('egress', [tcp, drop], 'veth1'), 'host:veth1 egress dropped'],
])('a rule %s stops a packet', (_name, ruleTables, last) => {
  const way = asked({ ruleTables });
  const [family] = ruleTables.map((table) => table.family);
  expect(told(way).slice(-2)).toEqual([last, `dropped: rule 1 of chain c in table ${family} t drops it`]);
});

test('a rule that stops the question for a neighbour leaves the packet without a way', () => {
  const way = asked({ ruleTables: chain('forward', [arp, drop]) });
  expect(way.end).toMatchObject({ kind: 'dropped', answer: { errno: 'EHOSTUNREACH' } });
});

test.each<[string, string, readonly unknown[]]>([
  ['the host itself does not see what only crosses the bridge', 'input', [drop]],
  [
    'a rule for packets lets questions pass, and none of these',
    'forward',
    [{ ...tcp, match: { ...tcp.match, right: 'udp' } }, drop],
  ],
])('%s', (_name, hook, expr) => {
  expect(asked({ ruleTables: chain(hook, expr) }).end.kind).toBe('accepted');
});

test.each<[string, string, string]>([
  ['for whom it asks', 'fd00:88::10', 'accepted'],
  ['for somebody else', 'fd00:9::9', 'dropped'],
])('a rule for all but one address judges the answer of an IPv6 neighbour by its ends: %s', (_name, address, kind) => {
  const other = { match: { op: '!=', left: { payload: { protocol: 'ip6', field: 'daddr' } }, right: address } };
  const far = web({
    links: [loopback(), link('eth0', { addresses: ['fd00:88::20'], peer: 'host:6' })],
    routes: ['fd00:88::/64 dev eth0'],
    listeners: ['tcp [::]:80'],
    ruleTables: chain('egress', [other, drop], 'eth0'),
  });
  const way = journey(
    host(box({ routes: ['fd00:88::/64 dev eth0'] }), far, bridgeHost()),
    packetTo('fd00:88::20'),
    'box',
  );
  expect(way.end.kind).toBe(kind);
  if (kind === 'dropped') expect(way.end).toMatchObject({ answer: { errno: 'EHOSTUNREACH' } });
});

test('a mark does not go over to the namespace of the bridge', () => {
  const marked = { match: { op: '==', left: { meta: { key: 'mark' } }, right: 7 } };
  const all = (ruleTables: RuleTable[]) => host(box(), web(), bridgeHost({ ruleTables }));
  const from = (start: string, ruleTables: RuleTable[]) =>
    journey(all(ruleTables), { ...packetTo('10.88.0.20'), mark: 7, source: '0.0.0.0' }, start).end.kind;
  expect(from('box', chain('prerouting', [marked, drop]))).toBe('accepted');
  expect(from('host', chain('output', [marked, drop]))).toBe('dropped');
});

test('a rule that sometimes stops it leaves that open', () => {
  const way = asked({ ruleTables: chain('forward', [tcp, sometimes, drop]) });
  expect(way.end.kind).toBe('accepted');
  expect(way.assumptions.join()).toContain('perhaps rule 1 of chain c in table bridge t drops it');
});

test('a rule that sometimes stops the question for its neighbour leaves that open', () => {
  const way = asked({ ruleTables: chain('forward', [arp, sometimes, drop]) });
  expect(way.end.kind).toBe('accepted');
  expect(way.assumptions.join()).toContain('of who has the next hop: perhaps rule 1');
});

test('what a bridge answers in place of the server is not followed', () => {
  const way = asked({ ruleTables: chain('forward', [tcp, { reject: { type: 'tcp reset' } }]) });
  expect(way.steps.at(-1)).toMatchObject({ stage: 'bridge', verdict: 'rejected' });
  expect(way.end.kind).toBe('undetermined');
});

test('rules that could not be read, or that it is known to have passed, are assumed to let it pass', () => {
  expect(asked({ firewallKnown: false }).assumptions).toContain('host, bridge: the firewall rules could not be read');
  const way = asked({ ruleTables: chain('forward', [tcp, drop]) }, ['host bridge']);
  expect(way.end.kind).toBe('accepted');
  expect(way.assumptions.join()).toContain('it would not have come as far as it did');
});

test('what a macvlan sends to another is taken in by their device first, past its rules', () => {
  const on = { kind: 'macvlan', mode: 'bridge', lower: { netns: 'host', device: 'up0' }, index: 3 } as const;
  const upper = (name: string, last: number) =>
    namespace(name, {
      links: [loopback(), link('mv0', { ...on, mac: `02:00:00:00:00:0${last}`, addresses: [`192.0.2.${last}/24`] })],
      routes: ['192.0.2.0/24 dev mv0'],
      listeners: ['tcp 0.0.0.0:80'],
    });
  const ends = (ruleTables: RuleTable[]) => {
    const below = namespace('host', { links: [loopback(), link('up0', { mac: '02:00:00:00:00:07' })], ruleTables });
    const packet = { ...packetTo('192.0.2.4'), source: '192.0.2.3' };
    return told(journey(host(below, upper('a', 3), upper('b', 4)), packet, 'a')).slice(-2);
  };
  expect(ends([])).toEqual(['b:mv0 socket delivered', 'accepted by tcp 0.0.0.0:80']);
  expect(ends(chain('ingress', [tcp, drop], 'up0'))).toEqual([
    'host:up0 ingress dropped',
    'dropped: rule 1 of chain c in table netdev t drops it',
  ]);
  // What is for all of them goes to each by itself (`macvlan_broadcast`).
  expect(ends(chain('ingress', [arp, drop], 'up0')).at(-1)).toMatch(/^dropped: b has the address 192\.0\.2\.4/);
  expect(ends(chain('egress', [drop], 'up0')).at(-1)).toBe('accepted by tcp 0.0.0.0:80');
});
