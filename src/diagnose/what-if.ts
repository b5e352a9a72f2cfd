/** The host with one thing changed, and whether the packet would arrive then: how a fix is checked before it is printed. */

import type { BridgePort, HostState, Link, NamespaceState } from '../host/state.ts';
import { journey, replyJourney } from '../model/journey.ts';
import type { Context } from './context.ts';
import { shellCommand } from './shell.ts';

/** The host with one namespace changed. */
export function withNamespace(
  host: HostState,
  netns: string,
  change: (namespace: NamespaceState) => NamespaceState,
): HostState {
  const namespace = host.namespaces.get(netns);
  if (namespace === undefined) return host;
  return { ...host, namespaces: new Map(host.namespaces).set(netns, change(namespace)) };
}

/** The host with a kernel setting changed, if the snapshot has it. */
export function withSetting(host: HostState, netns: string, name: string, value = '1'): HostState {
  return withNamespace(host, netns, (namespace) => {
    const known = namespace.sysctls.get(name);
    if (known === undefined) return namespace;
    const get: typeof namespace.sysctls.get = (asked) =>
      asked === name ? { ...known, value } : namespace.sysctls.get(asked);
    return { ...namespace, sysctls: { get } };
  });
}

/** The host with a link changed. */
export function withLink(host: HostState, netns: string, device: string, change: Partial<Link>): HostState {
  return withNamespace(host, netns, (namespace) => ({
    ...namespace,
    links: namespace.links.map((link) => (link.name === device ? { ...link, ...change } : link)),
  }));
}

/** The host with a bridge's port changed. */
export function withPort(host: HostState, netns: string, device: string, change: Partial<BridgePort>): HostState {
  return withNamespace(host, netns, (namespace) => ({
    ...namespace,
    bridgePorts: namespace.bridgePorts.map((port) => (port.device === device ? { ...port, ...change } : port)),
  }));
}

/** True when the packet, sent again on the changed host, arrives and is answered, or leaves the host's view. */
export function wouldWork({ packet, clientNetns }: Context, changed: HostState): boolean {
  if (clientNetns === null) return false;
  const way = journey(changed, packet, clientNetns);
  if (way.assumptions.length > 0) return false;
  if (way.end.kind === 'leaves-view') return true;
  return way.end.kind === 'accepted' && replyJourney(changed, way)?.end.kind === 'returned';
}

/** The commands, each quoted for a shell; none where a name in one cannot be pasted. */
export function commandsOf(...commands: readonly (readonly string[])[]): string[] {
  const texts = commands.map(shellCommand);
  return texts.every((text) => text !== null) ? texts : [];
}
