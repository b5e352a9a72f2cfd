/** Nobody answers for the next hop: because it is behind another device, or because the cable is plugged in nowhere. */

import { answerPacket, wasAnswered } from '../flow/connection.ts';
import { routingTable } from '../host/route-numbers.ts';
import type { HostState, Link, NamespaceState, Quote } from '../host/state.ts';
import { addressBits, familyOf, inPrefix, unspecifiedAddress } from '../inet/address.ts';
import { journey, replyJourney } from '../model/journey.ts';
import { type Journey, ownSteps, type Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { EvidenceItem, Fix } from './diagnosis.ts';
import { answerWay } from './end-at.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { certaintyByErrno } from './met-errno.ts';
import { commandsOf, routeBy, withLink, withNamespace, wouldWork } from './what-if.ts';
import { askedText, inNetns, netnsText, serverText, unheardText } from './words.ts';

/** A way that a route might lead: a device, the next router there if any, and the table that the route stands in. */
interface Turn {
  readonly device: string;
  readonly gateway: string | null;
  readonly table: number;
}

/** The host with a route to one address, before all others of its table. */
function withRoute(host: HostState, netns: string, destination: string, { device, gateway, table }: Turn): HostState {
  const route = {
    ...routeBy(device, destination, addressBits[familyOf(destination)]),
    table,
    nextHops: [{ device, gateway, dead: false, linkDown: false }],
  };
  return withNamespace(host, netns, (namespace) => ({ ...namespace, routes: [route, ...namespace.routes] }));
}

/** The main table, then the others that rules may send a packet to: a route helps only where it is asked. */
function tablesOf({ routes }: NamespaceState): number[] {
  const others = new Set(routes.map(({ table }) => table));
  others.delete(routingTable.main);
  others.delete(routingTable.local);
  return [routingTable.main, ...others];
}

/** The command that makes the route. */
function routeCommand(destination: string, { device, gateway, table }: Turn): string[] {
  const length = addressBits[familyOf(destination)];
  return commandsOf([
    'ip',
    'route',
    'replace',
    `${destination}/${length}`,
    ...(gateway === null ? [] : ['via', gateway]),
    'dev',
    device,
    ...(table === routingTable.main ? [] : ['table', String(table)]),
  ]);
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

function waysOf(context: Context): Way[] {
  const { host, journey: way, packet, clientNetns, connection } = context;
  if (host === null || way === null || clientNetns === null) return [];
  const request: Way = {
    now: way,
    on: (changed) => journey(changed, packet, clientNetns),
    direction: 'request',
    destination: way.arrived.destination,
  };
  const asked = wasAnswered(connection) ? [] : [request];
  const back = answerWay(context);
  if (back === null) return asked;
  const on = (changed: HostState): Journey | null => replyJourney(changed, journey(changed, packet, clientNetns));
  return [...asked, { now: back, on, direction: 'reply', destination: back.packet.destination }];
}

/** The device behind which the address is, where the route names another. */
function rightTurn({ host }: Context, { now, on, destination }: Way, last: Step): Turn | null {
  const namespace = host?.namespaces.get(last.netns);
  if (host === null || namespace === undefined || now.end.kind !== 'unanswered') return null;
  const route = now.steps.findLast(({ stage, netns }) => stage === 'route' && netns === last.netns);
  for (const { name: device } of otherDevices(namespace, route?.device ?? last.device)) {
    for (const table of tablesOf(namespace)) {
      const turn = { device, gateway: null, table };
      const changed = on(withRoute(host, last.netns, destination, turn));
      if (changed !== null && isThere(changed)) return turn;
    }
  }
  return null;
}

/** The route leads out of one device, and who is asked for is behind another. */
export const routeWrongDevice: Cause = (context) => {
  const { connection, host } = context;
  if (host === null) return null;
  if (connection.outcome !== 'timeout' && connection.outcome !== 'unreachable') return null;
  for (const way of waysOf(context)) {
    const last = way.now.steps.at(-1);
    const right = last === undefined ? null : rightTurn(context, way, last);
    if (last === undefined || right === null) continue;
    const route = way.now.steps.findLast(({ stage, netns }) => stage === 'route' && netns === last.netns);
    return wrongDevice(context, host, way, route ?? last, right);
  }
  return null;
};

/** True when two devices of a namespace have addresses of one network in which the destination is. */
function shareNetwork({ links }: NamespaceState, destination: string, devices: readonly (string | null)[]): boolean {
  return devices.every((device) =>
    links.some(
      ({ name, addresses }) =>
        name === device && addresses.some((own) => inPrefix(destination, own.address, own.prefixLength)),
    ),
  );
}

function wrongDevice(context: Context, host: HostState, way: Way, route: Step, right: Turn): Finding {
  const { netns, device } = route;
  const { destination, direction } = way;
  const changed = withRoute(host, netns, destination, right);
  const what = direction === 'reply' ? 'The answer' : 'The packet';
  const namespace = host.namespaces.get(netns);
  const alike = namespace !== undefined && shareNetwork(namespace, destination, [device, right.device]);
  const fix: Fix = {
    summary: `Send what goes to ${destination} out of ${right.device}.${alike ? ' If both devices really are in one network, give each its own, or plug them into one bridge.' : ''}`,
    commands: routeCommand(destination, right),
    netns,
    verified: wouldWork(context, changed),
  };
  return {
    cause: 'route-wrong-device',
    certainty: direction === 'reply' ? 'inferred' : certaintyByErrno(context),
    where: { netns, device, stage: 'route' },
    ...(direction === 'reply' ? { direction } : {}),
    verdict: 'failed',
    detail: `the route to ${destination} is by ${device}, and ${destination} is behind ${right.device}`,
    // The hop of the request has them.
    evidence: direction === 'reply' ? route.quotes.map((quote): EvidenceItem => ({ kind: 'snapshot', ...quote })) : [],
    summary: `${serverText(context)} ${direction === 'reply' ? unheardText(context) : 'could not be reached'}: ${netnsText(netns)} sends ${direction === 'reply' ? 'the answer to' : 'what goes to'} ${destination} out of ${device}, and ${destination} is behind ${right.device}.`,
    explanation: [
      // The request came no further than the route; its answer was looked up behind all of its way.
      direction === 'reply' ? askedText(context) : askedText(context, route),
      `${what} has to leave ${netnsText(netns)} by ${right.device}, where ${destination} is. The routing table says ${device} (${route.detail}); there nobody answers for the address. ${
        alike
          ? 'Two devices with addresses of one network do that: the kernel takes the route that it finds first, whichever device the neighbour is behind.'
          : `A VPN that takes all traffic does that, or a table that a rule goes to first and that lacks the network of ${right.device}.`
      }`,
    ],
    fixes: [fix],
    alternatives: [],
  };
}

/** Where an answer leaves a host by another device than its request came in by. */
interface Detour {
  readonly route: Step;
  readonly out: Step;
  readonly turn: Turn;
}

/** The next routers behind a device that the namespace knows of; null: the address itself is beside it. */
function gatewaysBy({ routes }: NamespaceState, device: string, family: 4 | 6): (string | null)[] {
  const known = routes
    .filter((route) => route.family === family)
    .flatMap(({ nextHops }) => nextHops.filter((hop) => hop.device === device).map(({ gateway }) => gateway));
  return [...new Set([null, ...known])];
}

function findDetour(context: Context, host: HostState, way: Journey, back: Journey): Detour | null {
  const { packet, clientNetns } = context;
  const steps = ownSteps(back.steps);
  for (const [at, route] of steps.entries()) {
    const namespace = host.namespaces.get(route.netns);
    if (route.stage !== 'route' || route.verdict !== 'passed' || namespace === undefined) continue;
    const out = steps.slice(at).find(({ stage, netns }) => stage === 'egress' && netns === route.netns);
    const came = ownSteps(way.steps).findLast(({ stage, netns }) => stage === 'ingress' && netns === route.netns);
    const device = came?.device ?? null;
    if (out === undefined || device === null || device === out.device || clientNetns === null) continue;
    for (const gateway of gatewaysBy(namespace, device, back.packet.family)) {
      for (const table of tablesOf(namespace)) {
        const turn = { device, gateway, table };
        const changed = withRoute(host, route.netns, back.arrived.destination, turn);
        const end = replyJourney(changed, journey(changed, packet, clientNetns))?.end.kind;
        if (end === 'returned') return { route, out, turn };
      }
    }
  }
  return null;
}

/** The answer leaves a host by another device than the request came in by, and is lost there; by that one it would come back. */
export const answerByOtherDevice: Cause = (context) => {
  const { host, journey: way, connection } = context;
  const back = answerWay(context);
  if (host === null || way === null || back === null) return null;
  if (!['unanswered', 'unroutable', 'leaves-view'].includes(back.end.kind)) return null;
  const detour = findDetour(context, host, way, back);
  if (detour === null) return null;
  const { route, out, turn } = detour;
  const { netns } = route;
  const { destination } = back.arrived;
  const [seen] = framesAt(context, answerPacket(connection)?.frames ?? [], out);
  const leaves = back.end.kind === 'leaves-view';
  const fate = leaves
    ? 'out of this view'
    : 'reason' in back.end
      ? `where it is lost: ${back.end.reason}`
      : 'and is lost';
  return {
    cause: 'route-wrong-device',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: { netns, device: route.device, stage: 'route' },
    direction: 'reply',
    verdict: 'failed',
    detail: `the answer to ${destination} leaves by ${out.device}, and the request came in by ${turn.device}`,
    evidence: [
      ...route.quotes.map((quote): EvidenceItem => ({ kind: 'snapshot', ...quote })),
      ...(seen === undefined ? [] : [frameEvidence(context, seen)]),
    ],
    summary: `${serverText(context)} ${unheardText(context)}: ${netnsText(netns)} sends the answer to ${destination} out of ${out.device}, and the request came in by ${turn.device}.`,
    explanation: [
      askedText(context),
      `The request came into ${netnsText(netns)} by ${turn.device}. Its answer leaves by ${out.device} (${route.detail}), ${fate}. By ${turn.device} it would come back. A VPN or a second uplink that takes all traffic does that to whoever asks from outside.`,
      `A rule for all who ask by ${turn.device} is the wider way: answers from the address of ${turn.device} then ask a table of their own, whose default route is by ${turn.device} (ip rule add from ADDRESS lookup TABLE).`,
    ],
    fixes: [
      {
        summary: `Send what goes to ${destination} out of ${turn.device}.`,
        commands: routeCommand(destination, turn),
        netns,
        verified: wouldWork(context, withRoute(host, netns, destination, turn)),
      },
    ],
    alternatives: leaves
      ? [
          {
            cause: 'no-reply-from-remote',
            tellApart: `what is beyond ${out.device} is to bring the answer back: a capture there shows whether it comes by`,
          },
        ]
      : [],
  };
};

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
    learning: true,
    locked: false,
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
        locked: false,
        vlan: null,
        heardAgo: null,
        remote: null,
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
