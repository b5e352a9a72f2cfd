/** Which source address a packet gets whose program chose none. */

import { routeScope } from '../host/route-numbers.ts';
import type { Link, LinkAddress, NamespaceState, Route } from '../host/state.ts';
import { commonPrefixLength, inPrefix, isLinkLocal6, isLoopback, isMulticast, sameAddress } from '../inet/address.ts';
import type { TakenHop } from './routing.ts';
import { vrfOf } from './rule.ts';
import { largerSetting, settingOf } from './setting.ts';

/** `inet_ifa_match`: the prefix is that of the other end on a point-to-point link. */
function onPrefix(own: LinkAddress, address: string): boolean {
  return inPrefix(address, own.peer ?? own.address, own.prefixLength);
}

function primaries(link: Link): LinkAddress[] {
  return link.addresses.filter(({ family, flags }) => family === 4 && !flags.includes('secondary'));
}

/**
 * `inet_select_addr` (net/ipv4/devinet.c): a primary address of the device whose scope is not narrower than the route's,
 * best one of the prefix that `beside` lies in; else one of another device, which a narrower scope than `link` excludes.
 * Null when there is none.
 */
export function selectAddress4(
  namespace: NamespaceState,
  device: string,
  beside: string | null,
  scope: number,
): string | null {
  const link = namespace.links.find(({ name }) => name === device);
  if (link !== undefined) {
    const localnet = largerSetting(namespace, 4, device, 'route_localnet').value !== 0;
    const widest = localnet ? routeScope.link : routeScope.host;
    const fitting = primaries(link).filter((own) => Math.min(own.scope, widest) <= scope);
    const best = beside === null ? undefined : fitting.find((own) => onPrefix(own, beside));
    const chosen = best ?? fitting[0];
    if (chosen !== undefined) return chosen.address;
  }
  const elsewhere = namespace.links
    .filter((other) => vrfOf(namespace, other.name)?.name === vrfOf(namespace, device)?.name)
    .flatMap(primaries)
    .find((own) => own.scope !== routeScope.link && own.scope <= scope);
  return elsewhere?.address ?? null;
}

/** The policy table of `net/ipv6/addrlabel.c` (RFC 6724, section 2.1, and two prefixes of the past). */
const labels: readonly (readonly [prefix: string, length: number, label: number])[] = [
  ['::1', 128, 0],
  ['::ffff:0:0', 96, 4],
  ['::', 96, 3],
  ['2001::', 32, 6],
  ['2001:10::', 28, 7],
  ['3ffe::', 16, 12],
  ['2002::', 16, 2],
  ['fec0::', 10, 11],
  ['fc00::', 7, 5],
  ['::', 0, 1],
];

function labelOf(address: string): number {
  return labels.find(([prefix, length]) => inPrefix(address, prefix, length))?.[2] ?? 1;
}

const linkLocalScope = 2;
const siteLocalScope = 5;
const globalScope = 14;

/** RFC 4007's scopes by number; the loopback address counts as link-local (RFC 6724, section 3.1). */
function scope6(address: string): number {
  if (isMulticast(address)) return Number.parseInt(address.charAt(3), 16);
  if (isLinkLocal6(address) || isLoopback(address)) return linkLocalScope;
  return inPrefix(address, 'fec0::', 10) ? siteLocalScope : globalScope;
}

interface Candidate {
  readonly own: LinkAddress;
  readonly device: string;
}

/** Public addresses come before temporary ones (RFC 8981), unless the device is told otherwise (`use_tempaddr` of 2). */
function isPreferredForPrivacy(namespace: NamespaceState, { own, device }: Candidate): boolean {
  const wantsTemporary = settingOf(namespace, `net.ipv6.conf.${device}.use_tempaddr`).value >= 2;
  return own.flags.includes('temporary') === wantsTemporary;
}

/** The first of RFC 6724's rules (section 5) that tells two candidates apart: negative when `a` is the better one. */
function compareSources(
  namespace: NamespaceState,
  a: Candidate,
  b: Candidate,
  destination: string,
  device: string | null,
): number {
  const prefer = (better: (one: Candidate) => boolean): number => Number(better(b)) - Number(better(a));
  const wanted = scope6(destination);
  const [scopeA, scopeB] = [scope6(a.own.address), scope6(b.own.address)];
  // The smaller scope, unless it is too small for the destination.
  const smallerIsBetter = Math.min(scopeA, scopeB) >= wanted;
  const byScope = smallerIsBetter ? scopeA - scopeB : scopeB - scopeA;
  return (
    prefer(({ own }) => sameAddress(own.address, destination)) ||
    byScope ||
    prefer(({ own }) => !own.flags.includes('deprecated')) ||
    prefer((one) => device !== null && one.device === device) ||
    prefer(({ own }) => labelOf(own.address) === labelOf(destination)) ||
    prefer((one) => isPreferredForPrivacy(namespace, one)) ||
    shared(b, destination) - shared(a, destination)
  );
}

/** Common prefix with the destination, no longer than the source's own prefix (`ipv6_addr_diff` is capped so). */
function shared({ own }: Candidate, destination: string): number {
  return Math.min(own.prefixLength, commonPrefixLength(own.address, destination));
}

/** `ipv6_dev_get_saddr` (net/ipv6/addrconf.c); null: connect() and sendto() give EADDRNOTAVAIL. */
export function selectAddress6(namespace: NamespaceState, device: string | null, destination: string): string | null {
  const onlyThere = device !== null && scope6(destination) <= linkLocalScope && !isLoopback(destination);
  const candidates = namespace.links
    .filter(({ name, up }) => up && (!onlyThere || name === device))
    .flatMap((link) => link.addresses.map((own) => ({ own, device: link.name })))
    .filter(({ own }) => own.family === 6 && !own.flags.includes('tentative') && !own.flags.includes('dadfailed'));
  // A stable sort: of equals the first stays.
  return candidates.sort((a, b) => compareSources(namespace, a, b, destination, device))[0]?.own.address ?? null;
}

/** The source of a packet that takes this route and next hop; null when the host has none for it. */
export function sourceFor(
  namespace: NamespaceState,
  route: Route,
  hop: TakenHop | null,
  destination: string,
): string | null {
  if (route.preferredSource !== null) return route.preferredSource;
  if (route.family === 6) return selectAddress6(namespace, hop?.device ?? null, destination);
  if (route.type === 'local') return destination;
  if (hop === null) return null;
  // `fib_info_update_nhc_saddr`.
  return selectAddress4(namespace, hop.device, hop.given, route.scope);
}
