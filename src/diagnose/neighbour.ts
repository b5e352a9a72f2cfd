/** Nobody answers for the next hop: because it is behind another device, or because the cable is plugged in nowhere. */

import { wasAnswered } from '../flow/connection.ts';
import type { HostState, Link, NamespaceState, Quote } from '../host/state.ts';
import { addressBits, familyOf, inPrefix, unspecifiedAddress } from '../inet/address.ts';
import { journey, replyJourney } from '../model/journey.ts';
import type { Journey, Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Fix } from './diagnosis.ts';
import type { Cause, Finding } from './finding.ts';
import { certaintyByErrno } from './met-errno.ts';
import { commandsOf, routeBy, withLink, withNamespace, wouldWork } from './what-if.ts';
import { askedText, inNetns, netnsText, serverText } from './words.ts';

/** The host with a route to one address by a device, before all others. */
function withRoute(host: HostState, netns: string, destination: string, device: string): HostState {
  const route = routeBy(device, destination, addressBits[familyOf(destination)]);
  return withNamespace(host, netns, (namespace) => ({ ...namespace, routes: [route, ...namespace.routes] }));
}

function isThere({ end }: Journey): boolean {
  return end.kind === 'accepted' || end.kind === 'refused' || end.kind === 'rejected' || end.kind === 'returned';
}

/** Devices of a namespace that packets may leave by, but for one. */
function otherDevices({ links }: NamespaceState, device: string | null): Link[] {
  return links.filter(({ name, kind, up, master }) => name !== device && kind !== 'loopback' && up && master === null);
}

/** A journey, and what it would be with the host changed. */
interface Way {
  readonly now: Journey;
  readonly on: (changed: HostState) => Journey | null;
  readonly direction: 'request' | 'reply';
  readonly destination: string;
}

function waysOf({ host, journey: way, packet, clientNetns }: Context): Way[] {
  if (host === null || way === null || clientNetns === null) return [];
  const request: Way = {
    now: way,
    on: (changed) => journey(changed, packet, clientNetns),
    direction: 'request',
    destination: way.arrived.destination,
  };
  const back = way.end.kind === 'accepted' ? replyJourney(host, way) : null;
  if (back === null) return [request];
  const on = (changed: HostState): Journey | null => replyJourney(changed, journey(changed, packet, clientNetns));
  return [request, { now: back, on, direction: 'reply', destination: back.packet.destination }];
}

/** The device behind which the address is, where the route names another. */
function rightDevice({ host }: Context, { now, on, destination }: Way, last: Step): string | null {
  const namespace = host?.namespaces.get(last.netns);
  if (host === null || namespace === undefined || now.end.kind !== 'unanswered') return null;
  const route = now.steps.findLast(({ stage, netns }) => stage === 'route' && netns === last.netns);
  for (const { name } of otherDevices(namespace, route?.device ?? last.device)) {
    const changed = on(withRoute(host, last.netns, destination, name));
    if (changed !== null && isThere(changed)) return name;
  }
  return null;
}

/** The route leads out of one device, and who is asked for is behind another. */
export const routeWrongDevice: Cause = (context) => {
  const { connection, host } = context;
  if (host === null || wasAnswered(connection)) return null;
  if (connection.outcome !== 'timeout' && connection.outcome !== 'unreachable') return null;
  for (const way of waysOf(context)) {
    const last = way.now.steps.at(-1);
    const right = last === undefined ? null : rightDevice(context, way, last);
    if (last === undefined || right === null) continue;
    const route = way.now.steps.findLast(({ stage, netns }) => stage === 'route' && netns === last.netns);
    return wrongDevice(context, host, way, route ?? last, right);
  }
  return null;
};

function wrongDevice(context: Context, host: HostState, way: Way, route: Step, right: string): Finding {
  const { netns, device } = route;
  const { destination, direction } = way;
  const changed = withRoute(host, netns, destination, right);
  const length = addressBits[familyOf(destination)];
  const what = direction === 'reply' ? 'The answer' : 'The packet';
  const fix: Fix = {
    summary: `Send what goes to ${destination} out of ${right}. If both devices really are in one network, give each its own, or plug them into one bridge.`,
    commands: commandsOf(['ip', 'route', 'replace', `${destination}/${length}`, 'dev', right]),
    netns,
    verified: wouldWork(context, changed),
  };
  return {
    cause: 'route-wrong-device',
    certainty: direction === 'reply' ? 'inferred' : certaintyByErrno(context),
    where: { netns, device, stage: 'route' },
    ...(direction === 'reply' ? { direction } : {}),
    verdict: 'failed',
    detail: `the route to ${destination} is by ${device}, and ${destination} is behind ${right}`,
    evidence: route.quotes.map((quote) => ({ kind: 'snapshot' as const, ...quote })),
    summary: `${serverText(context)} ${direction === 'reply' ? 'did not answer' : 'could not be reached'}: ${netnsText(netns)} sends ${direction === 'reply' ? 'the answer to' : 'what goes to'} ${destination} out of ${device}, and ${destination} is behind ${right}.`,
    explanation: [
      askedText(context),
      `${what} has to leave ${netnsText(netns)} by ${right}, where ${destination} is. The routing table says ${device} (${route.detail}); there nobody answers for the address. Two devices with addresses of one network do that: the kernel takes the route that it finds first, whichever device the neighbour is behind.`,
    ],
    fixes: [fix],
    alternatives: [],
  };
}

/** A cable's end that is plugged into no bridge, where a bridge of that network stands beside it. */
interface Loose {
  readonly netns: string;
  readonly device: string;
  readonly bridge: string;
  /** Who is at the cable's other end. */
  readonly client: string;
  readonly source: Quote;
}

function looseAt({ name: netns, links }: NamespaceState, device: string | null, client: string): Loose | null {
  const link = links.find(({ name }) => name === device);
  if (link === undefined || link.kind !== 'veth' || link.master !== null) return null;
  if (link.addresses.some(({ family }) => family === 4)) return null;
  const bridge = links.find(
    ({ kind, addresses }) =>
      kind === 'bridge' && addresses.some((own) => inPrefix(client, own.address, own.prefixLength)),
  );
  return bridge === undefined ? null : { netns, device: link.name, bridge: bridge.name, client, source: link.source };
}

function looseEnd(host: HostState, { steps, forms }: Journey): Loose | null {
  for (const { netns, device, stage } of steps) {
    const namespace = host.namespaces.get(netns);
    if (stage !== 'ingress' || namespace === undefined) continue;
    for (const { source } of forms) {
      const loose = looseAt(namespace, device, source);
      if (loose !== null) return loose;
    }
  }
  return null;
}

/** What is sent to the cable's other end goes to the bridge, and nobody there has the address. */
function isCutOff(host: HostState, { netns, client }: Loose): boolean {
  const family = familyOf(client);
  const source = unspecifiedAddress[family];
  const { end } = journey(host, { protocol: 'icmp', family, source, destination: client, destinationPort: 0 }, netns);
  return end.kind === 'unanswered' || end.kind === 'leaves-view';
}

/** The host with the cable plugged into the bridge. */
function pluggedIn(host: HostState, { netns, device, bridge, source }: Loose): HostState {
  const port = {
    device,
    bridge,
    state: 'forwarding',
    hairpin: false,
    isolated: false,
    flood: true,
    broadcastFlood: true,
    multicastFlood: true,
    source,
  };
  const own = ({ links }: NamespaceState) =>
    links
      .filter(({ name, mac }) => name === device && mac !== null)
      .map(({ mac }) => ({
        mac: mac ?? '',
        device,
        bridge,
        permanent: true,
        fixed: true,
        vlan: null,
        heardAgo: null,
        source,
      }));
  const linked = withLink(host, netns, device, { master: bridge });
  return withNamespace(linked, netns, (namespace) => ({
    ...namespace,
    bridgePorts: [...namespace.bridgePorts, port],
    // A bridge takes what is for the address of one of its ports for its host's.
    forwardingEntries: [...namespace.forwardingEntries, ...own(namespace)],
  }));
}

/** The veth of a container is plugged into no bridge. */
export const bridgePortDetached: Cause = (context) => {
  const { connection, host, journey: way } = context;
  if (host === null || way === null || wasAnswered(connection)) return null;
  if (connection.outcome !== 'timeout' && connection.outcome !== 'unreachable') return null;
  const loose = looseEnd(host, way);
  if (loose === null || !isCutOff(host, loose)) return null;
  const { netns, device, bridge, source } = loose;
  return {
    cause: 'bridge-port-detached',
    certainty: certaintyByErrno(context),
    where: { netns, device, stage: 'bridge' },
    verdict: 'failed',
    detail: `${device} is a port of no bridge, and the network is that of ${bridge}`,
    evidence: [{ kind: 'snapshot', ...source }],
    summary: `${serverText(context)} could not be reached: ${device}, the other end of the sender's cable, is plugged into no bridge ${inNetns(netns)}.`,
    explanation: [
      askedText(context),
      `A container is joined to the host by a pair of devices, like the two ends of a cable: what goes in at one end comes out at the other. The end ${inNetns(netns)}, ${device}, should be plugged into the bridge ${bridge}, whose network it is. It is not: what the container sends comes out at ${device} and meets none of its neighbours, and what is sent to the container goes to ${bridge}, where it is not.`,
    ],
    fixes: [
      {
        summary: `Plug ${device} into ${bridge}. Whatever made the container will do so itself at its next start, or it has a fault of its own.`,
        commands: commandsOf(['ip', 'link', 'set', device, 'master', bridge]),
        netns,
        verified: wouldWork(context, pluggedIn(host, loose)),
      },
    ],
    alternatives: [],
  };
};
