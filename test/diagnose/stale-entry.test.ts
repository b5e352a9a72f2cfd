import { describe, expect, it } from 'vitest';
import { parseConnections } from '../../src/host/parse/netfilter/connections.ts';
import type { HostState } from '../../src/host/state.ts';
import { host, link, loopback, namespace } from '../model/hosts.ts';
import { box, uplinkedHost, web } from '../model/two-boxes.ts';
import { fixesOf, ipRules, judged, verdictOf } from './on-host.ts';

const outside = namespace('outside', {
  links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
  routes: ['192.0.2.0/24 dev eth0'],
});
const published = (to: string) =>
  ipRules('iptables', 'nat', ':PREROUTING ACCEPT [0:0]', `-A PREROUTING -p tcp -j DNAT --to-destination ${to}`);
const entryTo = (address: string, sport = 40_000): string =>
  `ipv4     2 tcp      6 117 SYN_SENT src=192.0.2.1 dst=192.0.2.7 sport=${sport} dport=8080 [UNREPLIED] src=${address} dst=192.0.2.1 sport=80 dport=${sport} mark=0 use=1 id=7`;

/** The host, whose rules send port 8080 to one place, with an entry of the table. */
function moved(to: string, entry: string): HostState {
  const connections = parseConnections(entry);
  return host(box(), web(), outside, uplinkedHost({ ruleTables: published(to), connections }));
}

const asks = { netns: 'outside', from: '192.0.2.1:40000', to: '192.0.2.7:8080', at: ['outside:eth0', 'host:eth0'] };

describe('stale-nat-entry', () => {
  it('an old entry leads to nobody, and a new connection would be served', () => {
    const connection = judged(moved('10.88.0.20:80', entryTo('10.88.0.30')), asks);
    expect(verdictOf(connection)).toBe('stale-nat-entry inferred, host:eth0 prerouting');
    expect(connection.summary).toBe(
      '192.0.2.7:8080 was not reached: the host still sends this connection to 10.88.0.30:80, and new ones to 10.88.0.20:80.',
    );
    expect(fixesOf(connection)).toEqual([
      'host# conntrack -D -p tcp -s 192.0.2.1 -d 192.0.2.7 --sport 40000 --dport 8080',
      'verified',
    ]);
  });

  it('an entry from before the port was published', () => {
    const connection = judged(
      moved('10.88.0.20:80', entryTo('192.0.2.7').replace('sport=80 dport=40000', 'sport=8080 dport=40000')),
      asks,
    );
    expect(connection.cause).toBe('stale-nat-entry');
  });

  it.each([
    ['the rules of now lead there as well', '10.88.0.30:80', entryTo('10.88.0.30')],
    ['the rules of now lead to nobody either', '10.88.0.31:80', entryTo('10.88.0.30')],
    ['the entry is of another port', '10.88.0.30:80', entryTo('10.88.0.40', 40_001)],
  ])('is not said where %s', (_name, to, entry) => {
    expect(judged(moved(to, entry), asks).cause).toBe('neighbour-unresolved');
  });
});
