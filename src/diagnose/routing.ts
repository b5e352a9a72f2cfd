/**
 * Causes of routing and of the link: by the state of the host the packet comes no further than this, and what the program
 * met, or where the packet was last seen, agrees.
 */

import { refusalFrames, requestPacket, wasAnswered } from '../flow/connection.ts';
import type { HostState, Link, NamespaceState } from '../host/state.ts';
import { isLoopback, sameAddress } from '../model/address.ts';
import { replyJourney } from '../model/journey.ts';
import { routeQuery } from '../model/output.ts';
import { lookUpRoute } from '../model/routing.ts';
import type { Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { EvidenceItem, Fix } from './diagnosis.ts';
import { errnoText } from './errno.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { kernelEvidence } from './kernel-reading.ts';
import { certaintyByErrno, metErrno } from './met-errno.ts';
import { shellCommand } from './shell.ts';
import {
  commandsOf,
  withForwarding,
  withLinkUp,
  withLoopback,
  withPortsOpen,
  withSetting,
  wouldWork,
} from './what-if.ts';
import { askedText, inNetns, joinWords, netnsText, serverText } from './words.ts';

/** The last step of a journey that ended at a stage, if the connection failed in a way that fits. */
function endAt(context: Context, stage: Step['stage'], ends: readonly string[]): Step | null {
  const { connection, journey: way } = context;
  const failed = connection.outcome === 'unreachable' || connection.outcome === 'timeout';
  if (way === null || !failed || wasAnswered(connection) || !ends.includes(way.end.kind)) return null;
  const last = way.steps.at(-1);
  return last?.stage === stage ? last : null;
}

/** By what the kernel gives the program: the types of routes that say no (fib_props in net/ipv4/fib_semantics.c). */
const routeCauses: Readonly<Record<string, { readonly cause: string; readonly what: string }>> = {
  ENETUNREACH: { cause: 'no-route', what: 'has no route to it' },
  EHOSTUNREACH: { cause: 'route-unreachable', what: 'has a route to it of type unreachable, which says no' },
  EACCES: { cause: 'route-prohibit', what: 'has a route to it of type prohibit, which forbids it' },
  EINVAL: { cause: 'route-blackhole', what: 'has a route to it of type blackhole, which swallows it' },
};

function errnoSentence(context: Context): string {
  const errno = metErrno(context);
  if (context.connection.protocol !== 'tcp') return '';
  return errno === null ? '' : ` The program's connect() met ${errnoText(errno)}.`;
}

/** Asked for by its own loopback address, a host without a loopback device has no route. */
const noLoopback: Cause = (context) => {
  const step = endAt(context, 'route', ['unroutable']);
  const { host } = context;
  const link = host?.namespaces.get(step?.netns ?? '')?.links.find(({ kind }) => kind === 'loopback');
  if (host === null || step === null || link === undefined || link.up || !isLoopback(context.packet.destination)) {
    return null;
  }
  const changed = withLoopback(withLinkUp(host, step.netns, link.name), step.netns, link.name);
  return {
    cause: 'loopback-down',
    certainty: certaintyByErrno(context),
    where: { netns: step.netns, device: step.device, stage: 'route' },
    verdict: 'failed',
    detail: `${link.name} is down, and with it every route to ${context.packet.destination}`,
    evidence: [{ kind: 'snapshot', ...link.source }],
    summary: `${serverText(context)} could not be reached: ${link.name} is down ${inNetns(step.netns)}.`,
    explanation: [
      askedText(context),
      `What a host sends to itself goes over its loopback device, ${link.name}. In a new network namespace that device is there and down; until somebody sets it up, 127.0.0.1 cannot be reached.${errnoSentence(context)}`,
    ],
    fixes: [
      {
        summary: `Set ${link.name} up ${inNetns(step.netns)}.`,
        commands: commandsOf(['ip', 'link', 'set', link.name, 'up']),
        netns: step.netns,
        verified: wouldWork(context, changed),
      },
    ],
    alternatives: [],
  };
};

/** No route, or one that says no, where the packet starts. */
export const noRoute: Cause = (context) => {
  const loopback = noLoopback(context);
  if (loopback !== null) return loopback;
  const step = endAt(context, 'route', ['unroutable']);
  const end = context.journey?.end;
  if (step === null || end === undefined || !('answer' in end) || end.answer?.netns !== context.clientNetns)
    return null;
  const found = routeCauses[end.answer.errno];
  if (found === undefined) return null;
  const place = netnsText(step.netns);
  return {
    cause: found.cause,
    certainty: certaintyByErrno(context),
    where: { netns: step.netns, device: step.device, stage: 'route' },
    verdict: 'failed',
    detail: step.detail,
    evidence: failedLookUp(context),
    summary: `${serverText(context)} could not be reached: ${place} ${found.what}.`,
    explanation: [
      askedText(context),
      `Before a packet is made, the kernel of ${place} looks up where it is to go, in its routing table. ${place} ${found.what}, so no packet was made.${errnoSentence(context)}`,
      `See what it makes of the address ${inNetns(step.netns)}: ${shellCommand(['ip', 'route', 'get', context.packet.destination])}. A container usually needs a default route by its bridge's address.`,
    ],
    fixes: [],
    alternatives: [],
  };
};

/** The kernel's look-up of a route that failed. */
function failedLookUp({ kernel }: Context): EvidenceItem[] {
  const failed = (kernel?.routes ?? []).filter(({ event }) => event.kind === 'route' && event.error !== 0);
  return failed.slice(-1).map(kernelEvidence);
}

/** Where the kernel drops what a router has no route for, or one that says no (net/ipv4/route.c, net/ipv6/route.c). */
const routeDrops = /^(?:ip_error|ip6_pkt_(?:discard|prohibit))\b/;

/** A router on the way has no route on, or one that says no. */
export const noRouteOnTheWay: Cause = (context) => {
  const step = endAt(context, 'route', ['unroutable']);
  const { connection, packet, kernel, host, journey: way } = context;
  const namespace = host?.namespaces.get(step?.netns ?? '');
  if (step === null || way === null || namespace === undefined || step.netns === context.clientNetns) return null;
  const look = lookUpRoute(namespace, routeQuery(way.arrived, step.device));
  const found = routeCauses[look.kind === 'refused' ? look.errno : 'ENETUNREACH'];
  if (found === undefined) return null;
  const isTold = 'answer' in way.end && way.end.answer !== null;
  const drop = kernel?.drop ?? null;
  const said = drop?.event.kind === 'drop' && routeDrops.test(drop.event.location);
  // The kernel told of another end.
  if (drop !== null && !said) return null;
  const [told] = framesAt(context, refusalFrames(connection), step);
  const place = netnsText(step.netns);
  const answer = isTold
    ? 'It drops the packet, and tells the sender with an ICMP error.'
    : 'It drops the packet without a word.';
  return {
    cause: found.cause,
    certainty: said ? 'proven' : told === undefined ? 'inferred' : 'observed',
    where: { netns: step.netns, device: step.device, stage: 'route' },
    verdict: 'failed',
    detail: `${place} ${found.what}`,
    evidence: [
      ...failedLookUp(context),
      ...(drop === null ? [] : [kernelEvidence(drop)]),
      ...(told === undefined ? [] : [frameEvidence(context, told)]),
    ],
    summary: `${serverText(context)} could not be reached: ${place} ${found.what}.`,
    explanation: [
      askedText(context),
      `${place} is a router on the way: it looks up where the packet is to go on, in its own routing table, and ${found.what}. ${answer}`,
      `See what it makes of the address ${inNetns(step.netns)}: ${shellCommand(['ip', 'route', 'get', packet.destination])}. A host that passes packets on needs a route there, mostly a default route.`,
    ],
    fixes: [],
    alternatives: [],
  };
};

/** ICMP "host unreachable" (RFC 792), of IPv6 "address unreachable" (RFC 4443, section 3.1). */
const hostUnreachable = { 4: { type: 3, code: 1 }, 6: { type: 1, code: 3 } } as const;

/** The host that sent it last says that nobody answered: to its own program, or by an ICMP error of its own. */
function saysUnanswered({ connection, kernel, host }: Context, netns: string, isOwn: boolean): boolean {
  if (isOwn) return kernel !== null && connection.frames.length === 0 && connection.errno === 'EHOSTUNREACH';
  const { type, code } = hostUnreachable[connection.family];
  const own = host?.namespaces.get(netns)?.links.flatMap(({ addresses }) => addresses) ?? [];
  return connection.errors.some(
    (error) =>
      error.type === type && error.code === code && own.some(({ address }) => sameAddress(address, error.sender)),
  );
}

/** Ports of the bridge behind which the snapshot does not see. */
function blindPorts({ links }: NamespaceState, bridge: string): string[] {
  const isBlind = ({ master, kind, peer }: Link): boolean =>
    master === bridge && (kind !== 'veth' || typeof peer?.netns !== 'string');
  return links.filter(isBlind).map(({ name }) => name);
}

/** The next hop would be out of sight, and did not answer: the host that asked for it says so. */
const unansweredBeyond: Cause = (context) => {
  const { connection, journey: way, host, clientNetns } = context;
  const route = way?.steps.findLast(({ stage, verdict }) => stage === 'route' && verdict === 'passed');
  if (host === null || way?.end.kind !== 'leaves-view' || route === undefined) return null;
  if (connection.outcome !== 'unreachable' || wasAnswered(connection)) return null;
  if (!saysUnanswered(context, route.netns, route.netns === clientNetns)) return null;
  const last = way.steps.at(-1) ?? route;
  const namespace = host.namespaces.get(last.netns);
  const bridge = namespace?.links.find(({ name }) => name === last.device)?.master ?? null;
  const blind = namespace === undefined || bridge === null ? [] : blindPorts(namespace, bridge);
  const device = bridge ?? last.device;
  const where =
    blind.length === 0 ? `beyond ${device}` : `on ${device}, nor behind ${joinWords(blind)}, where this view ends`;
  const detail = `${route.detail}, and nobody answered for that address ${where}`;
  const [error] = connection.errors;
  return {
    cause: 'neighbour-unresolved',
    certainty: error === undefined ? 'proven' : 'observed',
    where: { netns: last.netns, device, stage: 'neighbour' },
    verdict: 'failed',
    detail,
    evidence: error === undefined ? [] : [frameEvidence(context, error.frame)],
    summary: `${serverText(context)} could not be reached: nobody answered ${where} (${inNetns(last.netns)}).`,
    explanation: [
      askedText(context),
      `To send the packet on, ${netnsText(route.netns)} asks on ${route.device} who has the next address (${connection.family === 6 ? 'Neighbour Discovery' : 'ARP'}): ${route.detail}. It asked, and nobody answered: the machine is not there, or it has another address${blind.length === 0 ? '' : `, or the program that holds ${joinWords(blind)} does not answer`}.${errnoSentence(context)}`,
    ],
    fixes: [],
    alternatives: [],
  };
};

/** Nobody answers for the next hop's address. */
export const neighbourUnresolved: Cause = (context) => {
  const step = endAt(context, 'neighbour', ['unanswered']);
  if (step === null) return unansweredBeyond(context);
  const steps = context.journey?.steps ?? [];
  const looked = steps.findLastIndex(({ stage, verdict }) => stage === 'route' && verdict === 'passed');
  const asker = steps.slice(looked + 1).find(({ stage }) => stage === 'egress') ?? step;
  const question = context.packet.family === 6 ? 'Neighbour Discovery' : 'ARP';
  return {
    cause: 'neighbour-unresolved',
    certainty: certaintyByErrno(context),
    where: { netns: step.netns, device: step.device, stage: 'neighbour' },
    verdict: 'failed',
    detail: step.detail,
    evidence: [],
    summary: `${serverText(context)} could not be reached: ${step.detail}.`,
    explanation: [
      askedText(context, asker),
      `To send the packet out by ${asker.device}, ${netnsText(asker.netns)} has to know which machine there has the address of the next stretch, and asks everyone on that network (${question}). Nobody answered: ${step.detail}. Either the machine is not there, or it has another address, or it is plugged into another network.${errnoSentence(context)}`,
    ],
    fixes: [],
    alternatives: [],
  };
};

/** A device on the way is down. */
export const interfaceDown: Cause = (context) => {
  const step = endAt(context, 'egress', ['dropped']);
  const { host } = context;
  const link = host?.namespaces.get(step?.netns ?? '')?.links.find(({ name }) => name === step?.device);
  if (step === null || host === null || link === undefined || (link.up && link.carrier)) return null;
  const isLoopback = link.kind === 'loopback';
  const fix: Fix = {
    summary: `Set ${link.name} up ${inNetns(step.netns)}. Whoever set it down may have had a reason.`,
    commands: commandsOf(['ip', 'link', 'set', link.name, 'up']),
    netns: step.netns,
    verified: wouldWork(context, withLinkUp(host, step.netns, link.name)),
  };
  const summary = `${serverText(context)} could not be reached: ${step.detail} ${inNetns(step.netns)}.`;
  const other = link.up
    ? `It is set up, but its other end is not, or nothing is plugged in: look there.`
    : 'It was set down, or never set up.';
  return {
    ...(isLoopback ? { cause: 'loopback-down' } : { cause: 'interface-down' }),
    certainty: certaintyByErrno(context),
    where: { netns: step.netns, device: step.device, stage: 'egress' },
    verdict: 'dropped',
    detail: step.detail,
    evidence: [],
    summary,
    explanation: [
      askedText(context),
      `The packet was to leave by ${link.name}, and ${step.detail}. ${other}${errnoSentence(context)}`,
    ],
    fixes: link.up ? [] : [fix],
    alternatives: [],
  };
};

const portClosed = 'BRIDGE_INGRESS_STP_STATE';

/** A bridge on the way is down: each of its ports is disabled then. */
export const bridgeDown: Cause = (context) => {
  const step = endAt(context, 'bridge', ['dropped']);
  const { host, kernel } = context;
  const namespace = host?.namespaces.get(step?.netns ?? '');
  const bridge = namespace?.bridgePorts.find(({ device }) => device === step?.device)?.bridge;
  const link = namespace?.links.find(({ name }) => name === bridge);
  if (step?.fault !== 'bridge-port-blocked' || host === null || link === undefined || link.up) return null;
  const drop = kernel?.drop ?? null;
  const said = drop?.event.kind === 'drop' && drop.event.reason === portClosed;
  const changed = withPortsOpen(withLinkUp(host, step.netns, link.name), step.netns, link.name);
  return {
    cause: 'interface-down',
    certainty: said ? 'proven' : certaintyByErrno(context),
    where: { netns: step.netns, device: step.device, stage: 'bridge' },
    verdict: 'dropped',
    detail: `${link.name}, the bridge that ${step.device} is a port of, is down`,
    evidence: [...(said && drop !== null ? [kernelEvidence(drop)] : []), { kind: 'snapshot', ...link.source }],
    summary: `${serverText(context)} could not be reached: the bridge ${link.name} is down ${inNetns(step.netns)}.`,
    explanation: [
      askedText(context),
      `A bridge is a switch in software. ${link.name} is set down, and a switch that is off passes no frame from any port to any other.${errnoSentence(context)}`,
    ],
    fixes: [
      {
        summary: `Set ${link.name} up ${inNetns(step.netns)}. Routes that somebody added by it went away when it was set down: see that they are there again.`,
        commands: commandsOf(['ip', 'link', 'set', link.name, 'up']),
        netns: step.netns,
        verified: wouldWork(context, changed),
      },
    ],
    alternatives: [],
  };
};

const forwardingOff = 'IP_INADDRERRORS';
const ipForward = 'net.ipv4.ip_forward';

/**
 * The switch of all devices; where that is on already, writing it changes nothing (`devinet_sysctl_forward`), and the one
 * of the device is the one to turn.
 */
function forwardingFix(context: Context, host: HostState, netns: string, deviceSetting: string): Fix {
  const { family } = context.packet;
  const isOn = family === 4 && host.namespaces.get(netns)?.sysctls.get(ipForward)?.value === '1';
  const everywhere = family === 4 ? ipForward : 'net.ipv6.conf.all.forwarding';
  const changed = isOn ? withSetting(host, netns, deviceSetting) : withForwarding(host, netns, family);
  const reach = isOn
    ? ' what comes in by that device as well; somebody has switched it off there'
    : '; it then does so between all of its networks, as far as its firewall lets it';
  return {
    summary: `Let ${netnsText(netns)} forward${reach}. To keep it over a reboot, write it to a file in /etc/sysctl.d.`,
    commands: commandsOf(['sysctl', '-w', `${isOn ? deviceSetting : everywhere}=1`]),
    netns,
    verified: wouldWork(context, changed),
  };
}

/** The host on the way does not forward. */
export const ipForwardOff: Cause = (context) => {
  const step = endAt(context, 'forward', ['dropped']);
  const [setting] = step?.quotes ?? [];
  const name = setting?.text.split(' ', 1)[0] ?? '';
  const { host, kernel, connection } = context;
  if (step === null || host === null || !name.endsWith('forwarding')) return null;
  const drop = kernel?.drop ?? null;
  const said = drop?.event.kind === 'drop' && drop.event.reason === forwardingOff;
  const request = requestPacket(connection);
  const seen = request !== null && framesAt(context, request.frames, step).length > 0;
  const fix: Fix = forwardingFix(context, host, step.netns, name);
  const finding: Finding = {
    cause: 'ip-forward-off',
    certainty: said ? 'proven' : seen ? 'observed' : 'inferred',
    where: { netns: step.netns, device: step.device, stage: 'forward' },
    verdict: 'dropped',
    detail: step.detail,
    evidence: said && drop !== null ? [kernelEvidence(drop)] : [],
    summary: `${serverText(context)} did not answer: ${step.detail}.`,
    explanation: [
      askedText(context),
      `It came into ${netnsText(step.netns)} by ${step.device} and is for somebody else, so it would have to be forwarded. ${name} is 0: a host that is no router drops such packets and says nothing.`,
    ],
    fixes: [fix],
    alternatives: [],
  };
  return finding;
};

const pathFiltered = 'IP_RPFILTER';

/** The host on the way has another way back to the sender, and takes nothing that comes by this one. */
export const reversePathFilter: Cause = (context) => {
  const step = endAt(context, 'route', ['dropped']);
  const setting = step?.quotes.find(({ text }) => text.includes('rp_filter'));
  if (step === null || setting === undefined) return null;
  const drop = context.kernel?.drop ?? null;
  const said = drop?.event.kind === 'drop' && drop.event.reason === pathFiltered;
  return {
    cause: 'reverse-path-filter',
    certainty: said ? 'proven' : 'inferred',
    where: { netns: step.netns, device: step.device, stage: 'route' },
    verdict: 'dropped',
    detail: step.detail,
    evidence: said && drop !== null ? [kernelEvidence(drop)] : [],
    summary: `${serverText(context)} did not answer: ${netnsText(step.netns)} dropped the request, as ${step.detail}.`,
    explanation: [
      askedText(context),
      `There the kernel asks itself by which device it would answer the sender. ${step.detail}: it takes the packet for a forged one and drops it, without a word.`,
      `Mend the route by which ${netnsText(step.netns)} would answer: ${shellCommand(['ip', 'route', 'get', context.connection.client.address])} shows it. Where two ways are meant to be, rp_filter 2 (loose) asks only for some way back.`,
    ],
    fixes: [],
    alternatives: [],
  };
};

/** The request arrives, and the answer finds no way back. */
export const noReturnRoute: Cause = (context) => {
  const { connection, host, journey: way } = context;
  if (host === null || way?.end.kind !== 'accepted' || connection.outcome !== 'timeout') return null;
  if (wasAnswered(connection)) return null;
  const back = replyJourney(host, way);
  const step = back?.steps.at(-1);
  if (back?.end.kind !== 'unroutable' || step === undefined) return null;
  const arrived = way.steps.findLast(({ stage }) => stage === 'ingress');
  const frames = requestPacket(connection)?.frames ?? [];
  const seen = arrived === undefined ? [] : framesAt(context, frames, arrived);
  const place = netnsText(step.netns);
  const { address } = connection.client;
  return {
    cause: 'no-return-route',
    certainty: seen.length > 0 ? 'observed' : 'inferred',
    where: { netns: step.netns, device: step.device, stage: 'route' },
    direction: 'reply',
    verdict: 'failed',
    detail: `${step.detail}, for the answer`,
    evidence: seen.slice(0, 1).map((frame) => frameEvidence(context, frame)),
    summary: `${serverText(context)} did not answer: ${place} has no route back to ${address}.`,
    explanation: [
      askedText(context),
      `The request arrived, and a socket takes it. The answer goes to ${address}, and ${place} has no route there: no answer is made, and nobody is told.`,
      `Add a route back, a default route by the router that the request came by for a container; ${shellCommand(['ip', 'route', 'get', address])} ${inNetns(step.netns)} shows what there is. Or let that router translate the source (masquerade), so that the answer goes to the router.`,
    ],
    fixes: [],
    alternatives: [],
  };
};
