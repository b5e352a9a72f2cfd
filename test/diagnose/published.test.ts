import { describe, expect, it } from 'vitest';
import type { HostState } from '../../src/host/state.ts';
import { host, link, loopback, namespace, port } from '../model/hosts.ts';
import { box, bridgeHost, type Told, uplinkedHost, web } from '../model/two-boxes.ts';

import { fixesOf, ipRules, judged, type Sighting, verdictOf } from './on-host.ts';
import { byIptables } from './published.ts';

const refused = { answer: { flags: 'RST ACK' } } as const;
const outside = namespace('outside', {
  links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
  routes: ['192.0.2.0/24 dev eth0'],
});

const fromOutside: Sighting = {
  netns: 'outside',
  from: '192.0.2.1:51054',
  to: '192.0.2.7:80',
  at: ['outside:eth0', 'host:eth0'],
  ...refused,
};
const fromHost: Sighting = {
  netns: 'host',
  from: '192.0.2.7:51054',
  to: '192.0.2.7:80',
  at: ['host:lo'],
  ...refused,
};

describe('dnat-missing', () => {
  it('is inferred where a container has the port, and mended at the prerouting hook', () => {
    const connection = judged(host(outside, box(), web(), uplinkedHost()), fromOutside);
    expect(verdictOf(connection)).toBe('dnat-missing inferred, host:eth0 prerouting');
    expect(fixesOf(connection)).toEqual([
      'host# nft add table ip nettrace',
      "host# nft add chain ip nettrace prerouting '{ type nat hook prerouting priority -100; }'",
      'host# nft add rule ip nettrace prerouting ip daddr 192.0.2.7 tcp dport 80 dnat to 10.88.0.20:80',
      'verified',
    ]);
    expect(connection.alternatives.map(({ cause }) => cause)).toEqual(['no-listener']);
    expect(connection.hops.map(({ stage }) => stage)).toEqual(expect.arrayContaining(['prerouting', 'socket']));
    expect(connection.hops.findIndex(({ stage }) => stage === 'prerouting')).toBeLessThan(
      connection.hops.findIndex(({ stage }) => stage === 'socket'),
    );
  });

  it('uses the tables that the host has', () => {
    const ruleTables = ipRules('iptables-legacy', 'nat', ':PREROUTING ACCEPT [0:0]');
    expect(fixesOf(judged(host(outside, web(), uplinkedHost({ ruleTables })), fromOutside))).toEqual([
      'host# iptables-legacy -t nat -A PREROUTING -d 192.0.2.7 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.88.0.20:80',
      'verified',
    ]);
  });

  it('is not verified where the host would not let it pass', () => {
    const ruleTables = ipRules('iptables', 'filter', ':FORWARD DROP [0:0]');
    expect(fixesOf(judged(host(outside, web(), uplinkedHost({ ruleTables })), fromOutside)).at(-1)).toBe(
      'not verified',
    );
  });

  it('of the host itself is mended at its output hook', () => {
    const connection = judged(host(web(), bridgeHost()), fromHost);
    expect(verdictOf(connection)).toBe('dnat-missing inferred, host:lo output');
    expect(fixesOf(connection).slice(-2)).toEqual([
      'host# nft add rule ip nettrace output ip daddr 192.0.2.7 tcp dport 80 dnat to 10.88.0.20:80',
      'verified',
    ]);
  });

  const otherWeb = (more: Told): HostState => host(outside, web(more), uplinkedHost());
  it.each<[string, HostState, Sighting, string]>([
    ['no container has the port', otherWeb({ listeners: ['tcp 0.0.0.0:81'] }), fromOutside, 'no-listener'],
    ['it has it for another protocol', otherWeb({ listeners: ['udp 0.0.0.0:80'] }), fromOutside, 'no-listener'],
    ['it has it on loopback alone', otherWeb({ listeners: ['tcp 127.0.0.1:80'] }), fromOutside, 'no-listener'],
    [
      'two containers have it',
      host(outside, box({ listeners: ['tcp 0.0.0.0:80'] }), web(), uplinkedHost()),
      fromOutside,
      'no-listener',
    ],
    [
      'who has it goes into the world by another',
      otherWeb({ routes: ['10.88.0.0/16 dev eth0', 'default via 10.88.0.99 dev eth0'] }),
      fromOutside,
      'no-listener',
    ],
    [
      'the host cannot reach it either',
      host(outside, web(), uplinkedHost({ bridgePorts: [port('veth0', 'br0'), port('veth1', 'br0', 'blocking')] })),
      fromOutside,
      'no-listener',
    ],
    [
      'a neighbour of the container asks: it needs no published port',
      host(box(), web(), bridgeHost()),
      { to: '10.88.0.1:80', ...refused },
      'no-listener',
    ],
    [
      'a program of the host has the port, on loopback',
      host(outside, web(), uplinkedHost({ listeners: ['tcp 127.0.0.1:80'] })),
      fromOutside,
      'listener-on-other-address',
    ],
    [
      'a rule publishes it for others',
      host(web({ listeners: ['tcp 0.0.0.0:80', 'tcp 0.0.0.0:8080'] }), bridgeHost({ ruleTables: byIptables })),
      { ...fromHost, to: '192.0.2.7:8080' },
      'dnat-not-applied-to-local',
    ],
    [
      'a rule has sent it to where nothing listens',
      host(outside, web({ listeners: ['tcp 0.0.0.0:8080'] }), uplinkedHost({ ruleTables: byIptables })),
      { ...fromOutside, to: '192.0.2.7:8080' },
      'no-listener',
    ],
  ])('is not said where %s', (_name, state, sighting, cause) => {
    expect(judged(state, sighting).cause).toBe(cause);
  });

  it('is not said where the kernel was asked and sent no reset: something else answered', () => {
    expect(judged(host(outside, web(), uplinkedHost()), { ...fromOutside, drop: null }).cause).not.toBe('dnat-missing');
  });
});

describe('no-listener, of a port that is published for others', () => {
  const publishing = (...rules: readonly string[]) =>
    host(
      outside,
      box(),
      web(),
      uplinkedHost({ ruleTables: ipRules('iptables', 'nat', ':PREROUTING ACCEPT [0:0]', ...rules) }),
    );
  const dnat = '-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80';
  const asked: Sighting = { to: '10.88.0.1:8080', at: ['box:eth0', 'host:br0'], ...refused };

  it('says by which rule, and that it leaves the client out', () => {
    const connection = judged(publishing('-A PREROUTING -i br0 -j RETURN', dnat), asked);
    expect(connection.cause).toBe('no-listener');
    expect(connection.explanation.join(' ')).toContain(
      `Others who ask for it are sent on to 10.88.0.20:80, by rule 2 of chain PREROUTING in table ip nat (\`${dnat}\`), and what comes in here by br0 is not`,
    );
    expect(connection.fixes).toEqual([]);
  });

  it('says nothing of it where no rule publishes that port', () => {
    const connection = judged(publishing(dnat.replace('8080', '9090')), asked);
    expect(connection.explanation.join(' ')).toContain('Either the service is not running');
  });
});
