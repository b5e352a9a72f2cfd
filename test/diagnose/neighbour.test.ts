import { describe, expect, it } from 'vitest';
import type { HostState, NamespaceState } from '../../src/host/state.ts';
import { host, link, loopback, namespace, port, rule } from '../model/hosts.ts';
import { box, bridge, bridgeHost, type Told, uplink, veth0, veth1, web } from '../model/two-boxes.ts';
import { fixesOf, judged, predicted, verdictOf } from './on-host.ts';

/** A namespace at the far end of one of the host's two veths, which are in one network. */
function end(name: string, address: string, index: number): NamespaceState {
  return namespace(name, {
    links: [loopback(), link('eth0', { addresses: [`${address}/24`], peer: `host:${index}` })],
    routes: ['10.88.0.0/24 dev eth0'],
    listeners: ['tcp 0.0.0.0:80'],
  });
}

const first = end('first', '10.88.0.10', 3);
const second = end('second', '10.88.0.20', 4);

/** The host with the ends `va` and `vb`, and these routes. */
function between(routes: readonly string[], vb: Parameters<typeof link>[1] = {}): NamespaceState {
  return namespace('host', {
    links: [
      loopback(),
      link('va', { index: 3, addresses: ['10.88.0.1/24'], peer: 'first:2' }),
      link('vb', { index: 4, addresses: ['10.88.0.2/24'], peer: 'second:2', ...vb }),
    ],
    routes,
    listeners: ['tcp 0.0.0.0:80'],
  });
}

const both = ['10.88.0.0/24 dev va', '10.88.0.0/24 dev vb'];
const twoEnds = host(first, second, between(both));

describe('route-wrong-device', () => {
  it('is named with the device behind which the address is', () => {
    const connection = predicted(twoEnds, '10.88.0.20', {}, 'host');
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe(
      'unreachable route-wrong-device inferred, host:va route',
    );
    expect(connection.summary).toContain('the route to 10.88.0.20 is by va, and 10.88.0.20 is behind vb');
    expect(fixesOf(connection)).toEqual(['host# ip route replace 10.88.0.20/32 dev vb', 'verified']);
  });

  it('is told of the answer, where that is what leaves by the wrong one', () => {
    const connection = judged(twoEnds, {
      netns: 'second',
      from: '10.88.0.20:51054',
      to: '10.88.0.2:80',
      at: ['second:eth0'],
    });
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe('timeout route-wrong-device inferred, host:va route');
    expect(connection.hops.at(-1)).toMatchObject({ direction: 'reply', netns: 'host', stage: 'route' });
    expect(connection.explanation.join(' ')).toContain('The answer has to leave the host by vb');
    expect(fixesOf(connection)).toEqual(['host# ip route replace 10.88.0.20/32 dev vb', 'verified']);
  });

  it.each<[string, HostState, string, string | null]>([
    ['the route is by the right one', twoEnds, '10.88.0.10', null],
    ['nobody has the address behind either', twoEnds, '10.88.0.99', 'neighbour-unresolved'],
    [
      'the other one is down: it would not help',
      host(first, second, between(both, { up: false, carrier: false })),
      '10.88.0.20',
      'neighbour-unresolved',
    ],
    [
      'the other one is plugged into a bridge: nothing leaves by it alone',
      host(first, second, between(both, { master: 'br9' })),
      '10.88.0.20',
      'neighbour-unresolved',
    ],
    ['no route is there at all', host(first, second, between([])), '10.88.0.20', 'no-route'],
  ])('is not said where %s', (_name, state, to, cause) => {
    expect(predicted(state, to, {}, 'host').cause).toBe(cause);
  });
});

describe('route-wrong-device, by a detour of the answer', () => {
  /** A far end, beside the host by the device of this index, that knows these routes. */
  const beyond = (name: string, address: string, index: number, more: Told = {}): NamespaceState =>
    namespace(name, {
      links: [loopback(), link('eth0', { addresses: [`${address}/24`], peer: `host:${index}` })],
      routes: [`${address.replace(/\d+$/, '0')}/24 dev eth0`],
      ...more,
    });
  const client = beyond('client', '203.0.113.1', 7, { listeners: ['tcp 0.0.0.0:80'] });
  const vpn = beyond('vpn', '10.9.0.1', 8, { sysctls: { 'net.ipv4.conf.eth0.forwarding': '1' } });
  /** The host with an uplink, a VPN, and these rules; table 100 is the VPN's. */
  const router = (...rules: readonly string[]): NamespaceState =>
    namespace('host', {
      links: [
        loopback(),
        link('up0', { index: 7, addresses: ['203.0.113.2/24'], peer: 'client:2' }),
        link('wg0', { index: 8, addresses: ['10.9.0.2/24'], peer: 'vpn:2' }),
      ],
      routes: ['203.0.113.0/24 dev up0', '10.9.0.0/24 dev wg0', 'default via 10.9.0.1 dev wg0 table 100'],
      rules: ['0: from all lookup 255', ...rules, '32766: from all lookup 254', '32767: from all lookup 253'].map(
        (text) => rule(text),
      ),
      listeners: ['tcp 0.0.0.0:80'],
    });
  const asked = { netns: 'client', from: '203.0.113.1:51054', to: '203.0.113.2:80', at: ['client:eth0'] };
  const table = '100: from 203.0.113.2 lookup 100';

  it('is told with the device that the request came in by, in the table that is asked', () => {
    const connection = judged(host(client, vpn, router(table)), asked);
    expect(verdictOf(connection)).toBe('route-wrong-device inferred, host:wg0 route');
    expect(connection.summary).toContain('sends the answer to 203.0.113.1 out of wg0, and the request came in by up0');
    expect(fixesOf(connection)).toEqual(['host# ip route replace 203.0.113.1/32 dev up0 table 100', 'verified']);
  });

  it('is told where the answer goes out of sight, and what may bring it back from there is named', () => {
    const near = router(table);
    const tunnel = near.links.map((one) => (one.name === 'wg0' ? { ...one, kind: 'wireguard', peer: null } : one));
    const away = { ...near, links: tunnel };
    const connection = judged(host(client, away), asked);
    expect(verdictOf(connection)).toBe('route-wrong-device inferred, host:wg0 route');
    expect(connection.alternatives).toMatchObject([{ cause: 'no-reply-from-remote' }]);
  });

  it('is not told where the answer was seen at the client: it came back', () => {
    const { cause } = judged(host(client, vpn, router(table)), { ...asked, answer: { flags: 'SYN ACK' } });
    expect(cause).not.toBe('route-wrong-device');
  });
});

describe('bridge-port-detached', () => {
  /** The host whose end of box's cable is told so. */
  const loose = (told: Parameters<typeof link>[1] = {}, more: Told = {}): NamespaceState =>
    bridgeHost({
      links: [loopback(), uplink, bridge, link('veth0', { index: 5, peer: 'box:2', ...told }), veth1],
      bridgePorts: [port('veth1', 'br0')],
      ...more,
    });

  it.each([
    ['a neighbour is asked for', '10.88.0.20'],
    ["the host's own address on the bridge", '10.88.0.1'],
  ])('is named where %s', (_name, to) => {
    const connection = predicted(host(box(), web(), loose({}, { listeners: ['tcp 0.0.0.0:80'] })), to);
    expect(connection.cause).toBe('bridge-port-detached');
    expect(connection.where).toMatchObject({ netns: 'host', device: 'veth0', stage: 'bridge' });
    expect(fixesOf(connection)).toEqual(['host# ip link set veth0 master br0', 'verified']);
  });

  it('is named where the request leaves for the world: its answer would go to the bridge', () => {
    const sysctls = { 'net.ipv4.conf.veth0.forwarding': '1' };
    const connection = judged(host(box(), web(), loose({}, { sysctls })), {
      to: '203.0.113.9:80',
      at: ['box:eth0', 'host:veth0', 'host:eth0'],
    });
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe(
      'timeout bridge-port-detached inferred, host:veth0 bridge',
    );
  });

  it.each<[string, NamespaceState, string | null]>([
    [
      'the end has an address of its own: it is a network by itself',
      loose({ addresses: ['10.88.0.1'] }),
      'neighbour-unresolved',
    ],
    [
      'its network is routed to it: the host reaches it by that very cable',
      loose({}, { routes: ['10.88.0.0/16 dev br0', '10.88.0.10 dev veth0'] }),
      'neighbour-unresolved',
    ],
    ['it is in the bridge', bridgeHost(), null],
    [
      'no bridge of that network is there',
      loose({}, { links: [loopback(), uplink, link('veth0', { index: 5, peer: 'box:2' })], bridgePorts: [] }),
      'neighbour-unresolved',
    ],
    [
      'it is plugged into another bridge',
      loose(
        { master: 'br9' },
        {
          links: [
            loopback(),
            uplink,
            bridge,
            { ...bridge, name: 'br9', index: 9, addresses: [] },
            { ...veth0, master: 'br9' },
            veth1,
          ],
          bridgePorts: [port('veth0', 'br9'), port('veth1', 'br0')],
        },
      ),
      'neighbour-unresolved',
    ],
  ])('is not said where %s', (_name, server, cause) => {
    expect(predicted(host(box(), web(), server), '10.88.0.20').cause).toBe(cause);
  });
});
