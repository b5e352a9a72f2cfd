/** Which devices to capture on for a command in a namespace: those that its packets are likely to pass. Pure. */

import type { Link } from '../host/state.ts';

/** A device in a namespace, by names. */
export interface PointName {
  readonly netns: string;
  readonly device: string;
}

/** More would cost the host more than they tell. */
const mostPoints = 8;

/** Hardware leads out of the host. */
function isUplink(link: Link): boolean {
  return link.kind === 'device' && link.master === null && link.up;
}

/**
 * The devices nearest to the namespace first: its own, the other ends of its veths, the bridges that those are ports of,
 * then uplinks, the veths by which hosts on the way lead on, ports (of those bridges first) and the containers behind
 * them, eight at most. A device that is down is watched too, as it may
 * come up; loopback only in the command's own namespace.
 */
export function choosePoints(links: ReadonlyMap<string, readonly Link[]>, start: string): PointName[] {
  const chosen: PointName[] = [];
  const take = (netns: string, device: string): boolean => {
    if (chosen.length >= mostPoints || chosen.some((point) => point.netns === netns && point.device === device)) {
      return false;
    }
    chosen.push({ netns, device });
    return true;
  };
  const linksOf = (netns: string): readonly Link[] => links.get(netns) ?? [];
  const throughPeer = (link: Link): void => {
    const netns = link.peer?.netns ?? null;
    const peer = netns === null ? undefined : linksOf(netns).find(({ index }) => index === link.peer?.index);
    if (netns === null || peer === undefined) return;
    take(netns, peer.name);
    if (peer.master !== null) take(netns, peer.master);
  };
  const own = linksOf(start);
  const near = own.filter(({ kind, master }) => kind !== 'loopback' && master === null);
  for (const link of own.filter(({ kind }) => kind === 'loopback')) take(start, link.name);
  for (const link of near) take(start, link.name);
  for (const link of near) throughPeer(link);
  const namespaces = [...new Set(chosen.map(({ netns }) => netns))];
  for (const netns of namespaces) for (const link of linksOf(netns).filter(isUplink)) take(netns, link.name);
  // A host in between routes: its other veths lead on.
  for (const netns of namespaces.filter((name) => name !== start)) {
    const onward = linksOf(netns).filter(({ kind, master }) => kind === 'veth' && master === null);
    for (const link of onward) if (take(netns, link.name)) throughPeer(link);
  }
  for (const netns of namespaces) {
    const ports = linksOf(netns).filter(({ master, kind }) => master !== null && kind === 'veth');
    const near = (port: Link): boolean => chosen.some((point) => point.netns === netns && point.device === port.master);
    const [nearest, others] = [ports.filter(near), ports.filter((port) => !near(port))];
    for (const port of [...nearest, ...others]) if (take(netns, port.name)) throughPeer(port);
  }
  return chosen;
}
