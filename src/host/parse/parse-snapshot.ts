/** The public door: a snapshot's text becomes the host's state. */

import type { Snapshot } from '../snapshot.ts';
import { readsTableNames } from '../snapshot-commands.ts';
import type { HostState, NamespaceState, Problem } from '../state.ts';
import { parseBridgePorts, parsePortVlans } from './bridge.ts';
import { parseFirewall } from './firewall.ts';
import { parseHosts } from './hosts.ts';
import type { UnjoinedNamespace } from './links.ts';
import { joinLinks, parseUnjoined } from './links-of.ts';
import { parseNeighbours, parseProxyNeighbours } from './neighbours.ts';
import { trackedConnections } from './netfilter/connections.ts';
import { parseIncreases } from './netfilter/counted.ts';
import { parseResolvers } from './resolvers.ts';
import { parseRoutes } from './routes.ts';
import { parseRules } from './rules.ts';
import { Sections } from './section.ts';
import { parseConnectedSockets, parseListeners } from './sockets.ts';
import { parseSysctls } from './sysctls.ts';
import { parseTableNames } from './tables.ts';
import { parseVirtualServices } from './virtual-services.ts';

/**
 * Parses a snapshot. Never throws: a section that is missing or cannot be read is an empty list and a sentence in
 * `problems`. Two namespaces of one name (no collector makes such) are one, the first.
 */
export function parseSnapshot(snapshot: Snapshot): HostState {
  const problems: Problem[] = [];
  const sectionsByName = new Map<string, { sections: Sections } & Pick<NamespaceState, 'inode' | 'container'>>();
  for (const namespace of snapshot.namespaces) {
    const { name, inode, container } = namespace;
    if (sectionsByName.has(name)) problems.push({ netns: null, clause: `two namespaces are called ${name}` });
    else sectionsByName.set(name, { sections: new Sections(namespace), inode, container });
  }
  const tableNames = parseTableNames(
    [...sectionsByName.values()]
      .flatMap(({ sections }) => sections.all(readsTableNames))
      .map(({ text }) => text)
      .join('\n'),
  );
  const unjoined = new Map<string, UnjoinedNamespace>();
  for (const [name, { sections }] of sectionsByName) unjoined.set(name, parseUnjoined(sections));
  const links = joinLinks(unjoined);
  const namespaces = new Map<string, NamespaceState>();
  for (const [name, { sections, inode, container }] of sectionsByName) {
    const { listeners, known: listenersKnown } = parseListeners(sections);
    namespaces.set(name, {
      name,
      inode,
      container,
      links: links.get(name) ?? [],
      routes: parseRoutes(sections, tableNames),
      rules: parseRules(sections, tableNames),
      neighbours: parseNeighbours(sections),
      proxyNeighbours: parseProxyNeighbours(sections),
      forwardingEntries: unjoined.get(name)?.forwardingEntries ?? [],
      bridgePorts: parseBridgePorts(sections),
      portVlans: parsePortVlans(sections),
      listeners,
      listenersKnown,
      connectedSockets: parseConnectedSockets(sections),
      virtualServices: parseVirtualServices(sections),
      ...parseFirewall(sections),
      ruleIncreases: parseIncreases(sections),
      connections: trackedConnections(sections),
      sysctls: parseSysctls(sections),
      hosts: parseHosts(sections),
      resolvers: parseResolvers(sections),
    });
    problems.push(...sections.problems);
  }
  return {
    namespaces,
    processes: new Map(snapshot.processes.map(({ pid, argv }) => [pid, argv])),
    problems,
  };
}
