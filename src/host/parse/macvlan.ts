/**
 * Finds what macvlans stand on, across namespaces.
 *
 * A macvlan knows the index of its lower device and, by a number that only its own namespace uses, that device's namespace
 * (rtnetlink's IFLA_LINK and IFLA_LINK_NETNSID). `ip netns` may have a name for the number; else the lower device tells: it
 * takes frames for the macvlan's address (`dev_uc_add` in drivers/net/macvlan.c), which `bridge fdb` lists.
 */

import type { ForwardingEntry, Link } from '../state.ts';
import type { UnjoinedNamespace } from './links.ts';
import type { PeeredLink } from './veth.ts';

/** An entry of a device's own, not of a bridge's. */
function takesFramesFor({ mac, bridge, permanent, remote }: ForwardingEntry, wanted: string | null): boolean {
  return bridge === null && remote === null && permanent && mac === wanted;
}

/** Null where it is none that is known, or could be several. */
function lowerOf(
  namespaces: ReadonlyMap<string, UnjoinedNamespace>,
  here: string,
  { below, mac }: PeeredLink,
): Link['lower'] {
  if (below === null) return null;
  const { index, netnsId } = below;
  const told = netnsId === null ? undefined : namespaces.get(here)?.names.byNumber.get(netnsId);
  const found = [...namespaces].flatMap(([netns, { links, names, forwardingEntries }]) => {
    const lower = (netns === here) === (netnsId === null) ? links.find((one) => one.index === index) : undefined;
    if (lower === undefined) return [];
    const takes = (entry: ForwardingEntry): boolean => entry.device === lower.name && takesFramesFor(entry, mac);
    // A number that is listed without a name is none of those that have one.
    const mayBe = typeof told === 'string' ? names.own.includes(told) : told === undefined || names.own.length === 0;
    const isIt = mayBe && (netnsId === null || typeof told === 'string' || forwardingEntries.some(takes));
    return isIt ? [{ netns, device: lower.name }] : [];
  });
  const [lower = null, ...others] = found;
  return others.length === 0 ? lower : null;
}

/** A link with what it stands on, before the namespace that it sends in is looked for. */
export type LoweredLink = Omit<PeeredLink, 'below'> & Pick<Link, 'lower'>;

/** The links of each namespace, macvlans with what they stand on. */
export function joinLowers(
  namespaces: ReadonlyMap<string, UnjoinedNamespace>,
  links: ReadonlyMap<string, readonly PeeredLink[]>,
): Map<string, LoweredLink[]> {
  const joined = (here: string, link: PeeredLink): LoweredLink => {
    const { below: _below, ...rest } = link;
    return { ...rest, lower: lowerOf(namespaces, here, link) };
  };
  return new Map([...links].map(([name, own]) => [name, own.map((link) => joined(name, link))]));
}
