import { describe, expect, it } from 'vitest';
import { host, link, loopback, namespace } from '../model/hosts.ts';
import { box, bridgeHost, forwarding, uplinkedHost } from '../model/two-boxes.ts';

import { fixesOf, ipRules, judged, predicted, verdictOf } from './on-host.ts';

describe('a host that does not forward', () => {
  const off = { 'net.ipv4.conf.br0.forwarding': '0' };

  it.each<[string, Record<string, string>, string]>([
    ['at all: the switch of all devices', { ...off, 'net.ipv4.ip_forward': '0' }, 'net.ipv4.ip_forward=1'],
    [
      'what comes in by one device: the switch of that one, as writing the other changes nothing',
      { ...off, 'net.ipv4.ip_forward': '1' },
      'net.ipv4.conf.br0.forwarding=1',
    ],
  ])('%s', (_name, sysctls, setting) => {
    const connection = predicted(host(box(), bridgeHost({ sysctls: { ...forwarding, ...sysctls } })), '192.0.2.1');
    expect(connection.cause).toBe('ip-forward-off');
    expect(fixesOf(connection)).toEqual([`host# sysctl -w ${setting}`, 'verified']);
  });
});

describe('a host that does not forward IPv6', () => {
  const routed = (how: string) => {
    const routes = ['fd00:88::/64 dev br0', `default via fd00:2::1 dev eth0 proto ${how}`];
    const sysctls = { 'net.ipv6.conf.all.forwarding': '0' };
    return fixesOf(predicted(host(box(), bridgeHost({ routes, sysctls })), '2001:db8::1'));
  };

  it('keeps a default route that it learnt from a router', () => {
    expect(routed('ra')).toEqual([
      'host# sysctl -w net.ipv6.conf.eth0.accept_ra=2',
      'host# sysctl -w net.ipv6.conf.all.forwarding=1',
      'verified',
    ]);
    expect(routed('static')).toEqual(['host# sysctl -w net.ipv6.conf.all.forwarding=1', 'verified']);
  });
});

describe('a router that sends on what is published, and has no route there', () => {
  it('is told with the address that it looked up', () => {
    const publish = ipRules(
      'iptables',
      'nat',
      ':PREROUTING ACCEPT [0:0]',
      '-A PREROUTING -d 192.0.2.7/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.89.0.5:80',
    );
    const state = host(box(), bridgeHost({ routes: ['10.88.0.0/16 dev br0'], ruleTables: publish }));
    const connection = predicted(state, '192.0.2.7');
    expect(connection.cause).toBe('no-route');
    expect(connection.explanation.join(' ')).toContain('ip route get 10.89.0.5.');
    const seen = judged(state, { to: '192.0.2.7:80', at: ['box:eth0', 'host:br0'], drop: null });
    expect(seen.summary).toBe(
      '192.0.2.7:80, which NAT sends on to 10.89.0.5, could not be reached: the host has no route to it.',
    );
  });
});

describe('an answer that is lost at a router', () => {
  const settings = { ...forwarding, 'net.ipv4.conf.eth0.forwarding': '1', 'net.ipv4.ip_forward': '1' };
  /** Beyond the uplink, with a way back unless told otherwise. */
  const outside = (routes = ['192.0.2.0/24 dev eth0', '10.88.0.0/16 via 192.0.2.7 dev eth0']) =>
    namespace('outside', {
      links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
      routes,
      listeners: ['tcp 0.0.0.0:80'],
    });
  const router = (sysctls: Record<string, string>) => uplinkedHost({ sysctls: { ...settings, ...sysctls } });

  it('that does not forward what comes in by its device, is told with the switch', () => {
    const connection = predicted(host(box(), outside(), router({ 'net.ipv4.conf.eth0.forwarding': '0' })), '192.0.2.1');
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe('timeout ip-forward-off inferred, host:eth0 forward');
    expect(connection.hops.at(-1)).toMatchObject({ direction: 'reply', stage: 'forward', verdict: 'dropped' });
    expect(fixesOf(connection)).toEqual(['host# sysctl -w net.ipv4.conf.eth0.forwarding=1', 'verified']);
  });

  it('is told of a far end that takes the client for a neighbour, with the router that could answer in its place', () => {
    // A public address: a private one would lack masquerading.
    const address = '192.0.2.100';
    const inside = box({
      links: [loopback(), link('eth0', { addresses: [address], peer: 'host:5' })],
      routes: ['default via 10.88.0.1 dev eth0', '10.88.0.1/32 dev eth0'],
    });
    const proxying = {
      ...router({}),
      routes: bridgeHost({ routes: ['192.0.2.0/24 dev eth0', `${address}/32 dev br0`] }).routes,
    };
    const connection = predicted(host(inside, outside(['192.0.2.0/24 dev eth0']), proxying), '192.0.2.1');
    expect(verdictOf(connection)).toBe('neighbour-unresolved inferred, outside:eth0 neighbour');
    expect(connection.explanation.join(' ')).toContain(`${address} is behind the host`);
    expect(fixesOf(connection)).toEqual([`host# ip neigh add proxy ${address} dev eth0`, 'verified']);
  });

  it('is none where it comes back', () => {
    expect(predicted(host(box(), outside(), router({})), '192.0.2.1')).toMatchObject({ outcome: 'ok', cause: null });
  });
});
