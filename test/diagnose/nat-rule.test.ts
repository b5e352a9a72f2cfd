import { describe, expect, it } from 'vitest';
import { addNatRule, type NatRule, natTableOf } from '../../src/diagnose/nat-rule.ts';
import type { RuleTable } from '../../src/host/netfilter.ts';
import { ruleName } from '../../src/model/hook.ts';
import { journey } from '../../src/model/journey.ts';
import type { RuleReference } from '../../src/model/netfilter/state.ts';
import { host, packetTo } from '../model/hosts.ts';
import { chainOf } from '../model/netfilter/tables.ts';
import { box, bridgeHost } from '../model/two-boxes.ts';
import { ipRules } from './on-host.ts';

type Tables = readonly RuleTable[];

const masquerade: NatRule = {
  family: 4,
  hook: 'postrouting',
  iptables: ['-s', '10.88.0.0/16', '-o', 'eth0', '-j', 'MASQUERADE'],
  nft: ['ip', 'saddr', '10.88.0.0/16', 'oifname', 'eth0', 'masquerade'],
};
const iptables = ipRules('iptables', 'nat', ':POSTROUTING ACCEPT [0:0]');
const legacy = ipRules('iptables-legacy', 'nat', ':POSTROUTING ACCEPT [0:0]');
const publish = chainOf('prerouting', [[{ dnat: { family: 'ip', addr: '10.88.0.20' } }]], {
  type: 'nat',
  priority: -100,
  table: 'publish',
});

/** The rule of these tables that translates what comes in. */
function translatingRule(ruleTables: Tables): RuleReference {
  const way = journey(host(box(), bridgeHost({ ruleTables })), packetTo('10.88.0.1'), 'box');
  const rule = way.steps.find(({ verdict }) => verdict === 'translated')?.rule;
  if (rule === undefined) throw new Error('no rule translates the packet');
  return rule;
}

describe('where a NAT rule belongs', () => {
  it.each<[string, Tables, RuleReference | null, 4 | 6, string]>([
    ['the host uses nothing', [], null, 4, 'nft: nft table ip nettrace'],
    ['the host uses nothing, and it is IPv6', [], null, 6, 'nft: nft table ip6 nettrace'],
    ['iptables has a NAT table', iptables, null, 4, 'iptables: iptables-nft table ip nat'],
    ['legacy iptables has one', legacy, null, 4, 'iptables-legacy: iptables-legacy table ip nat'],
    ['iptables has one, of the other family', iptables, null, 6, 'nft: nft table ip6 nettrace'],
    [
      'iptables has other tables alone',
      ipRules('iptables', 'filter', ':INPUT ACCEPT [0:0]'),
      null,
      4,
      'nft: nft table ip nettrace',
    ],
    ['a rule of nftables translates', iptables, translatingRule(publish), 4, 'nft: nft table inet publish'],
  ])('%s', (_name, tables, beside, family, expected) => {
    const { program, engine, family: its, name } = natTableOf(tables, family, beside);
    expect(`${engine === 'nft' ? 'nft' : program}: ${engine} table ${its} ${name}`).toBe(expected);
  });
});

describe('one more NAT rule', () => {
  it.each<[string, Tables, string[]]>([
    [
      'makes its table and chain',
      [],
      [
        'nft add table ip nettrace',
        "nft add chain ip nettrace postrouting '{ type nat hook postrouting priority 100; }'",
        'nft add rule ip nettrace postrouting ip saddr 10.88.0.0/16 oifname eth0 masquerade',
      ],
    ],
    [
      'uses the chain that is there',
      iptables,
      ['iptables -t nat -A POSTROUTING -s 10.88.0.0/16 -o eth0 -j MASQUERADE'],
    ],
    ['by legacy iptables', legacy, ['iptables-legacy -t nat -A POSTROUTING -s 10.88.0.0/16 -o eth0 -j MASQUERADE']],
  ])('%s', (_name, ruleTables, commands) => {
    const state = host(box(), bridgeHost({ ruleTables }));
    const change = addNatRule(state, 'host', natTableOf(ruleTables, 4, null), masquerade);
    expect(change?.commands).toEqual(commands);
    const steps = journey(change?.host ?? state, packetTo('203.0.113.9'), 'box').steps;
    expect(steps.find(({ verdict }) => verdict === 'translated')?.detail).toContain('192.0.2.7');
    const before = journey(state, packetTo('203.0.113.9'), 'box').steps;
    expect(before.some(({ verdict }) => verdict === 'translated')).toBe(false);
  });

  it('of IPv6 in a table of both families works in the model', () => {
    const tables = chainOf('postrouting', [], { type: 'nat', priority: 100, table: 'mine' });
    const six = ['-s', 'fd00:88::/64', '-o', 'eth0', '-j', 'SNAT', '--to-source', '2001:db8::7'];
    const rule: NatRule = { family: 6, hook: 'postrouting', iptables: six, nft: ['masquerade'] };
    const place = { engine: 'nft', family: 'inet', name: 'mine', program: 'nft' } as const;
    const state = host(box(), bridgeHost({ ruleTables: tables }));
    const changed = addNatRule(state, 'host', place, rule)?.host ?? state;
    const steps = journey(changed, packetTo('2001:db8::9'), 'box').steps;
    expect(steps.find(({ verdict }) => verdict === 'translated')?.detail).toContain('2001:db8::7');
  });

  it('of nftables goes to the chain that hangs at the hook, whatever its name', () => {
    const tables = chainOf('postrouting', [], { type: 'nat', priority: 100, family: 'ip', table: 'mine' });
    const state = host(box(), bridgeHost({ ruleTables: tables }));
    const place = { engine: 'nft', family: 'ip', name: 'mine', program: 'nft' } as const;
    expect(addNatRule(state, 'host', place, masquerade)?.commands).toEqual([
      'nft add rule ip mine c ip saddr 10.88.0.0/16 oifname eth0 masquerade',
    ]);
  });

  it.each([
    ['nft', 'nft add rule ip nat c ip saddr 10.88.0.0/16 oifname eth0 masquerade'],
    ['iptables-nft', 'iptables -t nat -A POSTROUTING -s 10.88.0.0/16 -o eth0 -j MASQUERADE'],
  ] as const)('of %s, in a table where both tools have chains, goes to its own', (engine, command) => {
    const [mine] = chainOf('postrouting', [], { type: 'nat', priority: 100, family: 'ip', table: 'nat' });
    const ruleTables = iptables.map((table) => {
      const added = [...(mine?.chains.values() ?? [])].map((one) => ({ ...one, listedBy: 'nft -j list ruleset' }));
      return { ...table, chains: new Map([...added, ...table.chains.values()].map((one) => [one.name, one])) };
    });
    const place = { engine, family: 'ip', name: 'nat', program: 'iptables' } as const;
    const change = addNatRule(host(box(), bridgeHost({ ruleTables })), 'host', place, masquerade);
    expect(change?.commands).toEqual([command]);
    const steps = change === null ? [] : journey(change.host, packetTo('203.0.113.9'), 'box').steps;
    expect(steps.find(({ verdict }) => verdict === 'translated')?.rule?.engine).toBe(engine);
  });

  it('stands behind the others', () => {
    const own = '-A POSTROUTING -o eth0 -j SNAT --to-source 192.0.2.99';
    const ruleTables = ipRules('iptables', 'nat', ':POSTROUTING ACCEPT [0:0]', own);
    const state = host(box(), bridgeHost({ ruleTables }));
    const change = addNatRule(state, 'host', natTableOf(ruleTables, 4, null), masquerade);
    const rule = journey(change?.host ?? state, packetTo('203.0.113.9'), 'box').steps.find(
      ({ verdict }) => verdict === 'translated',
    )?.rule;
    expect(rule && ruleName(rule)).toBe('rule 1 of chain POSTROUTING in table ip nat');
  });

  it('is none in a namespace that is not there', () => {
    expect(addNatRule(host(box()), 'gone', natTableOf([], 4, null), masquerade)).toBeNull();
  });

  it('has no command where a name cannot be pasted', () => {
    const hostile: NatRule = {
      ...masquerade,
      iptables: ['-o', 'eth\u001b', '-j', 'MASQUERADE'],
      nft: ['oifname', 'eth\u001b', 'masquerade'],
    };
    const change = addNatRule(host(bridgeHost()), 'host', natTableOf([], 4, null), hostile);
    expect(change?.commands).toEqual([]);
  });
});
