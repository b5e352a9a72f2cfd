import { describe, expect, it } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import type { HostState, NamespaceState } from '../../src/host/state.ts';
import { host, link, loopback, namespace, neighbour } from '../model/hosts.ts';
import { chainOf } from '../model/netfilter/tables.ts';
import { box, bridgeHost, uplinkedHost } from '../model/two-boxes.ts';
import { macOf, router, vtep } from '../model/vteps.ts';

import { fixesOf, ipRules, judged, predicted } from './on-host.ts';

type Tables = readonly RuleTable[];

const drop80 = (chain: string): string => `-A ${chain} -p tcp -m tcp --dport 80 -j DROP`;
const input = (...lines: readonly string[]): Tables => ipRules('iptables', 'filter', ':INPUT ACCEPT [0:0]', ...lines);

/** The host, asked for its own port 80. */
const served = (ruleTables: Tables): HostState =>
  host(
    box({ routes: ['10.88.0.0/16 dev eth0', 'fd00:88::/64 dev eth0'] }),
    bridgeHost({ ruleTables, listeners: ['tcp *:80'], routes: ['10.88.0.0/16 dev br0', 'fd00:88::/64 dev br0'] }),
  );

/** A router between box and a server that knows the way back. */
function routed(ruleTables: Tables): HostState {
  const outside: NamespaceState = namespace('outside', {
    links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
    routes: ['192.0.2.0/24 dev eth0', 'default via 192.0.2.7 dev eth0'],
    listeners: ['tcp 0.0.0.0:80'],
  });
  return host(box(), uplinkedHost({ ruleTables }), outside);
}

const dockers = (...rules: readonly string[]): Tables =>
  ipRules(
    'iptables',
    'filter',
    ':FORWARD DROP [0:0]',
    ':DOCKER-USER - [0:0]',
    ':DOCKER - [0:0]',
    '-A FORWARD -j DOCKER-USER',
    '-A FORWARD -j DOCKER',
    ...rules,
    '-A DOCKER -j DROP',
  );

describe('a rule that lets just this packet pass', () => {
  const pass = '-s 10.88.0.10 -d 10.88.0.1 -p tcp -m tcp --dport 80 -j ACCEPT';
  const nftPass = 'ip saddr 10.88.0.10 ip daddr 10.88.0.1 tcp dport 80 accept';

  it.each<[string, Tables, string]>([
    ['in front of the first rule', input(drop80('INPUT')), `iptables -I INPUT 1 ${pass}`],
    [
      'in front of a later rule',
      input('-A INPUT -p udp -j DROP', '-A INPUT -i lo -j ACCEPT', drop80('INPUT')),
      `iptables -I INPUT 3 ${pass}`,
    ],
    [
      'behind the rules, before the policy',
      ipRules('iptables', 'filter', ':INPUT DROP [0:0]'),
      `iptables -A INPUT ${pass}`,
    ],
    [
      'by legacy iptables',
      ipRules('iptables-legacy', 'filter', ':INPUT ACCEPT [0:0]', drop80('INPUT')),
      `iptables-legacy -I INPUT 1 ${pass}`,
    ],
    [
      'in another table than filter',
      ipRules('iptables', 'mangle', ':PREROUTING ACCEPT [0:0]', drop80('PREROUTING')),
      `iptables -t mangle -I PREROUTING 1 ${pass}`,
    ],
    [
      'in a chain that another jumps to',
      input(':mine - [0:0]', '-A INPUT -j mine', drop80('mine')),
      `iptables -I mine 1 ${pass}`,
    ],
    [
      'by nftables, by its handle',
      chainOf('input', [[{ drop: null }]]),
      `nft insert rule inet t c handle 2 ${nftPass}`,
    ],
    ['by nftables, before the policy', chainOf('input', [], { policy: 'drop' }), `nft add rule inet t c ${nftPass}`],
  ])('%s', (_name, tables, command) => {
    expect(fixesOf(predicted(served(tables), '10.88.0.1'))).toEqual([`host# ${command}`, 'verified']);
  });

  it('is one of a ping, too', () => {
    const tables = input('-A INPUT -p icmp -j DROP');
    expect(fixesOf(predicted(served(tables), '10.88.0.1', { protocol: 'icmp', destinationPort: 0 }))).toEqual([
      'host# iptables -I INPUT 1 -s 10.88.0.10 -d 10.88.0.1 -p icmp -j ACCEPT',
      'verified',
    ]);
  });

  it('is one of IPv6', () => {
    const port80 = { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: 80 } };
    const tables = chainOf('input', [[port80, { drop: null }]]);
    expect(fixesOf(predicted(served(tables), 'fd00:88::1'))).toEqual([
      'host# nft insert rule inet t c handle 2 ip6 saddr fd00:88::10 ip6 daddr fd00:88::1 tcp dport 80 accept',
      'verified',
    ]);
  });

  it('is not verified where a table behind it drops the packet as well', () => {
    const tables = [...input(drop80('INPUT')), ...chainOf('input', [], { policy: 'drop', priority: 10 })];
    expect(fixesOf(predicted(served(tables), '10.88.0.1')).at(-1)).toBe('not verified');
  });

  it.each<[string, HostState, string | null]>([
    [
      'another rule',
      served([...input(drop80('INPUT')), ...chainOf('input', [], { policy: 'drop', priority: 10 })]),
      'on the host, the policy of chain c in table inet t drops what no rule takes',
    ],
    [
      'that nobody listens',
      host(box(), bridgeHost({ ruleTables: input(drop80('INPUT')) })),
      'on the host, no socket takes 10.88.0.1:80',
    ],
    [
      'a rule against the answer',
      served([...input(drop80('INPUT')), ...ipRules('iptables', 'raw', ':OUTPUT DROP [0:0]')]),
      'on the host, the policy of chain OUTPUT in table ip raw drops what no rule takes',
    ],
    [
      'nothing that is certain',
      served([
        ...input(drop80('INPUT')),
        ...chainOf('input', [[{ limit: { rate: 1, per: 'second' } }, { drop: null }]], { priority: 10 }),
      ]),
      null,
    ],
  ])('says what is in the way behind it: %s', (_name, state, left) => {
    const [fix] = predicted(state, '10.88.0.1').fixes;
    expect(fix?.verified).toBe(false);
    const said = /That alone will not do: by the model of this host, (.*)\.$/.exec(fix?.summary ?? '');
    expect(said?.[1] ?? null).toBe(left);
  });

  it('comes with one for the answers, where they pass by the same chain', () => {
    const tables = ipRules('iptables', 'filter', ':FORWARD DROP [0:0]');
    expect(fixesOf(predicted(routed(tables), '192.0.2.1'))).toEqual([
      'host# iptables -A FORWARD -s 10.88.0.10 -d 192.0.2.1 -p tcp -m tcp --dport 80 -j ACCEPT',
      'host# iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      'verified',
    ]);
  });
});

describe('a rule that lets answers come back', () => {
  it.each<[string, Tables, string]>([
    [
      'iptables',
      ipRules('iptables', 'filter', ':FORWARD DROP [0:0]', '-A FORWARD -i br0 -j ACCEPT'),
      'iptables -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    ],
    [
      'nftables',
      chainOf('forward', [
        [{ match: { op: '==', left: { meta: { key: 'iifname' } }, right: 'eth0' } }, { drop: null }],
      ]),
      'nft insert rule inet t c handle 2 ct state established,related accept',
    ],
  ])('by %s', (_name, tables, command) => {
    const connection = predicted(routed(tables), '192.0.2.1');
    expect(connection.cause).toBe('firewall-drop-reply');
    expect(fixesOf(connection)).toEqual([`host# ${command}`, 'verified']);
  });
});

describe('a rule that the model passes, and the kernel names', () => {
  const sometimes = chainOf('forward', [[{ limit: { rate: 10, per: 'second' } }, { drop: null }]]);
  const masquerade = ipRules('iptables', 'nat', ':POSTROUTING ACCEPT [0:0]', '-A POSTROUTING -o eth0 -j MASQUERADE');
  const state = host(box(), bridgeHost({ ruleTables: [...sometimes, ...masquerade] }));

  it('is mended for the packet as it was there, before later rules translate it', () => {
    const traced = [
      'trace id 7e0b06d7 inet t c packet: iif "br0" oif "eth0" ip saddr 10.88.0.10 ip daddr 203.0.113.5 ip ttl 63 ip id 0 tcp sport 51054 tcp dport 80 tcp flags == syn tcp window 64240 ',
      'trace id 7e0b06d7 inet t c rule limit rate 10/second drop # handle 2 (verdict drop)',
    ];
    const connection = judged(state, { to: '203.0.113.5:80', at: ['box:eth0', 'host:br0'], traced });
    expect(connection).toMatchObject({ cause: 'firewall-drop', certainty: 'proven' });
    expect(fixesOf(connection)).toEqual([
      'host# nft insert rule inet t c handle 2 ip saddr 10.88.0.10 ip daddr 203.0.113.5 tcp dport 80 accept',
      'host# nft insert rule inet t c handle 2 ct state established,related accept',
      'not verified',
    ]);
  });
});

describe('rules that let the packets of a tunnel pass', () => {
  const closed = (rule: string): Tables => ipRules('iptables', 'filter', ':FORWARD ACCEPT [0:0]', `-A FORWARD ${rule}`);
  const knows = (last: number) => ({ neighbours: [neighbour(`10.1.0.${last}`, 'vx0', macOf(last))] });
  /** Asked for by `a`, with the rule at the router; by static neighbours, or as it comes. */
  const asked = (rule: string, isKnown: boolean) => {
    const ends = isKnown ? [vtep('a', { more: knows(2) }), vtep('b', { more: knows(1) })] : [vtep('a'), vtep('b')];
    return predicted(host(...ends, router({ ruleTables: closed(rule) })), '10.1.0.2', {}, 'a');
  };
  const pass = (from: string, to: string): string =>
    `router# iptables -I FORWARD 1 -s ${from} -d ${to} -p udp -m udp --dport 4789 -j ACCEPT`;

  it.each(['DROP', 'REJECT'])('both ways, where %s stops either', (target) => {
    const connection = asked(`-p udp -m udp --dport 4789 -j ${target}`, true);
    expect(connection).toMatchObject({ outcome: 'timeout', cause: 'firewall-drop', where: { netns: 'router' } });
    expect(connection.explanation.join(' ')).toContain('which carries VXLAN network 42');
    expect(fixesOf(connection)).toEqual([
      pass('192.0.2.2', '198.51.100.2'),
      pass('198.51.100.2', '192.0.2.2'),
      'verified',
    ]);
  });

  it('one way, where only that is stopped', () => {
    const connection = asked('-i e0 -p udp -j DROP', true);
    expect(fixesOf(connection)).toEqual([pass('192.0.2.2', '198.51.100.2'), 'verified']);
  });

  it('for answers alone, where those are stopped', () => {
    const connection = asked('-i e1 -p udp -j DROP', true);
    expect(connection).toMatchObject({ outcome: 'timeout', cause: 'firewall-drop-reply' });
    expect(fixesOf(connection)).toEqual([pass('198.51.100.2', '192.0.2.2'), 'verified']);
  });

  it('where the answer to the question for a neighbour is lost', () => {
    const connection = asked('-i e1 -p udp -j DROP', false);
    expect(connection).toMatchObject({ outcome: 'unreachable', cause: 'firewall-drop' });
    expect(connection.explanation.join(' ')).toContain('That was heard, and the answer did not come back.');
    expect(fixesOf(connection)).toEqual([pass('198.51.100.2', '192.0.2.2'), 'verified']);
  });

  it('where the question for a neighbour is lost', () => {
    const connection = asked('-p udp -j DROP', false);
    expect(connection).toMatchObject({ outcome: 'unreachable', errno: 'EHOSTUNREACH', cause: 'firewall-drop' });
    expect(connection.explanation.join(' ')).toContain('Nobody heard that, so nobody answered.');
    expect(fixesOf(connection).at(-1)).toBe('verified');
  });
});

describe('who writes the chain', () => {
  /** The words of the fix about the chain's owner. */
  const said = (state: HostState, to = '10.88.0.1'): string => predicted(state, to).fixes[0]?.summary ?? '';
  const jumping = (chain: string): Tables => input(`:${chain} - [0:0]`, `-A INPUT -j ${chain}`, drop80(chain));

  it.each<[string, Tables]>([
    ['ufw', jumping('ufw-user-input')],
    ['firewalld', chainOf('input', [[{ drop: null }]], { table: 'firewalld' })],
    ['Podman', jumping('NETAVARK_INPUT')],
    ['Kubernetes', jumping('KUBE-FIREWALL')],
    ['libvirt', jumping('LIBVIRT_INP')],
  ])('%s is told to say the same', (owner, tables) => {
    expect(said(served(tables))).toContain(
      `The chain belongs to ${owner}, which loses what is added beside it when it writes its rules again: to keep it, say the same to ${owner}.`,
    );
  });

  it('nobody in particular', () => {
    expect(said(served(jumping('mine')))).toContain('add it where the rules of this machine are written.');
  });

  it.each<[string, Tables, string]>([
    ['in front of the rules of', dockers('-A DOCKER-USER -j RETURN'), '-I DOCKER-USER 1'],
    ['at the end of an empty', dockers(), '-A DOCKER-USER'],
  ])('Docker leaves a chain to its users: %s DOCKER-USER', (_name, tables, place) => {
    const connection = predicted(routed(tables), '192.0.2.1');
    expect(connection.where?.rule?.chain).toBe('DOCKER');
    expect(fixesOf(connection)).toEqual([
      `host# iptables ${place} -s 10.88.0.10 -d 192.0.2.1 -p tcp -m tcp --dport 80 -j ACCEPT`,
      `host# iptables ${place} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      'verified',
    ]);
    expect(connection.fixes[0]?.summary).not.toContain('belongs to Docker');
  });

  it('Docker, where it has no such chain', () => {
    const tables = ipRules(
      'iptables',
      'filter',
      ':FORWARD ACCEPT [0:0]',
      ':DOCKER - [0:0]',
      '-A FORWARD -j DOCKER',
      '-A DOCKER -j DROP',
    );
    expect(said(routed(tables), '192.0.2.1')).toContain('The chain belongs to Docker');
  });
});
