import { describe, expect, it } from 'vitest';
import type { HostState, NamespaceState } from '../../src/host/state.ts';
import { host, link, loopback, namespace, neighbour, port } from '../model/hosts.ts';
import { box, bridge, bridgeHost, type Told, uplinkToOutside, veth0, veth1, web } from '../model/two-boxes.ts';

import { fixesOf, judged, type Sighting, verdictOf } from './on-host.ts';

/** Where the frames of these tests go to. */
const wrongMac = '02:00:00:00:00:02';
const rightMac = '02:00:00:00:00:99';

/** `twin` is a third container on the bridge, at 10.88.0.20 unless told, and serves nothing. */
function twin(more: Told = {}, address = '10.88.0.20'): NamespaceState {
  return namespace('twin', {
    links: [loopback(), link('eth0', { mac: wrongMac, addresses: [address], peer: 'host:7' })],
    routes: ['10.88.0.0/16 dev eth0'],
    ...more,
  });
}

const veth2 = link('veth2', { index: 7, master: 'br0', peer: 'twin:2' });

function three(more: Told = {}): NamespaceState {
  return bridgeHost({
    links: [loopback(), bridge, veth0, veth1, veth2],
    bridgePorts: ['veth0', 'veth1', 'veth2'].map((device) => port(device, 'br0')),
    ...more,
  });
}

const server = web({
  links: [loopback(), link('eth0', { mac: rightMac, addresses: ['10.88.0.20'], peer: 'host:6' })],
});
const refused: Sighting = { answer: { flags: 'RST ACK' } };

describe('duplicate-address', () => {
  it('is observed where the request is addressed to the wrong one', () => {
    const asks = box({ neighbours: [neighbour('10.88.0.20', 'eth0', wrongMac)] });
    const connection = judged(host(asks, server, twin(), three()), refused);
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe(
      'refused duplicate-address observed, box:eth0 neighbour',
    );
    expect(connection.summary).toContain('twin and web, and the request went to twin');
    expect(fixesOf(connection)).toEqual(['twin# ip addr del 10.88.0.20/16 dev eth0', 'verified']);
    expect(connection.hops.map(({ stage }) => stage).slice(0, 3)).toEqual(['route', 'neighbour', 'egress']);
    expect(connection.hops.at(-1)).toMatchObject({ netns: 'twin', stage: 'socket', verdict: 'refused' });
  });

  it('is told where nobody can say who answers first', () => {
    const connection = judged(host(box(), server, twin(), three()), refused);
    expect(`${connection.cause} ${connection.hops.at(-1)?.verdict}`).toBe('duplicate-address failed');
  });

  it("is told of the client's address, where the answer goes to the wrong one", () => {
    const asked = web({ neighbours: [neighbour('10.88.0.10', 'eth0', wrongMac)] });
    const connection = judged(host(box(), asked, twin({}, '10.88.0.10'), three()));
    expect(`${connection.outcome} ${verdictOf(connection)}`).toBe(
      'timeout duplicate-address inferred, web:eth0 neighbour',
    );
    expect(connection.hops.at(-1)).toMatchObject({ direction: 'reply', stage: 'neighbour', verdict: 'failed' });
    expect(fixesOf(connection)).toEqual(['twin# ip addr del 10.88.0.10/16 dev eth0', 'verified']);
  });

  it("is told of the gateway's address", () => {
    const outside = namespace('outside', {
      links: [loopback(), link('eth0', { addresses: ['192.0.2.1/24'], peer: 'host:2' })],
      routes: ['10.88.0.0/16 via 192.0.2.7 dev eth0'],
      listeners: ['tcp 0.0.0.0:80'],
    });
    const router = three({
      links: [loopback(), uplinkToOutside, { ...bridge, mac: rightMac }, veth0, veth1, veth2],
      routes: ['10.88.0.0/16 dev br0', '192.0.2.0/24 dev eth0'],
      sysctls: { 'net.ipv4.conf.br0.forwarding': '1', 'net.ipv4.conf.eth0.forwarding': '1' },
    });
    const asks = box({ neighbours: [neighbour('10.88.0.1', 'eth0', wrongMac)] });
    const connection = judged(host(asks, outside, twin({}, '10.88.0.1'), router), { to: '192.0.2.1:80' });
    expect(connection.cause).toBe('duplicate-address');
    expect(fixesOf(connection)).toEqual(['twin# ip addr del 10.88.0.1/16 dev eth0', 'verified']);
  });

  const sixth = { routes: ['fd00:88::/64 dev eth0'], neighbours: [neighbour('fd00:88::20', 'eth0', wrongMac)] };
  const six = (flags: string): HostState =>
    host(
      box(sixth),
      web({
        links: [loopback(), link('eth0', { mac: rightMac, addresses: ['fd00:88::20'], peer: 'host:6' })],
        routes: ['fd00:88::/64 dev eth0'],
        listeners: ['tcp [::]:80'],
      }),
      twin({
        links: [loopback(), link('eth0', { mac: wrongMac, addresses: [`fd00:88::20/64${flags}`], peer: 'host:7' })],
      }),
      three(),
    );
  const asked6: Sighting = { from: '[fd00:88::10]:51054', to: '[fd00:88::20]:80', ...refused };

  it('is told of IPv6', () => {
    expect(judged(six(''), asked6).cause).toBe('duplicate-address');
  });

  it.each<[string, HostState, Sighting]>([
    ['neither serves the port', host(box(), web({ listeners: [] }), twin(), three()), refused],
    ['the other one is in no network with it', host(box(), server, twin(), bridgeHost()), refused],
    ['the other one does not use the address, which it found in use', six(' dadfailed'), asked6],
    ['it was answered', host(box(), server, twin(), three()), { answer: { flags: 'SYN ACK' } }],
  ])('is not said where %s', (_name, state, sighting) => {
    expect(judged(state, sighting).cause).not.toBe('duplicate-address');
  });
});
