/** Two containers on a host's bridge, as tests of journeys change them. */

import type { NamespaceState } from '../../src/host/state.ts';
import { link, loopback, namespace, port } from './hosts.ts';

export type Told = NonNullable<Parameters<typeof namespace>[1]>;

/** `box` (10.88.0.10) and `web` (10.88.0.20) are containers on the host's bridge br0 (10.88.0.1). */
export function box(more: Told = {}): NamespaceState {
  return namespace('box', {
    links: [loopback(), link('eth0', { addresses: ['10.88.0.10', 'fd00:88::10'], peer: 'host:5' })],
    routes: ['10.88.0.0/16 dev eth0', 'default via 10.88.0.1 dev eth0', 'default via fd00:88::1 dev eth0'],
    ...more,
  });
}

export function web(more: Told = {}): NamespaceState {
  return namespace('web', {
    links: [loopback(), link('eth0', { addresses: ['10.88.0.20'], peer: 'host:6' })],
    routes: ['10.88.0.0/16 dev eth0', 'default via 10.88.0.1 dev eth0'],
    listeners: ['tcp 0.0.0.0:80'],
    ...more,
  });
}

export const bridge = link('br0', { index: 4, kind: 'bridge', addresses: ['10.88.0.1', 'fd00:88::1'] });
export const veth0 = link('veth0', { index: 5, master: 'br0', peer: 'box:2' });
export const veth1 = link('veth1', { index: 6, master: 'br0', peer: 'web:2' });
export const uplink = link('eth0', { index: 2, addresses: ['192.0.2.7'] });
/** As `uplink`, plugged into the namespace `outside`. */
export const uplinkToOutside = link('eth0', { index: 2, addresses: ['192.0.2.7/24'], peer: 'outside:2' });
export const forwarding = {
  'net.ipv4.conf.br0.forwarding': '1',
  'net.ipv4.conf.eth0.forwarding': '1',
  'net.ipv6.conf.all.forwarding': '1',
};

export function bridgeHost(more: Told = {}): NamespaceState {
  return namespace('host', {
    links: [loopback(), uplink, bridge, veth0, veth1],
    routes: ['10.88.0.0/16 dev br0', 'default via 192.0.2.1 dev eth0', 'default via fd00:2::1 dev eth0'],
    bridgePorts: [port('veth0', 'br0'), port('veth1', 'br0')],
    sysctls: forwarding,
    ...more,
  });
}

/** The host, with its uplink plugged into `outside`, whose 192.0.2.1 is its default gateway. */
export function uplinkedHost(more: Told = {}): NamespaceState {
  return bridgeHost({
    links: [loopback(), uplinkToOutside, bridge, veth0, veth1],
    routes: ['10.88.0.0/16 dev br0', '192.0.2.0/24 dev eth0', 'default via 192.0.2.1 dev eth0'],
    ...more,
  });
}
