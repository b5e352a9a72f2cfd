/** Where the snapshot's knowledge of a frame ends, and the model's: the devices that it does not follow, in words. */

import type { HostState, Link, NamespaceState } from '../host/state.ts';
import type { Way } from './frame.ts';

/** Where the snapshot's knowledge ends. */
export interface Edge extends Way {
  readonly kind: 'leaves-view' | 'undetermined';
  readonly reason: string;
}

const kindWords: ReadonlyMap<string, string> = new Map([
  ['tun', 'a TUN or TAP device: the program that holds it goes on'],
  ['wireguard', 'a WireGuard tunnel'],
  ['geneve', 'a Geneve tunnel'],
  ['gre', 'a GRE tunnel'],
  ['ipip', 'an IPIP tunnel'],
  ['sit', 'an IPv6-in-IPv4 tunnel'],
  ['vlan', 'a VLAN of another device'],
  ['bond', 'a bond of several devices'],
  ['macvlan', 'a macvlan of another device'],
  ['ipvlan', 'an ipvlan of another device'],
]);

/** Why a frame that leaves by the device is out of sight. */
export function edgeReason(namespace: NamespaceState, link: Link): string {
  if (link.kind === 'veth') {
    return `the other end of ${namespace.name}:${link.name} is in a namespace that is not known`;
  }
  const what = kindWords.get(link.kind);
  const place = `it leaves by ${namespace.name}:${link.name}`;
  return what === undefined ? place : `${place}, ${what}`;
}

/** True where some device takes frames with a tag: on which other one it stands is not known of all. */
export function hasVlanDevices({ namespaces }: HostState): boolean {
  return [...namespaces.values()].some(({ links }) => links.some(({ kind, up }) => kind === 'vlan' && up));
}
