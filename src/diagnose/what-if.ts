/** The host with one thing changed, and whether the packet would arrive then: how a fix is checked before it is printed. */

import { routeScope, routingTable } from '../host/route-numbers.ts';
import type { BridgePort, HostState, Link, NamespaceState, Quote, Route } from '../host/state.ts';
import { familyOf, inPrefix } from '../inet/address.ts';
import { type Exchange, exchange, outsideReply } from '../model/journey.ts';
import type { ModelPacket } from '../model/step.ts';
import type { Context } from './context.ts';
import { holdsForAnother, lostOutside, outcomeAfterOpening, predictedOutcome, reasonOf } from './predicted-outcome.ts';
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

/** The host with a kernel setting changed, if the snapshot has it. By sysctl(8)'s name, where a device's dot is a slash. */
export function withSetting(host: HostState, netns: string, shown: string, value = '1'): HostState {
  const name = shown.replaceAll('/', '.');
  return withNamespace(host, netns, (namespace) => {
    const known = namespace.sysctls.get(name);
    if (known === undefined) return namespace;
    const get: typeof namespace.sysctls.get = (asked) =>
      asked === name ? { ...known, value } : namespace.sysctls.get(asked);
    return { ...namespace, sysctls: { get } };
  });
}

/** A plain route of the main table to what is beside a device. */
export function routeBy(device: string, prefix: string, prefixLength: number): Route {
  return {
    family: familyOf(prefix),
    table: routingTable.main,
    type: 'unicast',
    prefix,
    prefixLength,
    metric: 0,
    scope: 0,
    tos: 0,
    from: null,
    preferredSource: null,
    nextHops: [{ device, gateway: null, dead: false, linkDown: false }],
    source: { netns: '', command: '', text: '' },
  };
}

/** The kernel takes the routes to a device's IPv4 networks away when it is set down, and gives them back. */
function withNetworks(host: HostState, netns: string, device: string): HostState {
  return withNamespace(host, netns, (namespace) => {
    const own = namespace.links.find(({ name }) => name === device)?.addresses ?? [];
    const lost = own.filter(
      ({ family, address, prefixLength, flags }) =>
        family === 4 &&
        prefixLength < 32 &&
        !flags.includes('noprefixroute') &&
        !namespace.routes.some(
          (route) =>
            route.prefixLength === prefixLength &&
            inPrefix(address, route.prefix, prefixLength) &&
            route.nextHops.some((hop) => hop.device === device),
        ),
    );
    const routes = lost.map(({ address, prefixLength }) => routeBy(device, address, prefixLength));
    return { ...namespace, routes: [...namespace.routes, ...routes] };
  });
}

/** The host with a link set up, its networks on it, and the cable's other end told so. */
export function withLinkUp(host: HostState, netns: string, device: string): HostState {
  const linked = withNetworks(withLink(host, netns, device, { up: true, carrier: true }), netns, device);
  // A bridge disables a port without a carrier, and opens it again.
  const up = withPort(linked, netns, device, { state: 'forwarding' });
  const peer = host.namespaces.get(netns)?.links.find(({ name }) => name === device)?.peer ?? null;
  const far = host.namespaces.get(peer?.netns ?? '')?.links.find(({ index }) => index === peer?.index);
  return far === undefined || typeof peer?.netns !== 'string'
    ? up
    : withLink(up, peer.netns, far.name, { carrier: true });
}

/** The host with the addresses and routes that the kernel gives its loopback device when that is set up. */
export function withLoopback(host: HostState, netns: string, device: string): HostState {
  return withNamespace(host, netns, (namespace) => {
    const source: Quote = { netns, command: '', text: '' };
    const own = [
      { family: 4, prefix: '127.0.0.0', prefixLength: 8, preferredSource: '127.0.0.1' },
      { family: 6, prefix: '::1', prefixLength: 128, preferredSource: null },
    ] as const;
    const { local: table } = routingTable;
    const rest = { table, type: 'local', metric: 0, scope: routeScope.host, tos: 0, from: null, source } as const;
    const nextHops = [{ device, gateway: null, dead: false, linkDown: false }];
    return { ...namespace, routes: [...own.map((one) => ({ ...one, ...rest, nextHops })), ...namespace.routes] };
  });
}

/** The host with IPv4 forwarding on everywhere (`net.ipv4.ip_forward` sets every device's), or IPv6's. */
export function withForwarding(host: HostState, netns: string, family: 4 | 6): HostState {
  return withNamespace(host, netns, (namespace) => {
    const prefix = `net.ipv${family}.conf.`;
    const get: typeof namespace.sysctls.get = (name) => {
      const known = namespace.sysctls.get(name);
      const switches = name.startsWith(prefix) && name.endsWith('.forwarding');
      return known !== undefined && switches ? { ...known, value: '1' } : known;
    };
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

/** The host with every port of a bridge open. */
export function withPortsOpen(host: HostState, netns: string, bridge: string): HostState {
  return withNamespace(host, netns, (namespace) => ({
    ...namespace,
    bridgePorts: namespace.bridgePorts.map((port) =>
      port.bridge === bridge ? { ...port, state: 'forwarding' } : port,
    ),
  }));
}

/** The host with a bridge's port changed. */
export function withPort(host: HostState, netns: string, device: string, change: Partial<BridgePort>): HostState {
  return withNamespace(host, netns, (namespace) => ({
    ...namespace,
    bridgePorts: namespace.bridgePorts.map((port) => (port.device === device ? { ...port, ...change } : port)),
  }));
}

/** Another try has another port: what conntrack has on this one does not hold for it. */
export function askedAgain(
  changed: HostState,
  { sourcePort: _port, ...packet }: ModelPacket,
  clientNetns: string,
): Exchange {
  return exchange(changed, packet, clientNetns);
}

/**
 * The packet, sent again on the changed host, as it is where it arrives and is answered, or leaves the host's view with
 * nothing in the way of its answer; null where it does neither for certain.
 */
export function wouldArriveAs({ packet, clientNetns }: Context, changed: HostState): ModelPacket | null {
  if (clientNetns === null) return null;
  const { there, back, after } = askedAgain(changed, packet, clientNetns);
  const answer = back ?? outsideReply(changed, there);
  const isSure = [there, answer, after].every((way) => way === null || way.assumptions.length === 0);
  const isServed = there.end.kind === 'accepted' && !holdsForAnother(there.end.listener);
  const arrives = isServed || there.end.kind === 'leaves-view';
  // Of what is beyond the view it is not always known where its answer would come in.
  const isHeard = answer === null ? there.end.kind === 'leaves-view' : answer.end.kind === 'returned';
  const goesOn = after === null || after.end.kind === 'accepted';
  const works = isSure && arrives && isHeard && goesOn;
  return works ? there.arrived : null;
}

/** Why the packet would fail on the changed host as well, and where; null where it might not, or where that is not certain. */
export function whatIsLeft({ packet, clientNetns }: Context, changed: HostState): string | null {
  if (clientNetns === null) return null;
  const { there, back, after } = askedAgain(changed, packet, clientNetns);
  const answer = back ?? lostOutside(changed, there);
  if ([there, answer, after].some((way) => way !== null && way.assumptions.length > 0)) return null;
  const { outcome } = predictedOutcome(there, answer);
  if (outcome === 'ok')
    return after !== null && outcomeAfterOpening(after) === 'timeout' ? reasonOf(after, null) : null;
  return outcome === 'unknown' ? null : reasonOf(there, answer);
}

/** True when `wouldArriveAs` has an answer. */
export function wouldWork(context: Context, changed: HostState): boolean {
  return wouldArriveAs(context, changed) !== null;
}

/** The commands, each quoted for a shell; none where a name in one cannot be pasted. */
export function commandsOf(...commands: readonly (readonly string[])[]): string[] {
  const texts = commands.map(shellCommand);
  return texts.every((text) => text !== null) ? texts : [];
}
