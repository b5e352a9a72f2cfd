/**
 * Who answers when a next hop's link-layer address is asked for: ARP (RFC 826, `arp_process` in net/ipv4/arp.c), proxy
 * ARP (RFC 1027), and neighbour discovery (RFC 4861, `ndisc_recv_ns`).
 */

import { routeScope } from '../host/route-numbers.ts';
import type { Link, NamespaceState, Neighbour, Quote } from '../host/state.ts';
import { inPrefix, isLinkLocal6, isLoopback, isUnspecified, sameAddress, unspecifiedAddress } from '../inet/address.ts';
import { decideInput } from './input.ts';
import { lookUpRoute } from './routing.ts';
import type { RouteQuery } from './rule.ts';
import { largerSetting, type Setting, settingOf } from './setting.ts';
import { selectAddress4 } from './source.ts';

/** True when a link of the namespace has the address. */
export function ownsAddress(namespace: NamespaceState, address: string): boolean {
  return namespace.links.some((link) => link.addresses.some((own) => sameAddress(own.address, address)));
}

/** The entry by which a packet can be sent at once: one with an address that has not failed. */
export function usableNeighbour(namespace: NamespaceState, device: string, address: string): Neighbour | null {
  const entry = namespace.neighbours.find((one) => one.device === device && sameAddress(one.address, address));
  if (entry === undefined || entry.mac === null) return null;
  return entry.states.some((state) => state === 'FAILED' || state === 'INCOMPLETE') ? null : entry;
}

/** Kinds of devices whose frames have addresses that are asked for. Others are NOARP because theirs have none. */
const addressedKinds: readonly string[] = ['veth', 'bridge', 'macvlan', 'vxlan', 'device'];

/** True for a device whose neighbours are not asked for, though its frames have addresses (`ip link set DEVICE arp off`). */
export function isWithoutArp({ arp, kind, mac }: Link): boolean {
  return !arp && mac !== null && addressedKinds.includes(kind);
}

/** `ndisc_solicit`: the packet's own source where it is the device's, else its link-local address. */
function askingAddress6({ addresses }: Link, source: string): string {
  const own = addresses.find(({ address }) => sameAddress(address, source));
  return own?.address ?? addresses.find(({ address }) => isLinkLocal6(address))?.address ?? unspecifiedAddress[6];
}

/** `arp_solicit`: the packet's own source where it is the host's, unless `arp_announce` asks for one of the device. */
function askingAddress4(namespace: NamespaceState, link: Link, source: string, target: string): string {
  const device = link.name;
  const announce = largerSetting(namespace, 4, device, 'arp_announce').value;
  const beside = link.addresses.some(
    ({ address, prefixLength }) => inPrefix(source, address, prefixLength) && inPrefix(target, address, prefixLength),
  );
  const mayUse = announce === 0 || (announce === 1 && beside);
  if (mayUse && ownsAddress(namespace, source)) return source;
  return selectAddress4(namespace, device, target, routeScope.link) ?? unspecifiedAddress[4];
}

/** The address that the host asks from for a next hop's link-layer address. */
export function askingAddress(namespace: NamespaceState, link: Link, source: string, target: string): string {
  return target.includes(':') ? askingAddress6(link, source) : askingAddress4(namespace, link, source, target);
}

function query(source: string, destination: string, inputDevice: string | null): RouteQuery {
  const unknown = { sourcePort: null, destinationPort: null, user: null };
  return {
    family: 4,
    source,
    destination,
    inputDevice,
    outputDevice: null,
    mark: 0,
    tos: 0,
    protocol: 'arp',
    ...unknown,
  };
}

/** Who has the address: does it answer, and if not, why not (null: it is not its own, and it is not told to). */
export type Reaction =
  | { readonly answers: true }
  | {
      readonly answers: false;
      readonly why: string | null;
      readonly quotes: readonly Quote[];
      /** It may answer all the same, by what the snapshot does not have. */
      readonly isOpen?: true;
    };

const answers: Reaction = { answers: true };

function silent(why: string | null, quotes: readonly Quote[] = []): Reaction {
  return { answers: false, why, quotes };
}

/** `arp_ignore`: what keeps a host from answering for an address of its own. */
function ignores(namespace: NamespaceState, { name, addresses }: Link, asker: string, target: string): boolean {
  const mode = largerSetting(namespace, 4, name, 'arp_ignore').value;
  const here = addresses.find(({ address }) => sameAddress(address, target));
  if (mode === 1) return here === undefined;
  if (mode === 2) return here === undefined || !inPrefix(asker, here.address, here.prefixLength);
  if (mode === 3) {
    const all = namespace.links.flatMap((link) => link.addresses);
    const scope = all.find(({ address }) => sameAddress(address, target))?.scope;
    return scope === undefined || scope > routeScope.link;
  }
  return mode === 8;
}

/** `arp_filter`: an answer only where the way back to the asker is by this device. */
function filters(namespace: NamespaceState, device: string, asker: string, target: string): boolean {
  if (largerSetting(namespace, 4, device, 'arp_filter').value === 0) return false;
  const way = lookUpRoute(namespace, query(target, asker, null));
  // The host itself is reached by lo, whichever device has the address.
  return way.kind !== 'route' || way.route.type === 'local' || way.nextHops[0]?.device !== device;
}

function reactToArp(namespace: NamespaceState, link: Link, asker: string, target: string): Reaction {
  const device = link.name;
  const setting = (name: string): Setting => largerSetting(namespace, 4, device, name);
  if (isLoopback(target) && setting('route_localnet').value === 0) return silent(null);
  const ignored = (): Reaction => {
    const { value, quotes } = setting('arp_ignore');
    return silent(`its arp_ignore is ${value}`, quotes);
  };
  // A request without a sender is one that looks for a duplicate.
  if (isUnspecified(asker)) {
    if (!ownsAddress(namespace, target)) return silent(null);
    return ignores(namespace, link, asker, target) ? ignored() : answers;
  }
  // The request is judged like a packet: what may not come in by this device gets no answer either.
  const decision = decideInput(namespace, device, query(asker, target, device));
  if (decision.kind === 'local' && !decision.broadcast) {
    if (ignores(namespace, link, asker, target)) return ignored();
    if (!filters(namespace, device, asker, target)) return answers;
    return silent(`its way back to ${asker} is not by ${device} (arp_filter)`, setting('arp_filter').quotes);
  }
  if (decision.kind === 'dropped' && ownsAddress(namespace, target)) return silent(decision.reason, decision.quotes);
  if (decision.kind !== 'forward' || decision.off !== null || decision.assumed !== null) return silent(null);
  if (decision.found.nextHops.some((hop) => hop.device === device)) {
    // For ports that may not talk to each other (RFC 3069), but not about the asker itself (`arp_fwd_pvlan`).
    const isPrivate = setting('proxy_arp_pvlan').value !== 0 && !sameAddress(asker, target);
    return isPrivate ? answers : silent(null);
  }
  const listed = namespace.proxyNeighbours.some((one) => one.device === device && sameAddress(one.address, target));
  return listed || setting('proxy_arp').value !== 0 ? answers : silent(null);
}

/** `ipv6_chk_acast_addr`: the kernel lists the anycast addresses of a device as routes of its own. */
function isAnycastOf(namespace: NamespaceState, device: string, target: string): boolean {
  return namespace.routes.some(
    ({ type, prefix, nextHops }) =>
      type === 'anycast' && sameAddress(prefix, target) && nextHops.some((hop) => hop.device === device),
  );
}

/** IPv6 answers for the addresses of the very device, unlike IPv4, and for its anycast addresses, as a subnet's router. */
function reactToDiscovery(namespace: NamespaceState, { name, addresses }: Link, target: string): Reaction {
  const own = addresses.find(({ address }) => sameAddress(address, target));
  const unready = own?.flags.find((flag) => flag === 'tentative' || flag === 'dadfailed');
  if (own !== undefined) return unready === undefined ? answers : silent(`its address is ${unready}`, [own.source]);
  if (isAnycastOf(namespace, name, target)) return answers;
  const elsewhere = namespace.links.find((link) => link.addresses.some(({ address }) => sameAddress(address, target)));
  if (elsewhere !== undefined) return silent(`its address is on ${elsewhere.name}, not on ${name}`, [elsewhere.source]);
  const forwards = settingOf(namespace, `net.ipv6.conf.${name}.forwarding`).value !== 0;
  const proxies = largerSetting(namespace, 6, name, 'proxy_ndp').value !== 0;
  const listed = namespace.proxyNeighbours.some((one) => one.device === name && sameAddress(one.address, target));
  return forwards && proxies && listed ? answers : silent(null);
}

/** What the host behind the device does about a request for the address, sent from `asker`. */
export function reactionTo(namespace: NamespaceState, link: Link, asker: string, target: string): Reaction {
  const reaction = target.includes(':')
    ? reactToDiscovery(namespace, link, target)
    : reactToArp(namespace, link, asker, target);
  if (!reaction.answers || !isWithoutArp(link)) return reaction;
  const why = `${link.name} neither asks nor answers for addresses (NOARP)`;
  // `arp_rcv` answers nobody. IPv6 hears the questions for what it had before it was told not to (`addrconf_join_solict`), and
  // its answer is for the device's own address, unless somebody has told it the asker's.
  if (target.includes(':') && usableNeighbour(namespace, link.name, asker) !== null) {
    const open = `${link.name} may have been told to answer nobody (NOARP) before it had the address, and since then does not hear who asks for it; or after that, and answers`;
    return { answers: false, why: open, quotes: [link.source], isOpen: true };
  }
  return ownsAddress(namespace, target) ? silent(why, [link.source]) : silent(null);
}
