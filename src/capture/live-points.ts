/** Where a live capture looks by itself, by what devices are: where connections pass. Pure. */

import type { Topology, TopologyDevice, TopologyNamespace } from '../topology/topology.ts';
import { leadsOut, type PointName } from './points.ts';

/** More would cost the host more than they tell; others can be chosen. */
const mostPoints = 16;

type Kind = 'uplink' | 'bridge' | 'end' | 'port';
const order: readonly Kind[] = ['uplink', 'bridge', 'end', 'port'];

function kindOf(device: TopologyDevice): Kind | null {
  const { kind, master, ports, defaultRoutes, peer } = device;
  if (kind === 'loopback') return null;
  if (kind === 'bridge') return ports.length > 0 ? 'bridge' : null;
  if (master !== null) return 'port';
  if (peer !== null) return 'end';
  return defaultRoutes.length > 0 || leadsOut(device) ? 'uplink' : null;
}

/** The points of one namespace. */
function pointsOf({ name, devices }: TopologyNamespace): (PointName & { readonly kind: Kind })[] {
  return devices.flatMap((device) => {
    const kind = kindOf(device);
    return kind === null ? [] : [{ netns: name, device: device.name, kind }];
  });
}

/**
 * Uplinks (devices of default routes, and what leads out of the host by its kind), bridges that have ports, ends of veth pairs, then the bridges' ports;
 * sixteen at most. Loopback carries what a host says to itself alone, and is left to be chosen.
 */
export function livePoints({ namespaces }: Topology): PointName[] {
  const points = namespaces.flatMap(pointsOf);
  points.sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return points.slice(0, mostPoints).map(({ netns, device }) => ({ netns, device }));
}
