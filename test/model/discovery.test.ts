import { describe, expect, test } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import { stoppedDiscovery } from '../../src/model/discovery.ts';
import { journey } from '../../src/model/journey.ts';
import { host, link, loopback, packetTo } from './hosts.ts';
import { chainOf, saved } from './netfilter/tables.ts';
import { box, bridgeHost, web } from './two-boxes.ts';

const type = (name: string) => ({
  match: { op: '==', left: { payload: { protocol: 'icmpv6', field: 'type' } }, right: name },
});
const drop = { drop: null };

/** Drops what came in by a bridge's port. */
const fromPort = (device: string): RuleTable[] =>
  saved(
    `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -m physdev --physdev-in ${device} -j DROP\nCOMMIT\n`,
    'iptables-nft',
    'ip6',
  );

/** Why `box` does not learn who has the host's fd00:88::1. */
function why(ofBox: readonly RuleTable[], ofHost: readonly RuleTable[] = []): string | null {
  const asker = { namespace: box({ ruleTables: ofBox }), device: 'eth0', port: null, address: 'fd00:88::10' };
  const owner = { namespace: bridgeHost({ ruleTables: ofHost }), device: 'br0', port: 'veth0' };
  return stoppedDiscovery({ asker, owner, target: 'fd00:88::1', between: [] })?.why ?? null;
}

describe('the rules stop', () => {
  test.each<[string, readonly RuleTable[], readonly RuleTable[], string | null]>([
    ['nothing where there are none', [], [], null],
    [
      'the question where it is asked',
      chainOf('output', [], { policy: 'drop' }),
      [],
      'the rules of box stop the question: the policy of chain c in table inet t drops what no rule takes',
    ],
    [
      'the question where it is for',
      [],
      chainOf('input', [[type('nd-neighbor-solicit'), drop]]),
      'the rules of host stop the question: rule 1 of chain c in table inet t drops it',
    ],
    [
      'the answer where it is given',
      [],
      chainOf('postrouting', [[type('nd-neighbor-advert'), drop]]),
      'the rules of host stop the answer: rule 1 of chain c in table inet t drops it',
    ],
    [
      'the answer where it is for',
      chainOf('prerouting', [[type('nd-neighbor-advert'), drop]]),
      [],
      'the rules of box stop the answer: rule 1 of chain c in table inet t drops it',
    ],
    ['nothing by its port where br_netfilter is off', [], fromPort('veth0'), null],
    ['nothing of IPv6 by rules of IPv4', chainOf('output', [[drop]], { family: 'ip' }), [], null],
    [
      'nothing that is let pass as untracked',
      chainOf(
        'input',
        [[{ match: { op: '==', left: { ct: { key: 'state' } }, right: 'untracked' } }, { accept: null }]],
        {
          policy: 'drop',
        },
      ),
      [],
      null,
    ],
    [
      'the group of the address that is asked for alone',
      [],
      chainOf('input', [
        [
          { match: { op: '!=', left: { payload: { protocol: 'ip6', field: 'daddr' } }, right: 'ff02::1:ff00:1' } },
          drop,
        ],
      ]),
      null,
    ],
  ])('%s', (_name, ofBox, ofHost, expected) => {
    expect(why(ofBox, ofHost)).toBe(expected);
  });
});

test('a host whose rules forget neighbour discovery is not found', () => {
  const ruleTables = chainOf('input', [], { policy: 'drop' });
  const way = journey(host(box(), bridgeHost({ ruleTables })), packetTo('fd00:88::1'), 'box');
  expect(way.end).toMatchObject({
    kind: 'unanswered',
    reason:
      'host has the address fd00:88::1 and does not answer: the rules of host stop the question: the policy of chain c in table inet t drops what no rule takes',
    answer: { errno: 'EHOSTUNREACH', netns: 'box' },
  });
});

test.each<[string, string, boolean]>([
  ['the port that the question comes in by', 'veth0', true],
  ['another port', 'veth1', false],
])('the rules of a bridge see %s, where br_netfilter shows it', (_name, device, isStopped) => {
  const sysctls = { 'net.bridge.bridge-nf-call-ip6tables': '1' };
  const all = host(box(), bridgeHost({ ruleTables: fromPort(device), sysctls, listeners: ['tcp [::]:80'] }));
  const { end } = journey(all, packetTo('fd00:88::1'), 'box');
  expect(end.kind).toBe(isStopped ? 'unanswered' : 'accepted');
});

test('the asker sees by which port of its bridge the answer comes', () => {
  const sysctls = { 'net.bridge.bridge-nf-call-ip6tables': '1' };
  const asked = { ...packetTo('fd00:88::10'), source: 'fd00:88::1' } as const;
  const from = (device: string) =>
    journey(
      host(box(), bridgeHost({ ruleTables: fromPort(device), sysctls, routes: ['fd00:88::/64 dev br0'] })),
      asked,
      'host',
    ).end.kind;
  expect(from('veth0')).toBe('unanswered');
  expect(from('veth1')).toBe('refused');
});

/** A neighbour across the bridge, asked with these rules on the bridge's host. */
function across(ruleTables: readonly RuleTable[], isShown: boolean) {
  const neighbour = web({
    links: [loopback(), link('eth0', { addresses: ['fd00:88::20/64'], peer: 'host:6' })],
    routes: ['fd00:88::/64 dev eth0'],
    listeners: ['tcp [::]:80'],
  });
  const sysctls = isShown ? { 'net.bridge.bridge-nf-call-ip6tables': '1' } : {};
  const asking = box({ routes: ['fd00:88::/64 dev eth0'] });
  return journey(host(asking, bridgeHost({ ruleTables, sysctls }), neighbour), packetTo('fd00:88::20'), 'box').end;
}

test.each<[string, readonly RuleTable[], string | null]>([
  [
    'stops the question',
    chainOf('forward', [], { policy: 'drop' }),
    'the rules of host stop the question: the policy of chain c in table inet t drops what no rule takes',
  ],
  [
    'stops the answer alone',
    chainOf('forward', [[type('nd-neighbor-advert'), drop]]),
    'the rules of host stop the answer: rule 1 of chain c in table inet t drops it',
  ],
  [
    'stops the answer by the port that it comes in by',
    saved(
      '*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p ipv6-icmp -m physdev --physdev-in veth1 -j DROP\nCOMMIT\n',
      'iptables-nft',
      'ip6',
    ),
    'the rules of host stop the answer: rule 1 of chain FORWARD in table ip6 filter drops it',
  ],
  ['is of IPv4', chainOf('forward', [], { policy: 'drop', family: 'ip' }), null],
])('what a bridge forwards, and a rule that %s, where br_netfilter shows it', (_name, tables, expected) => {
  expect(across(tables, false).kind).toBe('accepted');
  const end = across(tables, true);
  if (expected === null) expect(end.kind).toBe('accepted');
  else
    expect(end).toMatchObject({
      kind: 'unanswered',
      reason: expect.stringContaining(expected),
      answer: { errno: 'EHOSTUNREACH', netns: 'box' },
    });
});
