/**
 * Two hosts in a network by VXLAN, and a router between them:
 *
 *   a 10.1.0.1 ── vx0 :: eth0 192.0.2.2 ── e0 router e1 ── eth0 198.51.100.2 :: vx0 ── 10.1.0.2 b
 */
import type { ForwardingEntry, NamespaceState, Vxlan } from '../../src/host/state.ts';
import { forwardingEntry, link, loopback, namespace } from './hosts.ts';

export type Told = NonNullable<Parameters<typeof namespace>[1]>;

/** The address of entries for all. */
export const anyone = '00:00:00:00:00:00';
/** The link-layer address of a device: 1 and 2 are those of the hosts' VXLAN devices. */
export const macOf = (last: number): string => `02:00:00:00:00:0${last}`;

/** An entry of a VXLAN device, put in by hand unless told. */
export function behind(address: string, mac = anyone, told: Partial<ForwardingEntry> = {}): ForwardingEntry {
  const remote = { address, port: null, network: null, by: null };
  return forwardingEntry(mac, 'vx0', { permanent: true, fixed: true, remote, ...told });
}

/** A VXLAN device's own numbers: network 42, unless told. */
export function vxlan(netns: string, more: Partial<Vxlan> = {}): Vxlan {
  const told = { local: null, timeToLive: null, learning: true, underlay: netns, unmodelled: null };
  return { network: 42, port: 4789, family: 4, ...told, ...more };
}

/** What is otherwise at one end. */
export interface End {
  readonly vxlan?: Partial<Vxlan>;
  readonly link?: NonNullable<Parameters<typeof link>[1]>;
  readonly entries?: readonly ForwardingEntry[];
  readonly more?: Told;
}

/** One of the hosts; each has the other as its only remote, and a server. */
export function vtep(name: 'a' | 'b', { vxlan: options, link: device, entries, more }: End = {}): NamespaceState {
  const [last, own, gateway, far] =
    name === 'a' ? [1, '192.0.2.2', '192.0.2.1', '198.51.100.2'] : [2, '198.51.100.2', '198.51.100.1', '192.0.2.2'];
  const eth0 = link('eth0', { addresses: [`${own}/24`], mac: macOf(last + 2), peer: `router:${last + 1}` });
  const overlay = { index: 3, kind: 'vxlan', mac: macOf(last), addresses: [`10.1.0.${last}/24`] };
  return namespace(name, {
    links: [loopback(), eth0, link('vx0', { ...overlay, vxlan: vxlan(name, options), ...device })],
    routes: [`${gateway}/32 dev eth0`, `default via ${gateway} dev eth0`, '10.1.0.0/24 dev vx0'],
    listeners: ['tcp 0.0.0.0:80', 'udp 0.0.0.0:4789'],
    forwardingEntries: entries ?? [behind(far)],
    ...more,
  });
}

/** It forwards IPv4. */
export const router = (more: Told = {}): NamespaceState =>
  namespace('router', {
    links: [
      loopback(),
      link('e0', { addresses: ['192.0.2.1/24'], mac: macOf(5), peer: 'a:2' }),
      link('e1', { index: 3, addresses: ['198.51.100.1/24'], mac: macOf(6), peer: 'b:2' }),
    ],
    routes: ['192.0.2.0/24 dev e0', '198.51.100.0/24 dev e1'],
    sysctls: { 'net.ipv4.conf.e0.forwarding': '1', 'net.ipv4.conf.e1.forwarding': '1' },
    ...more,
  });
