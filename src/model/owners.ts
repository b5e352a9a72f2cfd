/** Who has an address, and who of them is in one network: what is asked for there is answered by all of those. */

import type { HostState, Link, LinkAddress, NamespaceState } from '../host/state.ts';
import { sameAddress } from '../inet/address.ts';
import { end } from './progress.ts';
import { type Fabric, noFirewall, Spread } from './segment.ts';
import type { ModelPacket } from './step.ts';

/** A device with the address. */
export interface Owner {
  readonly namespace: NamespaceState;
  readonly link: Link;
  readonly own: LinkAddress;
}

/** A host does not use an address of IPv6 that another one had first (RFC 4862, section 5.4). */
const unused: readonly string[] = ['tentative', 'dadfailed'];

/** Every device that has the address and uses it. */
export function ownersOf(host: HostState, address: string): Owner[] {
  return [...host.namespaces.values()].flatMap((namespace) =>
    namespace.links.flatMap((link) => {
      const own = link.addresses.find((one) => sameAddress(one.address, address));
      const isUsed = own !== undefined && link.kind !== 'loopback' && !own.flags.some((flag) => unused.includes(flag));
      return isUsed ? [{ namespace, link, own }] : [];
    }),
  );
}

/** True when what one device sends to all comes to the other one, not by a tunnel. */
export function areBeside(host: HostState, one: Owner, other: Owner): boolean {
  const packet: ModelPacket = {
    protocol: 'icmp',
    family: one.own.address.includes(':') ? 6 : 4,
    source: one.own.address,
    destination: other.own.address,
    destinationPort: 0,
  };
  const question = {
    discovery: { kind: 'question', asker: one.own.address },
    to: 'all',
    nextHop: one.own.address,
    mac: null,
    justLearnt: false,
    length: null,
  } as const;
  const fabric: Fabric = {
    host,
    // A question for an address is no IP packet: no rules of a bridge's host see it.
    firewall: noFirewall,
    carry: (_underlay, { name }, packet) => ({
      steps: [],
      ...end('leaves-view', name),
      arrived: packet,
      isOpen: false,
      assumptions: [],
    }),
    remotes: [],
    mark: 0,
    forwarded: false,
    packet,
    doubted: new Set(),
  };
  const spread = new Spread(fabric, question);
  spread.leave(one.namespace, one.link);
  return spread.stations.some(({ link, obstacle }) => link === other.link && obstacle === null);
}
