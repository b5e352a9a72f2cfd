/** Which devices to capture on for a command in a namespace: those that its packets are likely to pass. Pure. */

import type { Link } from '../host/state.ts';

/** A device in a namespace, by names. */
export interface PointName {
  readonly netns: string;
  readonly device: string;
}

/** Where to capture, and where it would be captured as well if there were room. */
export interface ChosenPoints {
  readonly points: readonly PointName[];
  readonly left: readonly PointName[];
}

/** More would cost the host more than they tell. */
const mostPoints = 8;

/**
 * Kinds of links that lead out of a host: hardware and what is made of several of it, then what stands on it. Their ports
 * (`master`) are not told apart by where they lead.
 */
const outwardKinds = ['device', 'bond', 'team', 'vlan', 'wireguard', 'vxlan', 'tun', 'ppp'];

/** Whether a link leads out of the host, by what it is. */
export function leadsOut({ kind, master, up }: Pick<Link, 'kind' | 'master' | 'up'>): boolean {
  return outwardKinds.includes(kind) && master === null && up;
}

const outwardness = (link: Link): number => outwardKinds.indexOf(link.kind);

const isSame = (one: PointName) => (other: PointName) => one.netns === other.netns && one.device === other.device;

/**
 * The devices nearest to the namespace first: its own, the other ends of its veths, the bridges that those are ports of,
 * then uplinks, the veths by which hosts on the way lead on, ports (of those bridges first) and the containers behind
 * them, eight at most. A device that is down is watched too, as it may come up, unless it is an uplink; loopback only in
 * the command's own namespace.
 */
export function choosePoints(links: ReadonlyMap<string, readonly Link[]>, start: string): ChosenPoints {
  const chosen: PointName[] = [];
  const left: PointName[] = [];
  const take = (netns: string, device: string): boolean => {
    const point = { netns, device };
    if ([...chosen, ...left].some(isSame(point))) return false;
    const hasRoom = chosen.length < mostPoints;
    (hasRoom ? chosen : left).push(point);
    return hasRoom;
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
  for (const netns of namespaces) {
    const uplinks = linksOf(netns).filter(leadsOut);
    for (const link of uplinks.sort((a, b) => outwardness(a) - outwardness(b))) take(netns, link.name);
  }
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
  return { points: chosen, left };
}
