import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RuleTable } from '../../../src/host/netfilter.ts';
import { parseConnections } from '../../../src/host/parse/netfilter/connections.ts';
import { connectionOf } from '../../../src/model/netfilter/connection.ts';
import { evaluateHook } from '../../../src/model/netfilter/hook.ts';
import { firstPacket, type NetfilterPacket } from '../../../src/model/netfilter/packet.ts';
import { address, at, chainOf, describeOutcome, hostWith, listed, outcomes, packet, saved } from './tables.ts';

const syn = packet('tcp 10.0.0.1:40000 > 10.0.0.2:80');
const is = (protocol: string, field: string, right: unknown, op = '==') => ({
  match: { op, left: { payload: { protocol, field } }, right },
});
/** `tcp sport != … tcp dport != …` */
const neither = (source: number, destination: number) => [
  is('tcp', 'sport', source, '!='),
  is('tcp', 'dport', destination, '!='),
];
const meta = (key: string, right: unknown, op = '==') => ({ match: { op, left: { meta: { key } }, right } });
const state = (name: string) => ({ match: { op: 'in', left: { ct: { key: 'state' } }, right: name } });
const accept = { accept: null };
const drop = { drop: null };
const limit = { limit: { rate: 5, per: 'minute' } };
const mark = (value: unknown) => ({ mangle: { key: { meta: { key: 'mark' } }, value } });

/** The ends in short: their kinds alone. */
function kinds(tables: readonly RuleTable[], sent: NetfilterPacket, place = 'input eth0'): string[] {
  return evaluateHook(tables, at(place), sent, hostWith({ eth0: '10.0.0.2' })).map(({ ending }) => ending.kind);
}

const filter = (body: string, policy = 'ACCEPT'): RuleTable[] =>
  saved(`*filter\n:INPUT ${policy} [0:0]\n:a - [0:0]\n:b - [0:0]\n${body}\nCOMMIT\n`);

describe('chains of one table', () => {
  test.each<[title: string, body: string, policy: string, expected: string]>([
    ['no rule: the policy', '', 'DROP', 'drop by policy drop'],
    ['a match', '-A INPUT -s 10.0.0.1/32 -j DROP', 'ACCEPT', 'drop by -A INPUT -s 10.0.0.1/32 -j DROP'],
    ['no match', '-A INPUT -s 10.0.0.9/32 -j DROP', 'ACCEPT', 'accept by policy accept'],
    ['the first match counts', '-A INPUT -j ACCEPT\n-A INPUT -j DROP', 'DROP', 'accept by -A INPUT -j ACCEPT'],
    ['a jump', '-A INPUT -j a\n-A a -j DROP', 'ACCEPT', 'drop by -A a -j DROP'],
    [
      'a jump comes back',
      '-A INPUT -j a\n-A INPUT -j DROP\n-A a -s 10.0.0.9 -j DROP',
      'ACCEPT',
      'drop by -A INPUT -j DROP',
    ],
    [
      'a return comes back',
      '-A INPUT -j a\n-A INPUT -j DROP\n-A a -j RETURN\n-A a -j ACCEPT',
      'ACCEPT',
      'drop by -A INPUT -j DROP',
    ],
    ['a goto does not', '-A INPUT -g a\n-A INPUT -j DROP', 'ACCEPT', 'accept by policy accept'],
    [
      'a goto comes back to where its chain was called from',
      '-A INPUT -j a\n-A INPUT -j DROP\n-A a -g b\n-A a -j ACCEPT',
      'ACCEPT',
      'drop by -A INPUT -j DROP',
    ],
    ['a return at the base is the policy', '-A INPUT -j RETURN\n-A INPUT -j ACCEPT', 'DROP', 'drop by policy drop'],
    [
      'chains that call each other for ever',
      '-A INPUT -j a\n-A a -j b\n-A b -j a',
      'ACCEPT',
      'unknown: the chain a cannot be followed',
    ],
    ['a target that nobody knows', '-A INPUT -j TOMORROW --x', 'ACCEPT', 'unknown: -j TOMORROW --x'],
    ['a queue', '-A INPUT -j NFQUEUE --queue-num 0', 'ACCEPT', 'queue by -A INPUT -j NFQUEUE --queue-num 0'],
    [
      'an RST for TCP',
      '-A INPUT -p tcp -j REJECT --reject-with tcp-reset',
      'ACCEPT',
      'reject tcp-reset by -A INPUT -p tcp -j REJECT --reject-with tcp-reset',
    ],
  ])('%s', (_title, body, policy, expected) => {
    expect(outcomes(filter(body, policy), 'input eth0', syn)).toEqual([expected]);
  });
});

describe('what a rule reads', () => {
  test.each<[title: string, rule: readonly unknown[], sent: NetfilterPacket, expected: string]>([
    [
      'another protocol has no such port',
      [is('tcp', 'dport', 80, '!='), drop],
      packet('udp 10.0.0.1:1 > 10.0.0.2:2'),
      'accept',
    ],
    [
      'another IP version has no such address',
      [is('ip', 'saddr', '10.0.0.9', '!='), drop],
      packet('tcp [fd00::1]:1 > [fd00::2]:2'),
      'accept',
    ],
    ['an address that is not that one', [is('ip', 'saddr', '10.0.0.9', '!='), drop], syn, 'drop'],
    ['a device that it has not is an empty name', [meta('oifname', 'eth0', '!='), drop], syn, 'drop'],
    ['an RST is for TCP alone', [{ reject: { type: 'tcp reset' } }], packet('udp 10.0.0.1:1 > 10.0.0.2:2'), 'accept'],
    [
      'an ICMP error is for its own IP version',
      [{ reject: { type: 'icmp', expr: 'host-unreachable' } }],
      packet('tcp [fd00::1]:1 > [fd00::2]:2'),
      'accept',
    ],
    ['a mark that the rule set before', [mark(5), meta('mark', 5), drop], syn, 'drop'],
    [
      'bits of a mark',
      [
        mark({ '|': [{ meta: { key: 'mark' } }, 6] }),
        { match: { op: '==', left: { '&': [{ meta: { key: 'mark' } }, 4] }, right: 4 } },
        drop,
      ],
      syn,
      'drop',
    ],
    [
      'SYN alone',
      [
        {
          match: {
            op: '==',
            left: { '&': [{ payload: { protocol: 'tcp', field: 'flags' } }, ['syn', 'ack']] },
            right: 'syn',
          },
        },
        drop,
      ],
      syn,
      'drop',
    ],
    [
      'a local destination',
      [{ match: { op: '==', left: { fib: { result: 'type', flags: ['daddr'] } }, right: 'local' } }, drop],
      syn,
      'drop',
    ],
    [
      'a map of verdicts',
      [{ vmap: { key: { payload: { protocol: 'tcp', field: 'dport' } }, data: { set: [[80, drop]] } } }],
      syn,
      'drop',
    ],
    [
      'a map without the key',
      [{ vmap: { key: { payload: { protocol: 'tcp', field: 'dport' } }, data: { set: [[81, drop]] } } }],
      syn,
      'accept',
    ],
    [
      'a map with a default',
      [
        {
          vmap: {
            key: { payload: { protocol: 'tcp', field: 'dport' } },
            data: {
              set: [
                [81, accept],
                ['*', drop],
              ],
            },
          },
        },
      ],
      syn,
      'drop',
    ],
  ])('%s', (_title, rule, sent, expected) => {
    expect(kinds(chainOf('input', [rule]), sent)).toEqual([expected]);
  });
});

describe('what is not known', () => {
  test.each<
    [title: string, rules: readonly (readonly unknown[])[], sent: NetfilterPacket, expected: readonly string[]]
  >([
    ['forks', [[limit, accept], [drop]], syn, ['accept', 'drop']],
    ['does not fork where nothing comes of it', [[limit, { log: null }], [drop]], syn, ['drop']],
    [
      'is what nft may have made one of, where one field is as told',
      [[...neither(40000, 81), drop]],
      syn,
      ['drop', 'accept'],
    ],
    ['is not what nft may have made one of, where both are', [[...neither(40000, 80), drop]], syn, ['accept']],
    ['is not what nft may have made one of, where neither is', [[...neither(1, 81), drop]], syn, ['drop']],
    [
      'is what nft may have made one of three, where two are as told',
      [
        [
          is('ether', 'daddr', '02:00:00:00:00:01', '!='),
          is('ether', 'saddr', '02:00:00:00:00:02', '!='),
          is('ether', 'type', 'ip', '!='),
          drop,
        ],
      ],
      packet('tcp 10.0.0.1:1 > 10.0.0.2:2', { destinationMac: 0x02_00_00_00_00_01n, sourceMac: 3n }),
      ['drop', 'accept'],
    ],
    ['does not matter when another match fails', [[limit, is('tcp', 'dport', 81), drop]], syn, ['accept']],
    ['does not matter when both ways end alike', [[limit, accept]], syn, ['accept']],
    ['a field that the packet lacks', [[is('ip', 'ttl', 5, '<'), drop]], syn, ['drop', 'accept']],
    ['a set whose elements are not known', [[is('ip', 'saddr', '@gone'), drop]], syn, ['drop', 'accept']],
    [
      'a map by chance: each of its verdicts',
      [
        [
          {
            vmap: {
              key: { numgen: { mode: 'random', mod: 2 } },
              data: {
                set: [
                  [0, drop],
                  [1, accept],
                ],
              },
            },
          },
        ],
      ],
      syn,
      ['drop', 'accept'],
    ],
    [
      'a map by chance: nothing for a number that it lacks',
      [[{ vmap: { key: { numgen: { mode: 'inc', mod: 3, offset: 4 } }, data: { set: [[5, drop]] } } }]],
      syn,
      ['drop', 'accept'],
    ],
    [
      'a map by chance: no number that is out of reach',
      [[{ vmap: { key: { symhash: { mod: 2, offset: 0 } }, data: { set: [[7, drop]] } } }]],
      syn,
      ['accept'],
    ],
    [
      'a map by chance: one verdict for all numbers',
      [[{ vmap: { key: { numgen: { mode: 'random', mod: 4 } }, data: { set: [[{ range: [0, 9] }, drop]] } } }]],
      syn,
      ['drop'],
    ],
    [
      'a map by chance: the default for what it lacks',
      [
        [
          {
            vmap: {
              key: { jhash: { mod: 2, expr: { payload: { protocol: 'ip', field: 'saddr' } } } },
              data: {
                set: [
                  [0, drop],
                  ['*', { return: null }],
                ],
              },
            },
          },
        ],
      ],
      syn,
      ['drop', 'accept'],
    ],
    [
      'a comparison by chance',
      [[{ match: { op: '<', left: { numgen: { mod: 10 } }, right: 3 } }, drop]],
      syn,
      ['drop', 'accept'],
    ],
    [
      'of the key, what is known rules elements out',
      [
        [
          {
            vmap: {
              key: {
                concat: [{ payload: { protocol: 'tcp', field: 'dport' } }, { numgen: { mode: 'random', mod: 2 } }],
              },
              data: { set: [[{ concat: [81, 0] }, drop]] },
            },
          },
        ],
      ],
      syn,
      ['accept'],
    ],
    ['a statement of tomorrow', [[{ tomorrow: null }]], syn, ['unknown']],
  ])('%s', (_title, rules, sent, expected) => {
    expect(kinds(chainOf('input', rules), sent).toSorted()).toEqual(expected.toSorted());
  });

  test('is named, with the rule and the answer that the way takes', () => {
    const ends = evaluateHook(chainOf('input', [[limit, drop]]), at('input eth0'), syn, hostWith({}));
    expect(
      ends.map(({ ending, assumptions }) => [
        ending.kind,
        assumptions.map(({ matched, reference }) => [matched, reference?.rule?.handle]),
      ]),
    ).toEqual([
      ['drop', [[true, 2]]],
      ['accept', [[false, 2]]],
    ]);
    expect(ends[0]?.assumptions[0]?.reason).toContain('"limit"');
  });

  test('in sixteen ways and more is one unknown end', () => {
    const bit = (index: number) => [limit, mark({ '|': [{ meta: { key: 'mark' } }, 2 ** index] })];
    expect(kinds(chainOf('input', [0, 1, 2, 3].map(bit)), syn)).toHaveLength(16);
    expect(kinds(chainOf('input', [0, 1, 2, 3, 4].map(bit)), syn)).toEqual(['unknown']);
  });
});

test.each<[engine: 'iptables-nft' | 'iptables-legacy', ports: string, expected: readonly string[]]>([
  ['iptables-nft', '! --sport 40000 ! --dport 81', ['drop', 'accept']],
  ['iptables-nft', '! --sport 40000 ! --dport 80', ['accept']],
  ['iptables-nft', '! --sport 1 ! --dport 81', ['drop']],
  ['iptables-nft', '! --sport 1:2 ! --dport 80', ['accept']],
  ['iptables-nft', '--sport 40000 ! --dport 80', ['accept']],
  ['iptables-legacy', '! --sport 40000 ! --dport 81', ['accept']],
  ['iptables-legacy', '! --sport 1 ! --dport 81', ['drop']],
])('%s may have made one comparison of %s', (engine, ports, expected) => {
  const text = `*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp ${ports} -j DROP\nCOMMIT\n`;
  expect(kinds(saved(text, engine), syn)).toEqual(expected);
});

describe('all chains of a hook', () => {
  const table = (name: string, priority: number, rule: readonly unknown[], family = 'inet') =>
    chainOf('input', [rule], { table: name, priority, family });

  test.each<[title: string, tables: readonly RuleTable[], expected: readonly string[]]>([
    ['accept ends its own chain alone', [...table('a', 0, [accept]), ...table('b', 10, [drop])], ['drop']],
    ['a drop ends all', [...table('a', 0, [drop]), ...table('b', 10, [accept])], ['drop']],
    [
      'priorities, not the listing, give the order',
      [...table('a', 10, [meta('mark', 1), drop]), ...table('b', 0, [mark(1)])],
      ['drop'],
    ],
    [
      'families of both kinds',
      [...table('a', 10, [meta('mark', 1), drop], 'ip'), ...table('b', 0, [mark(1)])],
      ['drop'],
    ],
    ['another IP version', table('a', 0, [drop], 'ip6'), ['accept']],
    ['a bridge is no IP hook', table('a', 0, [drop], 'bridge'), ['accept']],
    [
      'equal priorities: either order',
      [...table('a', 0, [meta('mark', 1), drop]), ...table('b', 0, [mark(1)])],
      ['drop', 'accept'],
    ],
    [
      'equal priorities where the order does not matter',
      [...table('a', 0, [drop]), ...table('b', 0, [accept])],
      ['drop'],
    ],
  ])('%s', (_title, tables, expected) => {
    expect(kinds(tables, syn).toSorted()).toEqual(expected.toSorted());
  });

  test('equal priorities that end alike: the trail says what may not have been met', () => {
    const [end, ...others] = evaluateHook(
      [...table('a', 0, [{ log: null }]), ...table('b', 0, [drop])],
      at('input eth0'),
      syn,
      hostWith({}),
    );
    expect(others).toEqual([]);
    expect(end?.assumptions).toEqual([]);
    expect(end?.trail.map(({ reference, certain }) => `${reference.table} ${certain}`).toSorted()).toEqual([
      'a false',
      'b true',
    ]);
  });

  test('in one table the chain that was made last runs first', () => {
    const items = [
      {
        chain: {
          family: 'inet',
          table: 't',
          name: 'd',
          handle: 9,
          type: 'filter',
          hook: 'input',
          prio: 0,
          policy: 'accept',
        },
      },
      { rule: { family: 'inet', table: 't', chain: 'd', handle: 10, expr: [mark(1)] } },
    ];
    expect(kinds(chainOf('input', [[meta('mark', 1), drop]], { items }), syn)).toEqual(['drop']);
  });

  test.each<[dev: string | readonly string[], dropping: readonly string[]]>([
    ['v0', ['v0']],
    [
      ['v0', 'eth1'],
      ['v0', 'eth1'],
    ],
    ['v*', ['v0', 'v1']],
    [
      ['eth*', 'v1'],
      ['v1', 'eth1'],
    ],
  ])('a bridge and the devices %s have their own', (dev, dropping) => {
    const onBridge = chainOf('forward', [[drop]], { family: 'bridge' });
    expect(outcomes(onBridge, at('forward v0 v1', { layer: 'bridge' }), syn)).toEqual(['drop by [{"drop":null}]']);
    const place = { family: 'netdev', table: 'n' };
    const json = {
      nftables: [
        { table: { family: 'netdev', name: 'n', handle: 1 } },
        {
          chain: {
            ...place,
            name: 'c',
            handle: 1,
            type: 'filter',
            hook: 'ingress',
            prio: 0,
            policy: 'drop',
            dev,
          },
        },
      ],
    };
    const onDevice = (device: string) =>
      evaluateHook(listed(JSON.stringify(json)), at(`ingress ${device}`, { layer: 'netdev' }), syn, hostWith({}));
    const devices = ['v0', 'v1', 'eth1'];
    expect(devices.filter((device) => onDevice(device).some(({ ending }) => ending.kind === 'drop'))).toEqual(dropping);
  });
});

describe('address translation', () => {
  const nat = (body: string): RuleTable[] =>
    saved(
      `*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n${body}\nCOMMIT\n`,
    );
  const host = hostWith({ eth0: '10.0.0.2', eth1: '10.1.0.2' });
  const short = (tables: readonly RuleTable[], place: string, sent: NetfilterPacket) =>
    outcomes(tables, place, sent, host).map((text) => text.replace(/ by .*/, ''));

  test.each<[title: string, body: string, place: string, expected: string]>([
    [
      'DNAT',
      '-A PREROUTING -p tcp -j DNAT --to-destination 10.9.0.1:81',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > 10.9.0.1:81',
    ],
    [
      'DNAT of the address alone',
      '-A PREROUTING -j DNAT --to-destination 10.9.0.1',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > 10.9.0.1:80',
    ],
    [
      'DNAT to one of several',
      '-A PREROUTING -j DNAT --to-destination 10.9.0.1-10.9.0.2',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > ?:80',
    ],
    [
      'REDIRECT of what comes in',
      '-A PREROUTING -p tcp -j REDIRECT --to-ports 8080',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > 10.0.0.2:8080',
    ],
    [
      'REDIRECT of what is sent',
      '-A OUTPUT -p tcp -j REDIRECT --to-ports 8080',
      'output - eth0',
      'accept 10.0.0.1:40000 > 127.0.0.1:8080',
    ],
    ['MASQUERADE', '-A POSTROUTING -j MASQUERADE', 'postrouting eth0 eth1', 'accept 10.1.0.2:40000 > 10.0.0.2:80'],
    [
      'MASQUERADE keeps a port in its range',
      '-A POSTROUTING -p tcp -j MASQUERADE --to-ports 1024-65535',
      'postrouting eth0 eth1',
      'accept 10.1.0.2:40000 > 10.0.0.2:80',
    ],
    [
      'MASQUERADE at random chooses the port, in a range too',
      '-A POSTROUTING -p tcp -j MASQUERADE --to-ports 1024-65535 --random',
      'postrouting eth0 eth1',
      'accept 10.1.0.2 > 10.0.0.2:80',
    ],
    [
      'SNAT at random chooses the port',
      '-A POSTROUTING -p tcp -j SNAT --to-source 10.7.7.7 --random-fully',
      'postrouting eth0 eth1',
      'accept 10.7.7.7 > 10.0.0.2:80',
    ],
    [
      'SNAT at random to one port has no choice',
      '-A POSTROUTING -p tcp -j SNAT --to-source 10.7.7.7:5000 --random',
      'postrouting eth0 eth1',
      'accept 10.7.7.7:5000 > 10.0.0.2:80',
    ],
    [
      'DNAT at random leaves a port that it does not name',
      '-A PREROUTING -p tcp -j DNAT --to-destination 10.9.0.1 --random',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > 10.9.0.1:80',
    ],
    [
      'DNAT at random chooses from a range',
      '-A PREROUTING -p tcp -j DNAT --to-destination 10.9.0.1:80-90 --random',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > 10.9.0.1',
    ],
    [
      'DNAT keeps a port in its range',
      '-A PREROUTING -p tcp -j DNAT --to-destination 10.9.0.1:1-90',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > 10.9.0.1:80',
    ],
    [
      'REDIRECT at random chooses from a range',
      '-A PREROUTING -p tcp -j REDIRECT --to-ports 80-90 --random',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > 10.0.0.2',
    ],
    ...[
      [78, 5002],
      [80, 5000],
      [83, 5003],
      [76, 5004],
    ].map(([base, port]): [string, string, string, string] => [
      `DNAT by the distance from port ${base}, over and over`,
      `-A PREROUTING -p tcp -j DNAT --to-destination 10.9.0.1:5000-5004/${base}`,
      'prerouting eth0',
      `accept 10.0.0.1:40000 > 10.9.0.1:${port}`,
    ]),
    ['SNAT at input', '-A INPUT -j SNAT --to-source 10.7.7.7', 'input eth0', 'accept 10.7.7.7:40000 > 10.0.0.2:80'],
    [
      'NETMAP',
      '-A PREROUTING -d 10.0.0.0/24 -j NETMAP --to 10.5.5.0/24',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > 10.5.5.2:80',
    ],
    [
      'the first rule binds',
      '-A PREROUTING -j DNAT --to-destination 10.9.0.1\n-A PREROUTING -j DNAT --to-destination 10.9.0.2',
      'prerouting eth0',
      'accept 10.0.0.1:40000 > 10.9.0.1:80',
    ],
    [
      'ACCEPT before it: none',
      '-A PREROUTING -j ACCEPT\n-A PREROUTING -j DNAT --to-destination 10.9.0.2',
      'prerouting eth0',
      'accept',
    ],
  ])('%s', (_title, body, place, expected) => {
    expect(short(nat(body), place, syn)).toEqual([expected]);
  });

  test.each<[flags: string | string[], port: unknown, expected: string]>([
    ['random', { range: [1024, 65_535] }, 'accept 10.1.0.2 > 10.0.0.2:80'],
    [['fully-random', 'persistent'], undefined, 'accept 10.1.0.2 > 10.0.0.2:80'],
    ['persistent', { range: [1024, 65_535] }, 'accept 10.1.0.2:40000 > 10.0.0.2:80'],
  ])('nft masquerades %s', (flags, port, expected) => {
    const statement = { masquerade: port === undefined ? { flags } : { port, flags } };
    const tables = chainOf('postrouting', [[statement]], { type: 'nat', priority: 100 });
    expect(short(tables, 'postrouting eth0 eth1', syn)).toEqual([expected]);
  });

  test('only the first packet of a connection asks, and over loopback only once', () => {
    const tables = nat(
      '-A PREROUTING -j DNAT --to-destination 10.9.0.1\n-A OUTPUT -s 10.8.0.0/16 -j DNAT --to-destination 10.9.0.1',
    );
    const established = { ...syn, connection: { ...syn.connection, state: 'established' as const } };
    expect(short(tables, 'prerouting eth0', established)).toEqual(['accept']);
    const [sent] = evaluateHook(tables, at('output - lo'), syn, host);
    const looped = sent?.packet ?? syn;
    expect(short(tables, 'prerouting lo', looped)).toEqual(['accept']);
    // It has its connection before conntrack is asked again.
    const raw = chainOf('prerouting', [[state('new'), drop]], { priority: -300 });
    expect(kinds(raw, looped, 'prerouting lo')).toEqual(['drop']);
    expect(kinds(raw, syn, 'prerouting eth0')).toEqual(['accept']);
  });

  test('whatever their priority, nat chains run where the NAT core does', () => {
    const late = chainOf('prerouting', [[{ dnat: { family: 'ip', addr: '10.9.0.1' } }]], { type: 'nat', priority: 10 });
    const between = chainOf('prerouting', [[is('ip', 'daddr', '10.9.0.1'), drop]], { table: 'u', priority: -50 });
    expect(kinds([...late, ...between], syn, 'prerouting eth0')).toEqual(['drop']);
  });

  describe('to a destination by chance', () => {
    const sentTo = (translation: unknown): unknown[] => {
      const tables = chainOf('prerouting', [[translation], [drop]], { type: 'nat', priority: -100 });
      return evaluateHook(tables, at('prerouting eth0'), syn, host).map(({ ending, packet: after }) => [
        ending.kind,
        after.destination,
        after.destinationPort,
      ]);
    };
    const number = { numgen: { mode: 'random', mod: 2 } };
    const to = (last: string, port: number) => ({ concat: [`10.9.0.${last}`, port] });

    test('it may be any that the map gives', () => {
      const data = {
        set: [
          [0, to('1', 81)],
          [1, to('2', 82)],
        ],
      };
      expect(sentTo({ dnat: { family: 'ip', addr: { map: { key: number, data } } } })).toEqual([
        ['accept', address('10.9.0.1'), 81],
        ['accept', address('10.9.0.2'), 82],
      ]);
    });

    test('the next rule has what the map lacks', () => {
      const data = { set: [[1, to('2', 82)]] };
      expect(sentTo({ dnat: { family: 'ip', addr: { map: { key: number, data } } } })).toEqual([
        ['drop', syn.destination, 80],
        ['accept', address('10.9.0.2'), 82],
      ]);
    });

    test('nobody knows it where the map is not known, nor the port', () => {
      expect(sentTo({ dnat: { family: 'ip', addr: { map: { key: number, data: '@gone' } } } })).toEqual([
        ['accept', null, null],
      ]);
    });

    test('a port that is picked is not the one that it has', () => {
      const port = { numgen: { mode: 'random', mod: 100, offset: 50 } };
      expect(sentTo({ dnat: { family: 'ip', addr: '10.9.0.1', port } })).toEqual([
        ['accept', address('10.9.0.1'), null],
      ]);
    });
  });

  test('a second nat chain is not asked once one has bound the connection', () => {
    const first = chainOf('prerouting', [[{ dnat: { family: 'ip', addr: '10.9.0.1' } }]], {
      type: 'nat',
      priority: -100,
    });
    const second = chainOf('prerouting', [[drop]], { table: 'u', type: 'nat', priority: -90 });
    expect(kinds([...first, ...second], syn, 'prerouting eth0')).toEqual(['accept']);
    const tracking = chainOf('input', [[state('new'), accept]], { table: 'v' });
    expect(kinds([...second, ...tracking], syn, 'prerouting eth0')).toEqual(['drop']);
  });

  test('where no rule needs connections there are none, and nat chains are never asked', () => {
    const dropping = chainOf('prerouting', [[drop]], { type: 'nat', priority: -100 });
    expect(kinds(dropping, syn, 'prerouting eth0')).toEqual(['accept']);
    const notrack = chainOf('prerouting', [[is('tcp', 'dport', 81), { notrack: null }]], { table: 'u' });
    expect(kinds([...dropping, ...notrack], syn, 'prerouting eth0')).toEqual(['accept']);
    for (const target of ['CT --notrack', 'NOTRACK']) {
      const raw = saved(`*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -s 10.9.9.9 -j ${target}\nCOMMIT`);
      expect(kinds([...dropping, ...raw], syn, 'prerouting eth0')).toEqual(['accept']);
    }
  });

  test('later hooks know it by its status and by its original tuple', () => {
    const [end] = evaluateHook(
      nat('-A PREROUTING -p tcp -j DNAT --to-destination 10.9.0.1:81'),
      at('prerouting eth0'),
      syn,
      host,
    );
    const after = end?.packet ?? syn;
    expect(
      kinds(filter('-A INPUT -m conntrack --ctstate DNAT --ctorigdst 10.0.0.2 --ctorigdstport 80 -j DROP'), after),
    ).toEqual(['drop']);
    expect(kinds(filter('-A INPUT -p tcp -m tcp --dport 80 -j DROP'), after)).toEqual(['accept']);
  });
});

test.each<[what: string, place: string, uid: number | null, match: string, expected: string]>([
  ['of a user', 'postrouting - eth0', 1000, '--uid-owner 1000', 'drop'],
  ['of another one', 'postrouting - eth0', 0, '! --uid-owner 1000', 'drop'],
  ['of nobody, as it is forwarded', 'postrouting eth1 eth0', null, '--uid-owner 1000', 'accept'],
  ['of nobody, which is not that user', 'postrouting eth1 eth0', null, '! --uid-owner 1000', 'drop'],
  ['of nobody, which is not that group', 'postrouting eth1 eth0', null, '! --gid-owner 0-100', 'drop'],
])('a rule for the sender of a packet %s', (_what, place, user, match, expected) => {
  const tables = saved(`*mangle\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -m owner ${match} -j DROP\nCOMMIT\n`);
  expect(kinds(tables, { ...syn, user, group: user }, place)).toEqual([expected]);
});

test('nft has no sender to compare with where there is none, a negated one neither', () => {
  const tables = chainOf('postrouting', [[meta('skuid', 1000, '!='), drop]]);
  expect(kinds(tables, syn, 'postrouting eth1 eth0')).toEqual(['accept']);
});

describe('marks are of 32 bits', () => {
  const shift = (operator: string, bits: number) => mark({ [operator]: [{ meta: { key: 'mark' } }, bits] });
  test.each<[title: string, expr: readonly unknown[], expected: bigint]>([
    ['to the left, over the end', [shift('<<', 16)], 0x50000n],
    ['to the right', [shift('>>', 16)], 0x7n],
  ])('%s', (_title, expr, expected) => {
    const sent = { ...syn, mark: 0x7_0005n };
    const [end] = evaluateHook(chainOf('input', [expr]), at('input eth0'), sent, hostWith({}));
    expect(end?.packet.mark).toBe(expected);
  });

  test.each<[options: string, ofPacket: bigint, ofConnection: bigint]>([
    ['--restore-mark --nfmask 0xffffffff --ctmask 0xff', 0x11n, 0x40_0011n],
    ['--restore-mark --nfmask 0xffffffff --ctmask 0xff --left-shift-mark 2', 0x44n, 0x40_0011n],
    ['--restore-mark --nfmask 0xffffffff --ctmask 0xffffffff --right-shift-mark 4', 0x4_0001n, 0x40_0011n],
    ['--restore-mark --nfmask 0xffffffff --ctmask 0xffffffff --left-shift-mark 12', 0x1_1000n, 0x40_0011n],
    ['--save-mark --nfmask 0xffffffff --ctmask 0xffff0000 --left-shift-mark 1', 0x3n, 0x17n],
    ['--set-xmark 0x5/0xffffffff --left-shift-mark 4', 0x3n, 0x50n],
  ])('CONNMARK %s', (options, ofPacket, ofConnection) => {
    const body = `*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j CONNMARK ${options}\nCOMMIT\n`;
    const sent = { ...syn, mark: 0x3n, connection: { ...syn.connection, tracked: true, mark: 0x40_0011n } };
    const [end] = evaluateHook(saved(body), at('prerouting eth0'), sent, hostWith({}));
    expect([end?.packet.mark, end?.packet.connection.mark]).toEqual([ofPacket, ofConnection]);
  });
});

const textOf = (flags: string): string => `table inet t { # handle 1\n${flags}\tchain c { # handle 1\n\t}\n}\n`;

test.each<[title: string, flags: object, text: string, expected: string]>([
  ['a table', {}, '', 'drop'],
  ['a dormant table, as nft says it', { flags: 'dormant' }, '', 'accept'],
  ['a dormant table, among other flags', { flags: ['owner', 'dormant'] }, '', 'accept'],
  ['a table with another flag', { flags: 'owner' }, '', 'drop'],
  ['a dormant table, as nft 1.0.6 lists it', { flags: 'filter' }, textOf('\tflags dormant\n\n'), 'accept'],
  ['a dormant table, among other flags in the text', { flags: [] }, textOf('\tflags owner,dormant\n\n'), 'accept'],
  ['a table with another flag in the text', { flags: 'dormant' }, textOf('\tflags owner\n\n'), 'drop'],
])('%s has its chains at the hooks or not', (_title, flags, text, expected) => {
  const chain = { family: 'inet', table: 't', name: 'c', handle: 1, type: 'filter', hook: 'input', prio: 0 };
  const nftables = [
    { table: { family: 'inet', name: 't', handle: 1, ...flags } },
    { chain: { ...chain, policy: 'drop' } },
  ];
  expect(kinds(listed(JSON.stringify({ nftables }), text), syn)).toEqual([expected]);
});

describe('connection tracking', () => {
  const line =
    'ipv4     2 tcp      6 431999 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 src=10.9.0.1 dst=10.0.0.1 sport=81 dport=40000 [ASSURED] mark=7 use=1';
  const entries = parseConnections(line);
  const ack = { ...syn, tcpFlags: 16 };

  test('before conntrack a packet is invalid, and a rule that takes it off makes it untracked', () => {
    const raw = (rules: readonly (readonly unknown[])[]) =>
      chainOf('prerouting', rules, { table: 'raw', priority: -300 });
    expect(kinds(raw([[state('new'), drop]]), syn, 'prerouting eth0')).toEqual(['accept']);
    expect(kinds(raw([[state('invalid'), drop]]), syn, 'prerouting eth0')).toEqual(['drop']);
    const later = chainOf('prerouting', [[state('untracked'), drop]], { table: 'late', priority: 0 });
    expect(kinds([...raw([[{ notrack: null }]]), ...later], syn, 'prerouting eth0')).toEqual(['drop']);
    const nat = chainOf('prerouting', [[{ dnat: { addr: '10.9.0.1' } }]], {
      table: 'nat',
      type: 'nat',
      priority: -100,
    });
    const [end] = evaluateHook([...raw([[{ notrack: null }]]), ...nat], at('prerouting eth0'), syn, hostWith({}));
    expect(end?.packet.destination).toBe(syn.destination);
  });

  test('an entry gives state, mark and translation, in both directions', () => {
    const connection = connectionOf(ack, [], entries);
    expect(connection).toMatchObject({ state: 'established', direction: 'original', mark: 7n });
    const forth = { ...ack, connection: connection ?? ack.connection };
    expect(evaluateHook([], at('prerouting eth0'), forth, hostWith({}))[0]?.packet).toMatchObject({
      destination: address('10.9.0.1'),
      destinationPort: 81,
    });
    const answer = packet('tcp 10.9.0.1:81 > 10.0.0.1:40000', { tcpFlags: 18 });
    const back = { ...answer, connection: connectionOf(answer, [], entries) ?? answer.connection };
    expect(back.connection.direction).toBe('reply');
    expect(evaluateHook([], at('postrouting eth1 eth0'), back, hostWith({}))[0]?.packet).toMatchObject({
      source: address('10.0.0.2'),
      sourcePort: 80,
    });
  });

  test.each<[title: string, sent: NetfilterPacket, entry: string, expected: string | null]>([
    ['another port is another connection', packet('tcp 10.0.0.1:40001 > 10.0.0.2:80'), line, null],
    ['without an answer it is new still', ack, line.replace(' src=10.9.0.1', ' [UNREPLIED] src=10.9.0.1'), 'new'],
    ['a SYN into an old one begins anew', syn, line.replace('ESTABLISHED', 'TIME_WAIT'), null],
    ['and one into a closed one', syn, line.replace('ESTABLISHED', 'CLOSE'), null],
    [
      'a SYN into one whose end is not acknowledged yet is a part of it',
      syn,
      line.replace('ESTABLISHED', 'LAST_ACK'),
      'established',
    ],
    ['a SYN into one that stands is a part of it', syn, line, 'established'],
    ['an echo is of none that is shown', packet('icmp 10.0.0.1 > 10.0.0.2'), line, null],
  ])('%s', (_title, sent, entry, expected) => {
    expect(connectionOf(sent, [], parseConnections(entry))?.state ?? null).toBe(expected);
  });
});

test('the trail names the rules that matched, jumps and all', () => {
  const tables = filter('-A INPUT -s 10.0.0.9 -j a\n-A INPUT -j b\n-A b -m mark --mark 0\n-A b -j DROP');
  const [end] = evaluateHook(tables, at('input eth0'), syn, hostWith({}));
  expect(end?.trail.map(({ reference }) => `${reference.chain} ${reference.rule?.position}`)).toEqual([
    'INPUT 2',
    'b 1',
    'b 2',
  ]);
});

test('whatever the rules are, every packet meets an end', () => {
  const chains = ['INPUT', 'a', 'b'];
  const match = fc.constantFrom(
    '',
    '-s 10.0.0.1',
    '! -s 10.0.0.1',
    '-p tcp',
    '-p udp',
    '-m mark --mark 1',
    '-m conntrack --ctstate NEW',
    '-m limit --limit 1/s',
    '-m set --match-set x src',
    '-m ttl --ttl-eq 5',
  );
  const target = fc.constantFrom(
    '-j ACCEPT',
    '-j DROP',
    '-j RETURN',
    '-j REJECT',
    '-j a',
    '-j b',
    '-g a',
    '-g b',
    '-j MARK --set-xmark 0x1/0x1',
    '-j CONNMARK --save-mark',
    '-j LOG',
    '-j UNKNOWN',
    '',
  );
  const rule = fc
    .tuple(fc.constantFrom(...chains), match, target)
    .map(([chain, matched, then]) => `-A ${chain} ${matched} ${then}`);
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 25 }), (rules) => {
      const ends = evaluateHook(
        filter(rules.join('\n')),
        at('input eth0'),
        firstPacket({ family: 4, protocol: 6 }),
        hostWith({}),
      );
      expect(ends.length).toBeGreaterThan(0);
      expect(ends.every((end) => describeOutcome(end) !== '')).toBe(true);
    }),
    { numRuns: 500 },
  );
});
