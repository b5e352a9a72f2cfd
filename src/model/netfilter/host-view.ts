/** What rules ask of a namespace, by the state of its snapshot. */

import { routeScope, routingTable } from '../../host/route-numbers.ts';
import type { NamespaceState, Route } from '../../host/state.ts';
import {
  formatAddress,
  inPrefix,
  isLimitedBroadcast,
  isMulticast,
  parseAddress,
  unspecifiedAddress,
} from '../../inet/address.ts';
import { lookUpLocally, lookUpRoute, type RouteLookup } from '../routing.ts';
import type { RouteQuery } from '../rule.ts';
import { selectAddress4, selectAddress6 } from '../source.ts';
import type { HostView } from './packet.ts';
import { hasReversePath, routeDevice } from './route-question.ts';

/** Addresses that are of a type without any route (__inet_dev_addr_type; RFC 4291, section 2.4). */
function typeByItself(address: string): string | null {
  if (address === unspecifiedAddress[4] || isLimitedBroadcast(address)) return 'broadcast';
  return isMulticast(address) ? 'multicast' : null;
}

/** How rules look up the way to an address; no route is for a source that is of many hosts. */
function wayQuery(family: 4 | 6, destination: string, from: bigint | null, mark: bigint | null): RouteQuery {
  const source = from === null ? unspecifiedAddress[family] : formatAddress({ family, value: from });
  return {
    family,
    source: isMulticast(source) ? unspecifiedAddress[family] : source,
    destination,
    inputDevice: null,
    outputDevice: null,
    mark: mark === null ? null : Number(mark),
    tos: 0,
    protocol: '',
    sourcePort: null,
    destinationPort: null,
    user: null,
  };
}

/** The next hop on the way to an address by a device: what its source is to lie beside. */
function nextHopOf(namespace: NamespaceState, device: string, destination: string): string {
  const found = lookUpRoute(namespace, wayQuery(4, destination, null, 0n));
  const hop = found.kind === 'route' ? found.nextHops.find((one) => one.device === device) : undefined;
  return hop?.gateway ?? destination;
}

/** IPv6 asks for a route: an address without one is of no type that a program could send to (`nft_fib6_eval_type`). */
function routedType6(found: RouteLookup): string | null {
  if (found.kind === 'unknown') return null;
  if (found.kind === 'route') return 'unicast';
  const errno = found.kind === 'refused' ? found.errno : '';
  return errno === 'EINVAL' ? 'blackhole' : errno === 'EACCES' ? 'prohibit' : 'unreachable';
}

/** IPv4's type of an address: what a look-up in the local table alone finds (`__inet_dev_addr_type`). */
function localType4(namespace: NamespaceState, destination: string, device: string | null): string | null {
  const found = lookUpLocally(namespace, wayQuery(4, destination, null, 0n));
  if (found?.kind === 'unknown') return null;
  if (found?.kind !== 'route') return 'unicast';
  const isItsDevice = device === null || found.route.nextHops[0]?.device === device;
  return isItsDevice ? found.route.type : 'unicast';
}

/** The type of an address of the host's own in IPv6, null without. */
function localType6(localRoutes: readonly Route[], address: string, device: string | null): string | null {
  const [best] = localRoutes
    .filter(({ family, prefix, prefixLength }) => family === 6 && inPrefix(address, prefix, prefixLength))
    .filter(({ nextHops }) => device === null || nextHops.some((hop) => hop.device === device))
    .sort((a, b) => b.prefixLength - a.prefixLength);
  return best?.type ?? null;
}

function numberOf(address: string | null): bigint | 'none' {
  return (address === null ? null : parseAddress(address)?.value) ?? 'none';
}

/** The view of a namespace. */
export function hostViewOf(namespace: NamespaceState): HostView {
  const localRoutes = namespace.routes.filter(({ table }) => table === routingTable.local);
  return {
    addressType(family, value, from, device, mark) {
      const address = formatAddress({ family, value });
      const itself = typeByItself(address);
      if (itself !== null) return itself;
      if (localRoutes.length === 0) return null;
      if (family === 4) return localType4(namespace, address, device);
      const own = localType6(localRoutes, address, device);
      if (own !== null) return own;
      if (device !== null) return 'unicast';
      return routedType6(lookUpRoute(namespace, wayQuery(6, address, from, mark)));
    },
    routeDevice: (question) => routeDevice(namespace, question),
    hasReversePath: (question, loose, acceptsLocal) => hasReversePath(namespace, question, loose, acceptsLocal),
    isLoopback: (device) => namespace.links.some(({ name, kind }) => name === device && kind === 'loopback'),
    masqueradeAddress(family, device, value) {
      if (value === null) return null;
      const destination = formatAddress({ family, value });
      const chosen =
        family === 6
          ? selectAddress6(namespace, device, destination)
          : selectAddress4(namespace, device, nextHopOf(namespace, device, destination), routeScope.global);
      return numberOf(chosen);
    },
    redirectAddress(family, device) {
      const own = namespace.links.find(({ name }) => name === device)?.addresses ?? [];
      const usable = own.find((one) => one.family === family && !one.flags.includes('tentative'));
      return numberOf(usable?.address ?? null);
    },
  };
}
