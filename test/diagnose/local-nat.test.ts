import { describe, expect, it } from 'vitest';
import type { RuleTable } from '../../src/host/netfilter.ts';
import { host, loopback } from '../model/hosts.ts';
import { box, bridge, bridgeHost, forwarding, veth1, web } from '../model/two-boxes.ts';
import { fixesOf, ipRules, judged, type Sighting, verdictOf } from './on-host.ts';
import { byIptables, published } from './published.ts';

type Tables = readonly RuleTable[];

describe('dnat-not-applied-to-local', () => {
  const refused = { answer: { flags: 'RST ACK' } } as const;
  const asked: Sighting = { netns: 'host', from: '192.0.2.7:51054', to: '192.0.2.7:8080', at: ['host:lo'], ...refused };
  const fromLoopback: Sighting = { ...asked, from: '127.0.0.1:51054', to: '127.0.0.1:8080' };

  it.each(published)('is named and mended with %s', (tool, ruleTables) => {
    const connection = judged(host(web(), bridgeHost({ ruleTables })), asked);
    expect(verdictOf(connection)).toBe('dnat-not-applied-to-local inferred, host:lo output');
    const program = tool === 'legacy iptables' ? 'iptables-legacy' : 'iptables';
    expect(fixesOf(connection)).toEqual(
      tool === 'nftables'
        ? [
            "host# nft add chain inet publish output '{ type nat hook output priority -100; }'",
            'host# nft add rule inet publish output ip daddr 192.0.2.7 tcp dport 8080 dnat ip to 10.88.0.20:80',
            'verified',
          ]
        : [
            `host# ${program} -t nat -A OUTPUT -d 192.0.2.7 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80`,
            'verified',
          ],
    );
  });

  it('is proven by the reset that the kernel sent for want of a socket', () => {
    expect(judged(host(web(), bridgeHost({ ruleTables: byIptables })), { ...asked, reset: true }).certainty).toBe(
      'proven',
    );
  });

  it('for localhost takes a switch and a masquerade as well', () => {
    const sysctls = { ...forwarding, 'net.ipv4.conf.br0.route_localnet': '0' };
    const connection = judged(host(web(), bridgeHost({ ruleTables: byIptables, sysctls })), fromLoopback);
    expect(fixesOf(connection)).toEqual([
      'host# iptables -t nat -A OUTPUT -d 127.0.0.1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.20:80',
      'host# sysctl -w net.ipv4.conf.br0.route_localnet=1',
      'host# iptables -t nat -A POSTROUTING -s 127.0.0.0/8 -o br0 -j MASQUERADE',
      'verified',
    ]);
  });

  it('is not verified where the snapshot lacks the switch', () => {
    const connection = judged(host(web(), bridgeHost({ ruleTables: byIptables })), fromLoopback);
    expect(fixesOf(connection).at(-1)).toBe('not verified');
  });

  it.each(['eth\n0', 'br\u001b[31m'])('gives all of the commands or none: %j', (name) => {
    const server = bridgeHost({
      links: [loopback(), { ...bridge, name }, { ...veth1, master: name }],
      bridgePorts: [],
      ruleTables: byIptables,
    });
    const routes = server.routes.map((route) => ({
      ...route,
      nextHops: route.nextHops.map((hop) => (hop.device === 'br0' ? { ...hop, device: name } : hop)),
    }));
    const { cause, fixes } = judged(host(web(), { ...server, routes }), fromLoopback);
    expect(cause).toBe('dnat-not-applied-to-local');
    expect(fixes.map(({ commands }) => commands)).toEqual([[]]);
  });

  const elsewhere = ipRules(
    'iptables',
    'nat',
    ':PREROUTING ACCEPT [0:0]',
    '-A PREROUTING -p tcp -m tcp --dport 9090 -j DNAT --to-destination 10.88.0.20:80',
  );
  it.each<[string, Tables, object, string | null]>([
    ['no rule publishes the port', [], {}, 'no-listener'],
    ['a rule publishes another port', elsewhere, {}, 'no-listener'],
    [
      'a container asks for a port that nobody has',
      elsewhere,
      { netns: 'box', from: '10.88.0.10:51054', at: ['box:eth0'] },
      'no-listener',
    ],
    ['nobody answered', byIptables, { answer: undefined }, null],
    ['a rule answered in its name', byIptables, { drop: 'NETFILTER_DROP' }, null],
  ])('is not said where %s', (_name, ruleTables, more, cause) => {
    expect(judged(host(box(), web(), bridgeHost({ ruleTables })), { ...asked, ...more }).cause).toBe(cause);
  });
});
