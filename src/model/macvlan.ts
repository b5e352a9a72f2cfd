/** Which macvlans stand on which device (drivers/net/macvlan.c); `Spread` in segment.ts has what they do with a frame. */

import type { HostState, Link, NamespaceState } from '../host/state.ts';

/** A link where it is. */
export interface Placed {
  readonly namespace: NamespaceState;
  readonly link: Link;
}

/** What macvlans of this kind send and get is known: `vepa` may be sent back to by a switch, `passthru` takes the device's own address. */
const modelledModes: readonly (string | null)[] = ['bridge', 'private'];

/** The device that a macvlan stands on, null when it is not known, or what it does with it. */
export function lowerOf(host: HostState, { lower, mode }: Link): Placed | null {
  const namespace = host.namespaces.get(lower?.netns ?? '');
  const link = namespace?.links.find(({ name }) => name === lower?.device);
  // A bridge below hands up what it finds in its own table.
  if (namespace === undefined || link === undefined || link.kind === 'bridge') return null;
  return isModelled({ mode }) ? { namespace, link } : null;
}

/** Macvlans that are up, by `NETNS DEVICE` of what they stand on: asked for wherever a frame arrives, and none on most hosts. */
const uppersOfHosts = new WeakMap<HostState, ReadonlyMap<string, readonly Placed[]>>();

function uppersOf(host: HostState): ReadonlyMap<string, readonly Placed[]> {
  const all = [...host.namespaces.values()].flatMap((namespace) =>
    namespace.links.flatMap((link) => (link.lower !== null && link.up ? [{ namespace, link, lower: link.lower }] : [])),
  );
  return Map.groupBy(all, ({ lower }) => `${lower.netns} ${lower.device}`);
}

/** The macvlans that stand on a device and are up. */
export function uppersOn(host: HostState, netns: string, device: string): readonly Placed[] {
  const uppers = uppersOfHosts.get(host) ?? uppersOf(host);
  uppersOfHosts.set(host, uppers);
  return uppers.get(`${netns} ${device}`) ?? [];
}

/** True for a macvlan of which it is known what it gets of what its device gets. */
export function isModelled({ mode }: Pick<Link, 'mode'>): boolean {
  return modelledModes.includes(mode);
}
