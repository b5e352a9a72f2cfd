/**
 * What a host decides about a packet that came in: `ip_route_input_slow` and `__fib_validate_source` for IPv4
 * (net/ipv4/route.c, fib_frontend.c), `ip6_rcv_core` and `ip6_forward` for IPv6.
 */

import type { NamespaceState, Quote } from '../host/state.ts';
import {
  inPrefix,
  isLimitedBroadcast,
  isLinkLocal6,
  isLoopback,
  isMulticast,
  isUnspecified,
  sameAddress,
} from '../inet/address.ts';
import { type IcmpError, unreachable, unreachableBy } from '../inet/icmp.ts';
import { hasCustomRules, lookUpRoute, type RouteLookup } from './routing.ts';
import type { RouteQuery } from './rule.ts';
import { largerSetting, type Setting, settingOf } from './setting.ts';
import type { Fault } from './step.ts';

type FoundRoute = Extract<RouteLookup, { kind: 'route' }>;

/**
 * - `local`: it is for this host (`broadcast`: among others);
 * - `forward`: it goes on, by one of the route's next hops, if the host forwards (`off`: the setting that says no);
 * - `refused`: no route, or one that says no, and the error that tells the sender; null: nothing does;
 * - `dropped`: silently;
 * - `unknown`: the model cannot say.
 */
export type InputDecision =
  | { readonly kind: 'local'; readonly broadcast: boolean; readonly quotes: readonly Quote[] }
  | {
      readonly kind: 'forward';
      readonly found: FoundRoute;
      readonly off: Setting | null;
      readonly assumed: string | null;
    }
  | {
      readonly kind: 'refused';
      readonly icmp: IcmpError | null;
      readonly reason: string;
      readonly quotes: readonly Quote[];
    }
  | { readonly kind: 'dropped'; readonly reason: string; readonly quotes: readonly Quote[]; readonly fault?: Fault }
  | { readonly kind: 'unknown'; readonly reason: string; readonly quotes: readonly Quote[] };

function dropped(reason: string, quotes: readonly Quote[] = [], fault?: Fault): InputDecision {
  return { kind: 'dropped', reason, quotes, ...(fault === undefined ? {} : { fault }) };
}

/** The address record that makes an address the host's own. */
function ownAddress(namespace: NamespaceState, address: string): Quote | null {
  const all = namespace.links.flatMap(({ addresses }) => addresses);
  return all.find((own) => sameAddress(own.address, address))?.source ?? null;
}

/** Sources and destinations that no wire may carry. */
function martian4(namespace: NamespaceState, device: string, query: RouteQuery): InputDecision | null {
  const { source, destination } = query;
  // Of 0.0.0.0/8 only the first address is none (`ipv4_is_zeronet`, Linux 5.3 on).
  if (isUnspecified(source)) return dropped(`${source} is no address that a host sends from`);
  if (isUnspecified(destination)) return dropped(`${destination} is no destination`);
  const wrong = [destination, source].find(isLoopback);
  if (wrong === undefined) return null;
  const allowed = largerSetting(namespace, 4, device, 'route_localnet');
  return allowed.value === 0
    ? dropped(
        `${wrong} came in by ${device}, and 127.0.0.0/8 is taken from the loopback device alone (route_localnet is 0)`,
        allowed.quotes,
        { kind: 'localnet-not-routable', device, setting: allowed.name },
      )
    : null;
}

/** The way back to the source, as if a packet from here went there. */
function wayBack(
  namespace: NamespaceState,
  device: string,
  query: RouteQuery,
  outputDevice: string | null,
): RouteLookup {
  const keepsMark = largerSetting(namespace, 4, device, 'src_valid_mark').value !== 0;
  return lookUpRoute(namespace, {
    ...query,
    source: query.destination,
    destination: query.source,
    inputDevice: outputDevice,
    outputDevice: null,
    // Of the device that it came in by, whatever its way back is (`__fib_validate_source`).
    vrfDevice: device,
    mark: keepsMark ? query.mark : 0,
    sourcePort: query.destinationPort,
    destinationPort: query.sourcePort,
  });
}

function filtered(device: string, source: string, filter: Setting, way: RouteLookup): InputDecision {
  const told =
    way.kind === 'route' ? `the way back to ${source} is not by ${device}` : `there is no way back to ${source}`;
  return dropped(
    `${told}, and ${device} filters by the reverse path (rp_filter ${filter.value})`,
    [...filter.quotes, ...(way.kind === 'unknown' ? [] : way.quotes)],
    { kind: 'reverse-path-filter' },
  );
}

/** Local routes that follow from no address (`fib_has_custom_local_routes`): a source may be local by them alone. */
function hasCustomLocalRoutes(namespace: NamespaceState): boolean {
  return namespace.routes.some(
    ({ family, type, prefix, prefixLength }) =>
      family === 4 &&
      type === 'local' &&
      !inPrefix(prefix, '127.0.0.0', 8) &&
      (prefixLength < 32 || ownAddress(namespace, prefix) === null),
  );
}

/**
 * `fib_validate_source`: whether the source may come in by this device. `outputDevice` is where the packet would go on,
 * null for one that is for this host.
 */
function checkSource(
  namespace: NamespaceState,
  device: string,
  query: RouteQuery,
  outputDevice: string | null,
): InputDecision | null {
  const filter = largerSetting(namespace, 4, device, 'rp_filter');
  const acceptsLocal = largerSetting(namespace, 4, device, 'accept_local').value !== 0;
  const own = ownAddress(namespace, query.source);
  const isLocal = (quotes: readonly Quote[]): InputDecision =>
    dropped(`its source ${query.source} is an address of this host itself (accept_local is 0)`, quotes, {
      kind: 'source-is-local',
    });
  const redirects = outputDevice === device && largerSetting(namespace, 4, device, 'send_redirects').value !== 0;
  if (filter.value === 0 && !redirects) {
    if (acceptsLocal) return null;
    if (!hasCustomRules(namespace) && !hasCustomLocalRoutes(namespace)) return own === null ? null : isLocal([own]);
  }
  const way = wayBack(namespace, device, query, outputDevice);
  if (way.kind === 'unknown') return way;
  if (way.kind !== 'route') return filter.value === 0 ? null : filtered(device, query.source, filter, way);
  if (way.route.type === 'local' && !acceptsLocal) return isLocal(way.quotes);
  if (way.route.type !== 'local' && way.route.type !== 'unicast') {
    return dropped(`its source ${query.source} is a ${way.route.type} address here`, way.quotes);
  }
  if (filter.value === 0 || way.route.nextHops.some((hop) => hop.device === device)) return null;
  const link = namespace.links.find(({ name }) => name === device);
  const hasAddress = link?.addresses.some(({ family }) => family === 4) === true;
  // Loose: any way back will do, but a device without an address of its own has none to compare with.
  return filter.value === 1 || !hasAddress ? filtered(device, query.source, filter, way) : null;
}

/** How `ip_error` tells a sender of a route that does not serve; a blackhole says nothing. */
function told4(errno: string): IcmpError | null {
  if (errno === 'EINVAL') return null;
  return unreachable(errno === 'ENETUNREACH' ? 'network' : errno === 'EACCES' ? 'prohibited' : 'host', 4);
}

/** `brd_input`: the way back is looked for from no address in particular when everyone was addressed. */
function toEveryone(
  namespace: NamespaceState,
  device: string,
  query: RouteQuery,
  quotes: readonly Quote[],
): InputDecision {
  const wrong = isUnspecified(query.source)
    ? null
    : checkSource(namespace, device, { ...query, destination: '0.0.0.0' }, null);
  return wrong ?? { kind: 'local', broadcast: true, quotes };
}

/** Broadcasts of another network are sent on where the device and all devices are told so (`IN_DEV_BFORWARD`). */
function forwardsBroadcasts(namespace: NamespaceState, device: string): boolean {
  return ['all', device].every((of) => settingOf(namespace, `net.ipv4.conf.${of}.bc_forwarding`).value !== 0);
}

function input4(namespace: NamespaceState, device: string, query: RouteQuery): InputDecision {
  const { source, destination } = query;
  if (isMulticast(source) || isLimitedBroadcast(source))
    return dropped(`${source} is no address that a host sends from`);
  if (isLimitedBroadcast(destination) || (isUnspecified(source) && isUnspecified(destination))) {
    return toEveryone(namespace, device, query, []);
  }
  const martian = martian4(namespace, device, query);
  if (martian !== null) return martian;
  const forwards = settingOf(namespace, `net.ipv4.conf.${device}.forwarding`);
  const silent = forwards.quotes.length > 0 && forwards.value === 0;
  const found = lookUpRoute(namespace, query);
  if (found.kind === 'unknown') return found;
  if (found.kind === 'none') {
    const reason = `no route to ${destination}`;
    return { kind: 'refused', icmp: silent ? null : told4('ENETUNREACH'), reason, quotes: found.quotes };
  }
  if (found.kind === 'refused') return { ...found, icmp: silent ? null : told4(found.errno) };
  if (found.route.type === 'broadcast') {
    if (!forwardsBroadcasts(namespace, device)) return toEveryone(namespace, device, query, found.quotes);
    const reason = `${destination} is a broadcast address, and ${device} sends such packets on (bc_forwarding), which the model does not follow`;
    return { kind: 'unknown', reason, quotes: found.quotes };
  }
  if (found.route.type === 'local') {
    return checkSource(namespace, device, query, null) ?? { kind: 'local', broadcast: false, quotes: found.quotes };
  }
  if (found.route.type !== 'unicast') {
    return dropped(`the route to ${destination} is of type ${found.route.type}`, found.quotes);
  }
  const assumed = forwards.quotes.length === 0 ? `net.ipv4.conf.${device}.forwarding` : null;
  if (silent) return { kind: 'forward', found, off: forwards, assumed };
  const wrong = checkSource(namespace, device, query, found.nextHops[0]?.device ?? null);
  return wrong ?? { kind: 'forward', found, off: null, assumed };
}

/**
 * What IPv6 drops before any rule sees it (`ip6_rcv_core`): everything where it is switched off, and its loopback address
 * on a wire. Null where nothing is wrong, and of IPv4.
 */
export function droppedUnseen(
  namespace: NamespaceState,
  device: string,
  { family, source, destination }: Pick<RouteQuery, 'family' | 'source' | 'destination'>,
): Extract<InputDecision, { kind: 'dropped' }> | null {
  if (family === 4) return null;
  const off = settingOf(namespace, `net.ipv6.conf.${device}.disable_ipv6`);
  if (off.value !== 0) {
    return { kind: 'dropped', reason: `IPv6 is switched off on ${device} (disable_ipv6 is 1)`, quotes: off.quotes };
  }
  const isLoopbackDevice = namespace.links.some(({ name, kind }) => kind === 'loopback' && name === device);
  const wrong = isLoopbackDevice ? undefined : [destination, source].find(isLoopback);
  if (wrong === undefined) return null;
  const reason = `${wrong} came in by ${device}, and ::1 is taken from the loopback device alone`;
  return { kind: 'dropped', reason, quotes: [] };
}

function input6(namespace: NamespaceState, device: string, query: RouteQuery): InputDecision {
  const { source, destination } = query;
  const wrong = droppedUnseen(namespace, device, query);
  if (wrong !== null) return wrong;
  const found = lookUpRoute(namespace, query);
  if (found.kind === 'unknown') return found;
  if (found.kind === 'none') {
    return {
      kind: 'refused',
      icmp: unreachable('network', 6),
      reason: `no route to ${destination}`,
      quotes: found.quotes,
    };
  }
  if (found.kind === 'refused') return { ...found, icmp: told6(found.errno) };
  if (found.route.type === 'local' || found.route.type === 'anycast')
    return { kind: 'local', broadcast: false, quotes: found.quotes };
  // IPv6 has one switch for all devices, and since Linux 6.17 one more for each (ip-sysctl.rst, "forwarding").
  const all = settingOf(namespace, 'net.ipv6.conf.all.forwarding');
  const forced = settingOf(namespace, `net.ipv6.conf.${device}.force_forwarding`).value !== 0;
  const assumed = all.quotes.length === 0 ? 'net.ipv6.conf.all.forwarding' : null;
  const off = all.quotes.length > 0 && all.value === 0 && !forced ? all : null;
  const goesBack = found.nextHops.every((hop) => hop.device === device);
  if (off === null && (isUnspecified(source) || (isLinkLocal6(source) && !goesBack))) {
    const reason = `a packet from ${source} is not forwarded to another link (RFC 4291, section 2.5.6)`;
    const icmp = isUnspecified(source) ? null : unreachableBy(beyondScope, 6);
    return { kind: 'refused', icmp, reason, quotes: found.quotes };
  }
  return { kind: 'forward', found, off, assumed };
}

/** RFC 4443, section 3.1: beyond the scope of the source address (the kernel's ICMPV6_NOT_NEIGHBOUR). */
const beyondScope = 2;

/** `ip6_rt_init_dst_reject`: an unreachable route and none at all are told alike. */
function told6(errno: string): IcmpError | null {
  if (errno === 'EINVAL') return null;
  return unreachable(errno === 'EACCES' ? 'prohibited' : 'network', 6);
}

/** Decides about a packet that came in by the device. `query.inputDevice` is that device. */
export function decideInput(namespace: NamespaceState, device: string, query: RouteQuery): InputDecision {
  return query.family === 4 ? input4(namespace, device, query) : input6(namespace, device, query);
}
