/** What rules ask of a namespace, by the state of its snapshot. */

import type { LinkAddress, NamespaceState, Route } from '../../host/state.ts';
import { formatAddress, inPrefix, parseAddress } from '../address.ts';
import { lookUpRoute, type RouteLookup } from '../routing.ts';
import type { HostView } from './packet.ts';

/** The routing table of addresses that are the host's own, broadcasts among them. */
const localTable = 255;

function isLinkLocal({ address }: LinkAddress): boolean {
  return inPrefix(address, 'fe80::', 10);
}

/** Addresses that are of a type without any route (__inet_dev_addr_type; RFC 4291, section 2.4). */
function typeByItself(address: string): string | null {
  if (inPrefix(address, '0.0.0.0', 8) || address === '255.255.255.255') return 'broadcast';
  return inPrefix(address, '224.0.0.0', 4) || inPrefix(address, 'ff00::', 8) ? 'multicast' : null;
}

/** The way to an address as rules look it up: without a mark, for nobody in particular. */
function wayTo(namespace: NamespaceState, family: 4 | 6, destination: string): RouteLookup {
  return lookUpRoute(namespace, {
    family,
    source: family === 4 ? '0.0.0.0' : '::',
    destination,
    inputDevice: null,
    outputDevice: null,
    mark: 0,
    tos: 0,
    protocol: '',
    sourcePort: null,
    destinationPort: null,
    user: null,
  });
}

/** The view of a namespace. */
export function hostViewOf(namespace: NamespaceState): HostView {
  const localRoutes = namespace.routes.filter(({ table }) => table === localTable);
  const addressesOf = (family: 4 | 6, device: string): readonly LinkAddress[] =>
    (namespace.links.find(({ name }) => name === device)?.addresses ?? []).filter((own) => own.family === family);
  const numberOf = (own: LinkAddress | undefined): bigint | null =>
    own === undefined ? null : (parseAddress(own.address)?.value ?? null);

  return {
    addressType(family, value, device) {
      const address = formatAddress({ family, value });
      const itself = typeByItself(address);
      if (itself !== null) return itself;
      if (localRoutes.length === 0) return null;
      let best: Route | null = null;
      for (const route of localRoutes) {
        if (route.family !== family || (device !== null && !route.nextHops.some((hop) => hop.device === device)))
          continue;
        if (!inPrefix(address, route.prefix, route.prefixLength)) continue;
        if (best === null || route.prefixLength > best.prefixLength) best = route;
      }
      return best?.type ?? 'unicast';
    },
    routeDevice(family, value) {
      const found = wayTo(namespace, family, formatAddress({ family, value }));
      if (found.kind === 'unknown') return null;
      if (found.kind !== 'route') return '';
      const devices = new Set(found.nextHops.map((hop) => hop.device));
      return devices.size === 1 ? ([...devices][0] ?? null) : null;
    },
    masqueradeAddress(family, device, destination) {
      const own = addressesOf(family, device);
      if (family === 6) {
        const candidates = own.filter((one) => !isLinkLocal(one));
        return candidates.length === 1 ? numberOf(candidates[0]) : null;
      }
      if (own.length < 2 || destination === null) return numberOf(own[0]);
      // The first one whose network the next hop is in, else the first (inet_select_addr).
      const target = formatAddress({ family, value: destination });
      const found = wayTo(namespace, family, target);
      const nextHop = found.kind === 'route' ? (found.nextHops[0]?.gateway ?? target) : target;
      return numberOf(own.find((one) => inPrefix(nextHop, one.address, one.prefixLength)) ?? own[0]);
    },
    redirectAddress(family, device) {
      const own = addressesOf(family, device).filter((one) => family === 4 || !isLinkLocal(one));
      return family === 4 || own.length === 1 ? numberOf(own[0]) : null;
    },
  };
}
