/** Who answers when a next hop's link-layer address is asked for: ARP (RFC 826), proxy ARP (RFC 1027). */

import type { Link, NamespaceState } from '../host/state.ts';
import { sameAddress } from './address.ts';
import { lookUpRoute } from './routing.ts';

/** True when a link of the namespace has the address: Linux answers for it on every other link too (arp_ignore 0). */
export function ownsAddress(namespace: NamespaceState, address: string): boolean {
  return namespace.links.some((link) => link.addresses.some((own) => sameAddress(own.address, address)));
}

/**
 * True when the namespace answers ARP on the device for an address that is not its own (`arp_process` in
 * net/ipv4/arp.c): it forwards, and its way to the address is by another device.
 */
export function proxiesArp(namespace: NamespaceState, device: string, address: string): boolean {
  const on = (name: string): boolean => namespace.sysctls.get(`net.ipv4.conf.${name}`)?.value === '1';
  if (!on(`${device}.proxy_arp`) && !on('all.proxy_arp')) return false;
  const found = on(`${device}.forwarding`) ? lookUpRoute(namespace, address, 4) : null;
  return found?.kind === 'route' && found.route.type === 'unicast' && found.route.device !== device;
}

/** True when the neighbour table says that the address is this link's: nobody is asked then. */
export function neighbourIs(namespace: NamespaceState, device: string, address: string, link: Link): boolean {
  return namespace.neighbours.some(
    (entry) =>
      entry.device === device && entry.mac === link.mac && link.mac !== null && sameAddress(entry.address, address),
  );
}
