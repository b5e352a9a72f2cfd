/** How a packet of the host's own sets out: `ip_route_output_key_hash_rcu` (net/ipv4/route.c), `ip6_dst_lookup_tail`. */

import { routeScope } from '../host/route-numbers.ts';
import type { Link, NamespaceState, NextHop, Quote, Route } from '../host/state.ts';
import { isLimitedBroadcast, isLoopback, isMulticast, isUnspecified } from '../inet/address.ts';
import { lookUpRoute, type RouteLookup, type TakenHop } from './routing.ts';
import { type RouteQuery, vrfOf } from './rule.ts';
import { largerSetting, settingOf } from './setting.ts';
import { selectAddress4, selectAddress6, sourceFor } from './source.ts';
import type { Fault, ModelPacket } from './step.ts';

/** Delivered at home, sent away, failed with what the program gets, or not known. */
export type Departure =
  | {
      readonly kind: 'local';
      /** The device whose address it is: a socket that is bound to a device takes it by that one. */
      readonly device: string | null;
      readonly quotes: readonly Quote[];
    }
  | {
      readonly kind: 'away';
      /** Null: no route serves, and the destination is taken to be on the link of the device that was asked for. */
      readonly route: Route | null;
      readonly nextHops: readonly NextHop[];
      readonly quotes: readonly Quote[];
    }
  | {
      readonly kind: 'failed';
      readonly stage: 'send' | 'route';
      readonly errno: string;
      readonly reason: string;
      readonly quotes: readonly Quote[];
      readonly fault?: Fault;
    }
  | { readonly kind: 'unknown'; readonly reason: string; readonly quotes: readonly Quote[] };

/** What routing is asked about the packet, which came in by the device or (null) is sent by a program. */
export function routeQuery(packet: ModelPacket, inputDevice: string | null): RouteQuery {
  const { family, source, destination, protocol, mark, sourcePort, destinationPort, user, boundDevice } = packet;
  const sent = inputDevice === null;
  return {
    family,
    source,
    destination,
    inputDevice,
    outputDevice: sent ? (boundDevice ?? null) : null,
    mark: mark === undefined ? 0 : mark,
    tos: 0,
    protocol,
    sourcePort: sourcePort ?? null,
    destinationPort: protocol === 'icmp' ? null : destinationPort,
    user: sent ? (user ?? null) : null,
  };
}

/** What routing says of a packet of the host's own; `on-link`: see `lookUpOutput`. */
type OutputLookup = RouteLookup | { readonly kind: 'on-link'; readonly link: Link };

/**
 * Looks up a packet of the host's own. Where no route serves what is to leave by one device, IPv4 takes the destination to
 * be on the link of that device (`ip_route_output_key_hash_rcu`).
 */
function lookUpOutput(namespace: NamespaceState, query: RouteQuery): OutputLookup {
  const found = lookUpRoute(namespace, query);
  const { family, outputDevice } = query;
  if (found.kind === 'route' || found.kind === 'unknown' || family === 6) return found;
  const link = namespace.links.find(({ name, up }) => name === outputDevice && up);
  return link === undefined || vrfOf(namespace, link.name) !== null ? found : { kind: 'on-link', link };
}

/** 127.0.0.0/8 leaves by no other device, unless that one is told to take it (`__mkroute_output`). */
function strandedLoopback(
  namespace: NamespaceState,
  { family, source }: RouteQuery,
  nextHops: readonly NextHop[],
): Departure | null {
  const [hop] = nextHops;
  if (family === 6 || hop === undefined || !isLoopback(source)) return null;
  const allowed = largerSetting(namespace, 4, hop.device, 'route_localnet');
  if (allowed.value !== 0) return null;
  const reason = `a packet from ${source} may not leave by ${hop.device} (route_localnet is 0)`;
  return {
    kind: 'failed',
    stage: 'send',
    errno: 'EINVAL',
    reason,
    quotes: allowed.quotes,
    fault: { kind: 'localnet-not-routable', device: hop.device, setting: allowed.name },
  };
}

/** Without a route, by the device that was asked for. */
function departOnLink(namespace: NamespaceState, query: RouteQuery, { name, source }: Link): Departure {
  const nextHops = [{ device: name, gateway: null, dead: false, linkDown: false }];
  return strandedLoopback(namespace, query, nextHops) ?? { kind: 'away', route: null, nextHops, quotes: [source] };
}

/**
 * Decides about a packet that a program of the namespace sends.
 *
 * @param isRerouted The rules at output have changed it: what a socket would refuse is not asked again.
 */
export function depart(
  namespace: NamespaceState,
  packet: ModelPacket,
  query: RouteQuery,
  isRerouted = false,
): Departure {
  const { destination, family, protocol } = packet;
  // What rules send to no address is for the host itself.
  if (family === 4 && isUnspecified(destination)) return { kind: 'local', device: null, quotes: [] };
  const found = lookUpOutput(namespace, query);
  if (found.kind === 'on-link') return departOnLink(namespace, query, found.link);
  if (found.kind === 'unknown') return found;
  const { quotes } = found;
  // IPv6 looks for a source before it looks at the error.
  if (family === 6 && isUnspecified(packet.source) && !isUnspecified(destination)) {
    const reason = `${namespace.name} has no source address for ${destination}`;
    return { kind: 'failed', stage: 'send', errno: 'EADDRNOTAVAIL', reason, quotes };
  }
  if (found.kind === 'none') {
    return { kind: 'failed', stage: 'route', errno: 'ENETUNREACH', reason: `no route to ${destination}`, quotes };
  }
  if (found.kind === 'refused') return { ...found, kind: 'failed', stage: 'route' };
  const { route, nextHops } = found;
  if (route.type === 'local' || route.type === 'anycast') {
    return { kind: 'local', device: nextHops[0]?.device ?? null, quotes };
  }
  const stranded = strandedLoopback(namespace, query, nextHops);
  if (stranded !== null) return stranded;
  // `__mkroute_output` goes by the address before it goes by the type of the route.
  const everyones = isLimitedBroadcast(destination) ? 'broadcast' : isMulticast(destination) ? 'multicast' : null;
  const type = everyones ?? route.type;
  if (type === 'unicast') return { kind: 'away', route, nextHops, quotes };
  const reason =
    everyones === 'broadcast'
      ? `${destination} is everybody on the link`
      : `the route to ${destination} is of type ${type}`;
  if (isRerouted) return { kind: 'unknown', reason, quotes };
  if (protocol === 'tcp') return { kind: 'failed', stage: 'route', errno: 'ENETUNREACH', reason, quotes };
  // A program has to ask for it (SO_BROADCAST, socket(7)); nothing tells whether it did, and few do.
  if (type === 'broadcast') return { kind: 'failed', stage: 'send', errno: 'EACCES', reason, quotes };
  return { kind: 'unknown', reason, quotes };
}

/** How the packet sets out: its ends, and the source that its route is looked up with. */
export interface Origin {
  /** The unspecified address when the host has none for it. */
  readonly source: string;
  readonly destination: string;
  readonly routedAs: string;
}

const loopbackAddress = { 4: '127.0.0.1', 6: '::1' } as const;

/** The unspecified address as destination is the host itself: by the source where there is one, in IPv4. */
function namedDestination({ source, destination, family }: ModelPacket): string {
  if (!isUnspecified(destination)) return destination;
  return family === 6 || isUnspecified(source) ? loopbackAddress[family] : source;
}

/**
 * Chooses the source where the program chose none. IPv4 looks the route up again with it (`ip_route_connect`), but not for
 * a ping (`raw_sendmsg`), the kernel's own errors (`icmp_route_lookup`) or tunnels (`udp_tunnel_dst_lookup`); IPv6 only when the first look-up failed (`ip6_dst_lookup_tail`), and
 * chooses before it looks at the error, among the addresses of all devices. One origin at least: where the route has
 * several next hops, each may give another source.
 */
export function chooseOrigins(namespace: NamespaceState, asked: ModelPacket): readonly [Origin, ...Origin[]] {
  const destination = namedDestination(asked);
  const packet = { ...asked, destination };
  const { source, family } = packet;
  if (!isUnspecified(source)) return [{ source, destination, routedAs: source }];
  const isRoutedAgain = family === 4 && packet.protocol !== 'icmp' && packet.carriesFrame !== true;
  const found = lookUpOutput(namespace, routeQuery(packet, null));
  if (found.kind === 'on-link') {
    const chosen = selectAddress4(namespace, found.link.name, null, routeScope.link) ?? source;
    return [{ source: chosen, destination, routedAs: isRoutedAgain ? chosen : source }];
  }
  if (found.kind !== 'route') {
    const any = family === 4 ? source : (selectAddress6(namespace, null, destination) ?? source);
    return [{ source: any, destination, routedAs: any }];
  }
  const originBy = (hop: TakenHop | null): Origin => {
    const chosen = sourceFor(namespace, found.route, hop, destination) ?? source;
    return { source: chosen, destination, routedAs: isRoutedAgain ? chosen : source };
  };
  const [first, ...others] = found.nextHops;
  const origin = originBy(first ?? null);
  const further = others.map(originBy).filter((one) => one.source !== origin.source);
  return [origin, ...new Map(further.map((one) => [one.source, one])).values()];
}

/** True when a program of the namespace may send from the packet's source: it is an address of the namespace's own. */
export function isOwnAddress(namespace: NamespaceState, packet: ModelPacket): boolean {
  const anywhere = settingOf(namespace, `net.ipv${packet.family}.ip_nonlocal_bind`).value !== 0;
  const found = lookUpRoute(namespace, {
    ...routeQuery(packet, null),
    source: packet.source,
    destination: packet.source,
    outputDevice: null,
  });
  return anywhere || (found.kind === 'route' && found.route.type === 'local');
}
