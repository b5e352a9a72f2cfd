import { describe, expect, it } from 'vitest';
import type { HostState } from '../../src/host/state.ts';
import { host, link, loopback, namespace, port } from '../model/hosts.ts';
import { box, bridgeHost, type Told, uplinkedHost, web } from '../model/two-boxes.ts';

import { fixesOf, ipRules, judged, predicted, type Sighting, verdictOf } from './on-host.ts';
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

  describe('by the word of the engine that published another port', () => {
    const publishing = (runtime: string, hostAddress: string | null = null): Told => ({
      container: {
        id: 'c0ffee'.repeat(4),
        name: 'shop-web',
        runtime,
        networks: null,
        ports: [{ protocol: 'tcp', hostAddress, hostPort: 8080, port: 80 }],
      },
    });
    const asked = { ...fromOutside, to: '192.0.2.7:8080' };
    const published = (told: Told): HostState => host(outside, web(told), uplinkedHost());

    it('is as sure as the refusal, and mended by the engine, or by one rule', () => {
      const connection = judged(published(publishing('podman')), { ...asked, reset: true });
      expect(verdictOf(connection)).toBe('dnat-missing proven, host:eth0 prerouting');
      expect(connection.alternatives).toEqual([]);
      expect(connection.summary).toBe(
        '192.0.2.7:8080 refused: nothing listens on tcp port 8080 on the host, and no rule sends what asks for it on to port 80 of web, as podman publishes it.',
      );
      expect(connection.explanation).toContain(
        'Podman publishes tcp port 8080 to port 80 of web: a rule of the host is to change the destination to 10.88.0.20:80 (DNAT). There is no such rule here, and no process on the host listens on port 8080 in its stead. Such rules are gone when somebody reloads or flushes the firewall beneath the engine.',
      );
      expect(connection.hops.flatMap(({ evidence }) => evidence)).toContainEqual({
        kind: 'model',
        text: 'podman publishes tcp port 8080 to port 80 of web',
      });
      expect(connection.fixes).toMatchObject([
        { commands: ['podman network reload c0ffeec0ffee'], netns: 'host', verified: true },
        { commands: expect.arrayContaining([expect.stringContaining('dnat to 10.88.0.20:80')]), verified: true },
      ]);
    });

    describe('of a port that its monitor holds', () => {
      const uplinked = uplinkedHost({ listeners: ['tcp 0.0.0.0:8080'] });
      const monitor = { name: 'conmon', pid: 77 };
      const holding = { ...uplinked, listeners: uplinked.listeners.map((one) => ({ ...one, process: monitor })) };
      const predictedFor = (told: Told) =>
        predicted(host(outside, web(told), holding), '192.0.2.7', { destinationPort: 8080 }, 'outside');

      it('is predicted, and mended by the engine', () => {
        const connection = predictedFor(publishing('podman'));
        expect(connection.outcome).toBe('timeout');
        expect(verdictOf(connection)).toBe('dnat-missing inferred, host:eth0 prerouting');
        expect(connection.explanation.join(' ')).toContain(
          'Conmon (pid 77) minds the container for Podman: it holds the port, so that no other program takes it, and reads nothing from there.',
        );
        expect(connection.fixes[0]).toMatchObject({ commands: ['podman network reload c0ffeec0ffee'], verified: true });
      });

      it('is not said where the container has the socket as well', () => {
        const users = 'users:(("conmon",pid=77,fd=5),("httpd",pid=80,fd=3))';
        const shared = holding.listeners.map((one) => ({ ...one, source: { ...one.source, text: users } }));
        const state = host(outside, web(publishing('podman')), { ...holding, listeners: shared });
        expect(predicted(state, '192.0.2.7', { destinationPort: 8080 }, 'outside').outcome).toBe('ok');
      });

      it('without the word of the engine is no more than unanswered', () => {
        expect(predictedFor({})).toMatchObject({ outcome: 'timeout', cause: null });
      });
    });

    it('is not said of another container that listens on the number, where who publishes it does not listen', () => {
      const other = box({ listeners: ['tcp 0.0.0.0:8080'] });
      const silent = web({ ...publishing('podman'), listeners: [] });
      expect(judged(host(outside, other, silent, uplinkedHost()), asked).cause).toBe('no-listener');
    });

    it.each([
      // Whether that writes all that is gone, no model says.
      ['docker', 'systemctl restart docker', false],
      ['containerd', 'nerdctl restart c0ffeec0ffee', false],
      // A pod is made anew by what made it.
      ['kubernetes', expect.stringContaining('nft add table'), true],
    ])('%s', (runtime, command, verified) => {
      const [fix] = judged(published(publishing(runtime)), asked).fixes;
      expect(fix).toMatchObject({ verified });
      expect(fix?.commands[0]).toEqual(command);
    });

    it('gives no command for what is no id', () => {
      const told = publishing('podman').container;
      const odd = { container: told === undefined || told === null ? null : { ...told, id: '--all' } };
      expect(judged(published(odd), asked).fixes.map(({ commands }) => commands[0])).toEqual([
        expect.stringContaining('nft add table'),
      ]);
    });

    it('is not predicted of a pod: a program that no snapshot shows may send it on', () => {
      const to = predicted(published(publishing('kubernetes')), '192.0.2.7', { destinationPort: 8080 }, 'outside');
      expect(to.cause).toBe('no-listener');
    });

    it('says where else the port is published, which would be asked for in vain', () => {
      const local = { ...publishing('podman', '127.0.0.1'), listeners: ['tcp 0.0.0.0:80', 'tcp 0.0.0.0:8080'] };
      const connection = judged(published(local), asked);
      expect(verdictOf(connection)).toBe('dnat-missing inferred, host:eth0 prerouting');
      expect(connection.explanation.join(' ')).toContain(
        'There is no such rule here: podman publishes tcp port 8080 of 127.0.0.1 to port 80 of web, and not this one.',
      );
    });

    it('outweighs a container that listens on the port, and that nobody published', () => {
      const state = host(outside, box({ listeners: ['tcp 0.0.0.0:8080'] }), web(publishing('podman')), uplinkedHost());
      expect(judged(state, asked).summary).toContain('on to port 80 of web, as podman');
    });

    it.each<[string, Told, string]>([
      ['at another address of the host', publishing('podman', '192.0.2.8'), 'no-listener'],
      ['at this address', publishing('podman', '192.0.2.7'), 'dnat-missing'],
      ['at all addresses of this family', publishing('docker', '0.0.0.0'), 'dnat-missing'],
      ['at all addresses of the other family', publishing('docker', '::'), 'no-listener'],
      ['to a port on which nothing listens', { ...publishing('podman'), listeners: [] }, 'no-listener'],
    ])('%s', (_name, told, cause) => {
      expect(judged(published(told), asked).cause).toBe(cause);
    });
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
