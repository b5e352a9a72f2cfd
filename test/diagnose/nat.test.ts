import { describe, expect, it } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import type { HostState, NamespaceState } from '../../src/host/state.ts';
import { host, link, loopback, namespace } from '../model/hosts.ts';
import { box, bridge, bridgeHost, forwarding, uplinkedHost, uplinkToOutside, veth0, web } from '../model/two-boxes.ts';

import { fixesOf, ipRules, judged, type Sighting, verdictOf } from './on-host.ts';
import { byIptables, published } from './published.ts';

type Tables = readonly RuleTable[];

describe('missing-masquerade', () => {
  const far = (...routes: readonly string[]): NamespaceState =>
    namespace('outside', {
      links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
      routes: ['192.0.2.0/24 dev eth0', ...routes],
      listeners: ['tcp 0.0.0.0:80'],
    });
  const outside = far();
  const sighting: Sighting = { to: '192.0.2.1:80', at: ['box:eth0', 'host:eth0'] };
  const empty = (program: 'iptables' | 'iptables-legacy'): Tables =>
    ipRules(program, 'nat', ':POSTROUTING ACCEPT [0:0]');

  it.each<[string, Tables, string[]]>([
    [
      'by nftables, where the host uses nothing',
      [],
      [
        'host# nft add table ip nettrace',
        "host# nft add chain ip nettrace postrouting '{ type nat hook postrouting priority 100; }'",
        'host# nft add rule ip nettrace postrouting ip saddr 10.88.0.0/16 oifname eth0 masquerade',
        'verified',
      ],
    ],
    [
      'by iptables on nft',
      empty('iptables'),
      ['host# iptables -t nat -A POSTROUTING -s 10.88.0.0/16 -o eth0 -j MASQUERADE', 'verified'],
    ],
    [
      'by legacy iptables',
      empty('iptables-legacy'),
      ['host# iptables-legacy -t nat -A POSTROUTING -s 10.88.0.0/16 -o eth0 -j MASQUERADE', 'verified'],
    ],
  ])('is mended %s', (_name, ruleTables, fixes) => {
    const connection = judged(host(box(), uplinkedHost({ ruleTables }), outside), sighting);
    expect(verdictOf(connection)).toBe('missing-masquerade observed, host:eth0 postrouting');
    expect(fixesOf(connection)).toEqual(fixes);
    expect(connection.alternatives).toEqual([]);
  });

  it('is inferred where the packet was not seen on its way out, and the far end has no way back', () => {
    const state = host(box(), uplinkedHost(), outside);
    expect(judged(state, { ...sighting, at: ['box:eth0'] }).certainty).toBe('inferred');
  });

  it('names its rival where the far end is out of sight: it may know the way back', () => {
    const { cause, certainty, alternatives } = judged(host(box(), bridgeHost()), { ...sighting, to: '203.0.113.9:80' });
    expect([cause, certainty]).toEqual(['missing-masquerade', 'inferred']);
    expect(alternatives.map((one) => one.cause)).toEqual(['no-reply-from-remote']);
  });

  it('is said of a private network of IPv6; without an address to put there, the model does not agree', () => {
    const state = host(box(), bridgeHost());
    const connection = judged(state, {
      from: '[fd00:88::10]:5000',
      to: '[2001:db8::9]:80',
      at: ['box:eth0', 'host:eth0'],
    });
    expect(connection.cause).toBe('missing-masquerade');
    expect(fixesOf(connection).slice(-2)).toEqual([
      'host# nft add rule ip6 nettrace postrouting ip6 saddr fd00:88::/64 oifname eth0 masquerade',
      'not verified',
    ]);
  });

  const masquerades = ipRules('iptables', 'nat', ':POSTROUTING ACCEPT [0:0]', '-A POSTROUTING -o eth0 -j MASQUERADE');
  const knowsBack = far('10.88.0.0/16 via 192.0.2.7 dev eth0');
  const publicBox = box({
    links: [loopback(), link('eth0', { addresses: ['198.51.100.10'], peer: 'host:5' })],
    routes: ['198.51.0.0/16 dev eth0', 'default via 198.51.100.1 dev eth0'],
  });
  const publicHost = uplinkedHost({
    links: [
      loopback(),
      uplinkToOutside,
      { ...bridge, addresses: link('br0', { addresses: ['198.51.100.1'] }).addresses },
      veth0,
    ],
    routes: ['198.51.0.0/16 dev br0', '192.0.2.0/24 dev eth0', 'default via 192.0.2.1 dev eth0'],
  });

  it.each<[string, HostState, Sighting, string | null]>([
    [
      'a rule translates it',
      host(box(), bridgeHost({ ruleTables: masquerades })),
      { to: '203.0.113.9:80' },
      'no-reply-from-remote',
    ],
    [
      'nobody saw it leave for a world out of sight',
      host(box(), bridgeHost()),
      { to: '203.0.113.9:80', at: ['box:eth0'] },
      null,
    ],
    ['the far end knows the way back', host(box(), uplinkedHost(), knowsBack), {}, null],
    [
      'the address is no private one',
      host(publicBox, publicHost, outside),
      { from: '198.51.100.10:5000' },
      'no-return-route',
    ],
    [
      'it does not leave by the way into the world',
      host(box(), uplinkedHost({ routes: ['10.88.0.0/16 dev br0', '192.0.2.0/24 dev eth0'] }), outside),
      {},
      'no-return-route',
    ],
    [
      'the host itself asks',
      host(
        uplinkedHost({ links: [loopback(), link('eth0', { index: 2, addresses: ['10.88.0.10'], peer: 'outside:2' })] }),
        outside,
      ),
      { netns: 'host', at: ['host:eth0'] },
      'no-return-route',
    ],
    ['the server answered', host(box(), uplinkedHost(), outside), { answer: { flags: 'SYN ACK' } }, null],
  ])('is not said where %s', (_name, state, more, cause) => {
    expect(judged(state, { ...sighting, ...more }).cause).toBe(cause);
  });
});

describe('hairpin-nat-missing', () => {
  const asked: Sighting = { to: '192.0.2.7:8080' };

  it.each(published)('is named and mended with %s', (tool, ruleTables) => {
    const connection = judged(host(box(), web(), bridgeHost({ ruleTables })), asked);
    expect(verdictOf(connection)).toBe('hairpin-nat-missing inferred, host:br0 postrouting');
    const program = tool === 'legacy iptables' ? 'iptables-legacy' : 'iptables';
    expect(fixesOf(connection)).toEqual(
      tool === 'nftables'
        ? [
            "host# nft add chain inet publish postrouting '{ type nat hook postrouting priority 100; }'",
            'host# nft add rule inet publish postrouting ip saddr 10.88.0.0/16 ip daddr 10.88.0.20 tcp dport 80 masquerade',
            'verified',
          ]
        : [
            `host# ${program} -t nat -A POSTROUTING -s 10.88.0.0/16 -d 10.88.0.20 -p tcp -m tcp --dport 80 -j MASQUERADE`,
            'verified',
          ],
    );
  });

  it('stands in its place on the way, which goes on', () => {
    const { hops, where } = judged(host(box(), web(), bridgeHost({ ruleTables: byIptables })), asked);
    expect(hops.map(({ index }) => index)).toEqual(hops.map((_, at) => at + 1));
    expect(hops.slice(6).map(({ netns, stage, verdict }) => `${netns} ${stage} ${verdict}`)).toEqual([
      'host forward passed',
      'host postrouting passed',
      'host egress passed',
      'host egress passed',
      'web ingress passed',
      'web route delivered',
      'web input passed',
      'web socket delivered',
    ]);
    expect(hops[(where?.hop ?? 0) - 1]?.stage).toBe('postrouting');
  });

  it('is observed where the stranger\u2019s answer was seen', () => {
    const answer = { flags: 'SYN ACK', from: '10.88.0.20:80' } as const;
    const connection = judged(host(box(), web(), bridgeHost({ ruleTables: byIptables })), { ...asked, answer });
    expect(connection.certainty).toBe('observed');
  });

  const translatedBack = ipRules(
    'iptables',
    'nat',
    ':PREROUTING ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    '-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80',
    '-A POSTROUTING -s 10.88.0.0/16 -d 10.88.0.20/32 -j MASQUERADE',
  );
  const bridged = { ...forwarding, 'net.bridge.bridge-nf-call-iptables': '1' };

  it.each<[string, HostState, Sighting, string | null]>([
    ['both ends are translated', host(box(), web(), bridgeHost({ ruleTables: translatedBack })), {}, null],
    [
      'br_netfilter shows the answer to conntrack, too',
      host(box(), web(), bridgeHost({ ruleTables: byIptables, sysctls: bridged })),
      {},
      null,
    ],
    [
      'the neighbour itself was asked',
      host(box(), web(), bridgeHost({ ruleTables: byIptables })),
      { to: '10.88.0.20:80' },
      null,
    ],
    [
      'the one that asks is the one that serves',
      host(web(), bridgeHost({ ruleTables: byIptables })),
      { netns: 'web', from: '10.88.0.20:51054', at: ['web:eth0'] },
      'source-is-local',
    ],
    [
      'nothing listens behind it',
      host(box(), web({ listeners: [] }), bridgeHost({ ruleTables: byIptables })),
      {},
      null,
    ],
  ])('is not said where %s', (_name, state, more, cause) => {
    expect(judged(state, { ...asked, ...more }).cause).toBe(cause);
  });
});
