import { describe, expect, test } from 'vitest';
import { parseFirewall } from '../../../src/host/parse/firewall.ts';
import { Sections } from '../../../src/host/parse/section.ts';
import { parseXtablesSave } from '../../../src/host/parse/xtables.ts';
import type { CommandOutput } from '../../../src/host/snapshot.ts';
import { printed, recordedSnapshot } from '../sample.ts';

function firewall(outputs: readonly CommandOutput[]) {
  return parseFirewall(new Sections({ name: 'host', inode: 1, container: null, outputs }));
}

const noLegacy = [printed('cat /proc/net/ip_tables_names', ''), printed('cat /proc/net/ip6_tables_names', '')];
const noNft = '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}\n';
const failed = (command: string, error: string): CommandOutput => ({ command, exitCode: 1, text: '', error });

describe('a recorded namespace with nft, iptables on nft and legacy tables', () => {
  const [namespace] = recordedSnapshot('two-namespaces').namespaces;
  const { firewallHooks, firewallKnown, firewallSource } = firewall(namespace?.outputs ?? []);
  const rows = firewallHooks.map(({ family, table, chain, hook, priority, device, policy, ...may }) => {
    const effects = [
      may.mayDrop && 'drop',
      may.mayReject && 'reject',
      may.mayTranslate && 'translate',
      may.mayDoUnknown && 'unknown',
    ];
    return `${family} ${table} ${chain}: ${hook} ${priority} ${device} ${policy} [${effects.filter(Boolean).join(' ')}]`;
  });

  test('every hook is there with what it may do', () => {
    expect(rows).toEqual([
      'ip filter FORWARD: forward 0 null drop [drop]',
      'ip filter INPUT: input 0 null accept [reject]',
      'ip nat PREROUTING: prerouting -100 null accept [translate]',
      'ip nat POSTROUTING: postrouting 100 null accept [translate]',
      'inet own input: input 5 null accept [drop reject]',
      'inet own pre: prerouting -100 null accept [translate]',
      'inet own out: output 0 null accept [translate]',
      'bridge bb fwdd: forward 0 null accept [drop]',
      'netdev nd ing: ingress 0 v0 drop [drop]',
      'ip filter INPUT: input 0 null accept [drop]',
      'ip filter FORWARD: forward 0 null accept []',
      'ip filter OUTPUT: output 0 null accept []',
    ]);
    expect(firewallKnown).toBe(true);
    expect(firewallSource?.text).toContain('table ip filter { chain FORWARD { type filter hook forward');
  });

  test("rules are quoted in their own tool's words", () => {
    expect(
      firewallHooks.flatMap(({ decisiveRules }) => decisiveRules.map(({ command, text }) => `${command}: ${text}`)),
    ).toEqual([
      'iptables-save -c: [0:0] -A FORWARD -s 10.88.0.2/32 -d 10.88.0.3/32 -m comment --comment "a -j DROP b" -j DROP',
      'iptables-save -c: :FORWARD DROP [0:0]',
      'iptables-save -c: [0:0] -A MYCH -j REJECT --reject-with icmp-port-unreachable',
      'iptables-save -c: [0:0] -A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.88.0.10:80',
      'iptables-save -c: [2:168] -A POSTROUTING -s 10.88.0.0/16 -j MASQUERADE',
      'nft -a list ruleset: table inet own { chain input { ip saddr vmap @verdicts # handle 10 } }',
      'nft -a list ruleset: table inet own { chain input { ct state vmap { invalid : drop, established : accept, new : goto inner } # handle 12 } }',
      'nft -a list ruleset: table inet own { chain inner { tcp dport { 22, 23 } reject with tcp reset comment "no # handle 7" # handle 8 } }',
      'nft -a list ruleset: table inet own { chain pre { tcp dport 81 redirect to :82 # handle 13 } }',
      'nft -a list ruleset: table inet own { chain out { ip daddr 10.9.9.9 ip daddr set 10.9.9.8 # handle 14 } }',
      'nft -a list ruleset: table bridge bb { chain fwdd { ether saddr 02:00:00:00:00:01 drop # handle 2 } }',
      'nft -a list ruleset: table netdev nd { chain ing { type filter hook ingress device "v0" priority filter; policy drop; } }',
      'iptables-legacy-save -c: [0:0] -A INPUT -s 10.9.9.9/32 -j DROP',
    ]);
  });
});

describe('how much is known', () => {
  test('no rule anywhere: known, and the command that shows it is quoted', () => {
    expect(firewall([printed('nft -j list ruleset', noNft), ...noLegacy])).toEqual({
      firewallHooks: [],
      firewallKnown: true,
      firewallSource: { netns: 'host', command: 'nft -j list ruleset', text: noNft.trim() },
    });
  });

  test('a kernel without nf_tables has no nft rules', () => {
    const error = "ls: cannot access '/sys/module/nf_tables': No such file or directory";
    expect(firewall([failed('ls -d /sys/module/nf_tables', error), ...noLegacy])).toEqual({
      firewallHooks: [],
      firewallKnown: true,
      firewallSource: { netns: 'host', command: 'ls -d /sys/module/nf_tables', text: error },
    });
  });

  test.each<[title: string, outputs: CommandOutput[], known: boolean]>([
    ['nothing was collected', [], false],
    ['nft is not allowed', [failed('nft -j list ruleset', 'Operation not permitted'), ...noLegacy], false],
    ['nft prints no JSON', [printed('nft -j list ruleset', '{'), ...noLegacy], false],
    [
      'ip_tables was never loaded',
      [
        printed('nft -j list ruleset', noNft),
        failed('cat /proc/net/ip_tables_names', 'cat: /proc/net/ip_tables_names: No such file or directory'),
        failed('cat /proc/net/ip6_tables_names', 'cat: /proc/net/ip6_tables_names: No such file or directory'),
      ],
      true,
    ],
    [
      'the names of legacy tables may not be read',
      [printed('nft -j list ruleset', noNft), failed('cat /proc/net/ip_tables_names', 'Permission denied')],
      false,
    ],
    [
      'a legacy table was not saved',
      [
        printed('nft -j list ruleset', noNft),
        printed('cat /proc/net/ip_tables_names', 'filter\nnat\n'),
        printed(
          'iptables-legacy-save -c',
          '# Generated by iptables-save v1.8.9 on Sat\n*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n',
        ),
        printed('cat /proc/net/ip6_tables_names', ''),
      ],
      false,
    ],
  ])('%s', (_title, outputs, known) => {
    expect(firewall(outputs).firewallKnown).toBe(known);
  });

  test('without nft, what iptables on nft saved still counts', () => {
    const save = '# Generated by iptables-save v1.8.9 (nf_tables) on Sat\n*filter\n:INPUT DROP [0:0]\nCOMMIT\n';
    const { firewallHooks, firewallKnown } = firewall([printed('iptables-save -c', save), ...noLegacy]);
    expect(firewallHooks).toMatchObject([{ family: 'ip', chain: 'INPUT', mayDrop: true, policy: 'drop' }]);
    expect(firewallKnown).toBe(false);
  });
});

test('a save: jumps, gotos, targets and comments that look like them', () => {
  const [table] = parseXtablesSave(
    [
      '*filter',
      ':INPUT ACCEPT [1:2]',
      ':own - [0:0]',
      '[0:0] -A INPUT -m comment --comment "-j \\"DROP" -j own',
      '-A INPUT -g own',
      '-A own -j NFQUEUE --queue-num 0',
      '-A own -m comment --comment -j',
      '-A nowhere -j DROP',
      'COMMIT',
    ].join('\n'),
  );
  const summary = [...(table?.chains.values() ?? [])].map(({ name, policy, rules }) => ({
    name,
    policy,
    rules: rules.map(({ chains, effects }) => [
      ...chains,
      ...(effects.unknown ? ['?'] : []),
      ...(effects.drop ? ['drop'] : []),
    ]),
  }));
  expect(summary).toEqual([
    { name: 'INPUT', policy: 'accept', rules: [['own'], ['own']] },
    { name: 'own', policy: null, rules: [['?'], []] },
  ]);
});
