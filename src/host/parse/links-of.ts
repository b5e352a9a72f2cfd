/** The links of all namespaces, each with those of others that it belongs to: they tell more together than alone. */

import type { Snapshot } from '../snapshot.ts';
import type { Link } from '../state.ts';
import { parseForwardingEntries } from './bridge.ts';
import { parseLinks, parseNamespaceNames, type UnjoinedNamespace } from './links.ts';
import { joinLowers } from './macvlan.ts';
import { Sections } from './section.ts';
import { joinPeers } from './veth.ts';
import { joinUnderlays } from './vxlan.ts';

/** What of a namespace its links are joined by. */
export function parseUnjoined(sections: Sections): UnjoinedNamespace {
  return {
    links: parseLinks(sections),
    names: parseNamespaceNames(sections),
    forwardingEntries: parseForwardingEntries(sections),
  };
}

/** The links by the names of their namespaces. */
export function joinLinks(namespaces: ReadonlyMap<string, UnjoinedNamespace>): Map<string, Link[]> {
  return joinUnderlays(namespaces, joinLowers(namespaces, joinPeers(namespaces)));
}

/** The links that `parseSnapshot` gives, and nothing else of the host: most of a snapshot is rules and sockets. */
export function linksOf({ namespaces }: Pick<Snapshot, 'namespaces'>): Map<string, readonly Link[]> {
  const unjoined = new Map<string, UnjoinedNamespace>();
  for (const namespace of namespaces) {
    if (!unjoined.has(namespace.name)) unjoined.set(namespace.name, parseUnjoined(new Sections(namespace)));
  }
  return joinLinks(unjoined);
}
