import { describe, expect, it } from 'vitest';
import { parseConnections } from '../../src/host/parse/netfilter/connections.ts';
import type { HostState } from '../../src/host/state.ts';
import { host, link, loopback, namespace } from '../model/hosts.ts';
import { box, forwarding, uplinkedHost, web } from '../model/two-boxes.ts';
import { fixesOf, ipRules, judged, predicted, verdictOf } from './on-host.ts';

const outside = namespace('outside', {
  links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
  routes: ['192.0.2.0/24 dev eth0'],
  listeners: ['tcp 0.0.0.0:80'],
});
const masquerade = (ports = '') =>
  ipRules(
    'iptables',
    'nat',
    ':POSTROUTING ACCEPT [0:0]',
    `-A POSTROUTING -s 10.88.0.0/16 -p tcp -j MASQUERADE${ports}`,
  );
const asks = { to: '192.0.2.1:80', at: ['box:eth0', 'host:veth0'], captured: ['box:eth0', 'host:veth0', 'host:eth0'] };
const named = 'NETFILTER_DROP';

function verdict(hosts: HostState, more: Parameters<typeof judged>[1] = {}): string {
  return verdictOf(judged(hosts, { ...asks, ...more }));
}

/** An entry that has a port of the host towards a server. */
const entry = (port: number, more: { state?: string; server?: string; client?: number } = {}): string => {
  const { state = 'ESTABLISHED', server = '192.0.2.1', client = 40_000 + port } = more;
  return `ipv4     2 tcp      6 300 ${state} src=10.88.0.10 dst=${server} sport=${client} dport=80 src=${server} dst=192.0.2.7 sport=80 dport=${port} [ASSURED] mark=0 use=1 id=${port}`;
};

const counted = (count: number, limit: number, connections = ''): HostState =>
  host(
    box(),
    web(),
    outside,
    uplinkedHost({
      ruleTables: masquerade(),
      connections: parseConnections(connections),
      sysctls: {
        ...forwarding,
        'net.ipv4.conf.eth0.forwarding': '1',
        'net.netfilter.nf_conntrack_count': String(count),
        'net.netfilter.nf_conntrack_max': String(limit),
      },
    }),
  );

const translating = (ports: string, ...entries: readonly string[]): HostState =>
  host(
    box(),
    web(),
    outside,
    uplinkedHost({ ruleTables: masquerade(ports), connections: parseConnections(entries.join('\n')) }),
  );
const two = ' --to-ports 5000-5001';

describe('conntrack-table-full', () => {
  it('the table has as many entries as it may have', () => {
    const connection = judged(counted(65_536, 65_536), { ...asks, drop: named });
    expect(verdictOf(connection)).toBe('conntrack-table-full proven, host:br0 prerouting');
    expect(connection.summary).toBe(
      '192.0.2.1:80 was not reached: the connection table of the host is full, and takes no new connection.',
    );
    expect(fixesOf(connection)).toEqual(['host# sysctl -w net.netfilter.nf_conntrack_max=131072', 'not verified']);
    expect(connection.hops.at(-1)).toMatchObject({ stage: 'prerouting', verdict: 'dropped' });
  });

  it('is inferred where the kernel was not asked', () => {
    expect(verdict(counted(65_536, 65_536))).toBe('conntrack-table-full inferred, host:br0 prerouting');
  });

  it.each<[string, HostState, Parameters<typeof judged>[1]]>([
    ['there is room for one', counted(65_535, 65_536), {}],
    ['there is no limit', counted(65_536, 0), {}],
    ['the kernel gives another reason', counted(65_536, 65_536), { drop: 'IP_RPFILTER' }],
    ['the packet was seen behind the host', counted(65_536, 65_536), { at: [...asks.at, 'host:eth0'] }],
    ['it stands in the table', counted(65_536, 65_536, entry(51_054, { client: 51_054 })), {}],
  ])('is not said where %s', (_name, hosts, more) => {
    expect(verdict(hosts, more)).not.toContain('conntrack-table-full');
  });
});

describe('a prediction', () => {
  const doubts = (hosts: HostState) => predicted(hosts, '192.0.2.1').prediction?.assumptions;

  it('leaves open what becomes of it where the table is full', () => {
    expect(doubts(counted(9, 9))).toEqual([
      'host, prerouting: the connection table is full (9 of 9), and the packet is dropped unless the kernel finds an entry that it may forget',
    ]);
    expect(doubts(counted(8, 9))).toEqual([]);
  });

  it('leaves it open where every port of the rule is taken', () => {
    expect(doubts(translating(two, entry(5000), entry(5001)))).toEqual([
      'host, postrouting: every port that rule 1 of chain POSTROUTING in table ip nat may give is taken towards that destination, and the packet is dropped unless one becomes free',
    ]);
    expect(doubts(translating(two, entry(5000)))).toEqual([]);
  });
});

describe('snat-exhausted', () => {
  it('every port of the rule is taken towards the server', () => {
    const connection = judged(translating(two, entry(5000), entry(5001)), { ...asks, drop: named });
    expect(verdictOf(connection)).toBe('snat-exhausted proven, host:eth0 postrouting');
    expect(connection.summary).toBe(
      '192.0.2.1:80 was not reached: the host has no port left to send the connection on from 192.0.2.7.',
    );
    expect(fixesOf(connection)).toEqual(['host# iptables -t nat -S POSTROUTING', 'not verified']);
  });

  it('the rule has one port, and that is taken', () => {
    expect(verdict(translating(' --to-ports 5000', entry(5000)))).toBe(
      'snat-exhausted inferred, host:eth0 postrouting',
    );
  });

  it.each<[string, HostState, Parameters<typeof judged>[1]]>([
    ['a port is free', translating(two, entry(5000)), {}],
    ['one port is taken twice, and another is free', translating(two, entry(5000), entry(5000)), {}],
    ['one port can be had again', translating(two, entry(5000), entry(5001, { state: 'TIME_WAIT' })), {}],
    ['they are taken towards another server', translating(two, entry(5000), entry(5001, { server: '192.0.2.9' })), {}],
    ['the rule leaves the port', translating('', entry(5000), entry(5001)), {}],
    ['the packet was seen behind it', translating(two, entry(5000), entry(5001)), { at: [...asks.at, 'host:eth0'] }],
    ['the kernel gives another reason', translating(two, entry(5000), entry(5001)), { drop: 'IP_RPFILTER' }],
  ])('is not said where %s', (_name, hosts, more) => {
    expect(verdict(hosts, more)).not.toContain('snat-exhausted');
  });
});
