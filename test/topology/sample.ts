/** Hosts for tests of the topology, as `ip` prints them. */

import type { NamespaceSnapshot, Snapshot } from '../../src/host/snapshot.ts';
import { printed } from '../host/sample.ts';

/** A device as a test tells it: up, with a carrier and no address, unless it says otherwise. */
export interface DeviceSpec {
  readonly index: number;
  readonly name: string;
  /** Hardware without. */
  readonly kind?: string;
  readonly flags?: readonly string[];
  readonly master?: string;
  readonly address?: string;
  /** The other end of a veth. */
  readonly farIndex?: number;
  /** Its namespace, as this one numbers it; 0 without. */
  readonly farNumber?: number;
  /** What a macvlan of this namespace stands on. */
  readonly below?: string;
  /** What `ip -d link` says of its kind. */
  readonly data?: object;
}

const usable = ['UP', 'LOWER_UP'];

/** A namespace with these devices, and `ip -4 route` and `ip -6 route` objects. */
export function namespaceWith(
  name: string,
  devices: readonly DeviceSpec[],
  routes: readonly object[] = [],
  routes6: readonly object[] = [],
): NamespaceSnapshot {
  const links = devices.map(
    ({ index, name: ifname, kind, flags = usable, master, farIndex, farNumber = 0, below, data }) => ({
      ifindex: index,
      ifname,
      flags,
      mtu: 1500,
      link_type: 'ether',
      address: '02:00:00:00:00:01',
      ...(master !== undefined && { master }),
      ...(kind !== undefined && { linkinfo: { info_kind: kind, ...(data && { info_data: data }) } }),
      ...(below !== undefined && { link: below }),
      ...(farIndex !== undefined && { link_index: farIndex, link_netnsid: farNumber }),
    }),
  );
  const addresses = devices.map(({ index, address }) => {
    const [local = '', length] = (address ?? '').split('/');
    const family = local.includes(':') ? 'inet6' : 'inet';
    return {
      ifindex: index,
      addr_info: address === undefined ? [] : [{ family, local, prefixlen: Number(length) }],
    };
  });
  return {
    name,
    inode: 1,
    container: null,
    outputs: [
      printed('ip -j -d -s link', JSON.stringify(links)),
      printed('ip -j netns list-id', '[]'),
      printed('ip netns identify', ''),
      printed('ip -j addr', JSON.stringify(addresses)),
      printed('ip -j -4 route show table all', JSON.stringify(routes)),
      printed('ip -j -6 route show table all', JSON.stringify(routes6)),
      printed('ip -j -4 rule', '[]'),
      printed('ip -j -6 rule', '[]'),
      printed('ip -j neigh', '[]'),
      printed('bridge -j -d link', '[]'),
      printed('bridge -j fdb', '[]'),
    ],
  };
}

/** A snapshot of these namespaces. */
export function snapshotWith(...namespaces: readonly NamespaceSnapshot[]): Snapshot {
  return { takenNs: 0n, namespaces, processes: [], missing: [] };
}

const container = { id: 'a'.repeat(64), name: 'web', runtime: 'podman', networks: null, ports: null };

/** A host with a bridge, a container on it, and most that can be odd. */
export const oddHost: Snapshot = {
  ...snapshotWith(
    namespaceWith(
      'host',
      [
        { index: 2, name: 'eth0', address: '192.0.2.5/24' },
        { index: 3, name: 'podman0', kind: 'bridge', address: '10.88.0.1/16' },
        { index: 4, name: 'veth0', kind: 'veth', master: 'podman0', farIndex: 2 },
        { index: 5, name: 'veth1', kind: 'veth', master: 'podman0', farIndex: 7, farNumber: 1, flags: ['UP'] },
        { index: 6, name: 'docker0', kind: 'bridge', address: '172.17.0.1/16', flags: ['UP'] },
        { index: 7, name: 'eth1', flags: ['UP'] },
        { index: 8, name: 'tun0', kind: 'tun', flags: [] },
      ],
      [{ dst: 'default', gateway: '192.0.2.1', dev: 'eth0' }],
    ),
    {
      ...namespaceWith('web', [
        { index: 2, name: 'eth0', kind: 'veth', address: '10.88.0.10/16', farIndex: 4 },
        { index: 9, name: 'spare', kind: 'veth', farIndex: 77, farNumber: 1 },
      ]),
      inode: 2,
      container,
    },
  ),
  missing: ['Not every network namespace is known: permission to read that of 7 processes was denied.'],
};
