/**
 * Causes of routing: by the state of the host the packet, or its answer, comes no further than this, and what the program
 * met, or where the packet was last seen, agrees.
 */

import { answerPacket, refusalFrames, requestPacket } from '../flow/connection.ts';
import type { HostState } from '../host/state.ts';
import { sameAddress } from '../inet/address.ts';
import { routeQuery } from '../model/output.ts';
import { lookUpRoute } from '../model/routing.ts';
import { type Journey, ownSteps, type Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { EvidenceItem, Fix } from './diagnosis.ts';
import { answerWay, endAt } from './end-at.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { kernelEvidence } from './kernel-reading.ts';
import { certaintyByErrno, errnoSentence } from './met-errno.ts';
import { shellCommand } from './shell.ts';
import { commandsOf, withForwarding, withSetting, wouldWork } from './what-if.ts';
import { answerArrived, askedText, capitalised, inNetns, netnsText, serverText, unheardText } from './words.ts';

/** By what the kernel gives the program: the types of routes that say no (fib_props in net/ipv4/fib_semantics.c). */
const refusals: Readonly<Record<string, { readonly cause: string; readonly type: string; readonly does: string }>> = {
  ENETUNREACH: { cause: 'no-route', type: 'unreachable', does: 'says no' },
  EHOSTUNREACH: { cause: 'route-unreachable', type: 'unreachable', does: 'says no' },
  EACCES: { cause: 'route-prohibit', type: 'prohibit', does: 'forbids it' },
  EINVAL: { cause: 'route-blackhole', type: 'blackhole', does: 'swallows it' },
};

interface Refusal {
  readonly cause: string;
  /** What the host has, in a clause: `has no route to it`. */
  readonly what: string;
  /** What mends it, in a sentence; of a host itself and of a router. */
  readonly advice: { readonly own: string; readonly router: string };
}

const changeRoute = 'Somebody put that route there: take it away, or add a more specific one.';
const changeRule = 'It is a rule of policy routing (ip rule), which stands before all tables that come later.';

/** Why a look-up fails, by its errno and the clause of its step; null for reasons that have no cause of their own. */
function refusalOf(errno: string, detail: string): Refusal | null {
  const found = refusals[errno];
  if (found === undefined) return null;
  const { cause, type, does } = found;
  if (detail.startsWith('no route to')) {
    const own = "A container usually needs a default route by its bridge's address.";
    const router = 'A host that passes packets on needs a route there, mostly a default route.';
    return { cause, what: 'has no route to it', advice: { own, router } };
  }
  if (detail.startsWith('the rule ')) {
    return { cause, what: `has a rule that ${does}: ${detail}`, advice: { own: changeRule, router: changeRule } };
  }
  if (!detail.endsWith(`is of type ${type}`)) return null;
  return {
    cause,
    what: `has a route to it of type ${type}, which ${does}`,
    advice: { own: changeRoute, router: changeRoute },
  };
}

/** The address that was looked up, where NAT has made another of that which was asked for. */
function translatedText({ packet }: Context, { arrived }: Journey): string {
  const { destination } = arrived;
  return sameAddress(destination, packet.destination) ? '' : `, which NAT sends on to ${destination},`;
}

/** No route, or one that says no, where the packet starts. */
export const noRoute: Cause = (context) => {
  const step = endAt(context, 'route', ['unroutable']);
  const end = context.journey?.end;
  if (step === null || end === undefined || !('answer' in end) || end.answer?.netns !== context.clientNetns)
    return null;
  const found = refusalOf(end.answer.errno, step.detail);
  if (found === null) return null;
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
      `Before a packet is made, the kernel of ${place} looks up where it is to go, in its routing table. ${capitalised(place)} ${found.what}, so no packet was made.${errnoSentence(context)}`,
      `See what it makes of the address ${inNetns(step.netns)}: ${shellCommand(['ip', 'route', 'get', context.packet.destination])}. ${found.advice.own}`,
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
  const { connection, kernel, host, journey: way } = context;
  const namespace = host?.namespaces.get(step?.netns ?? '');
  if (step === null || way === null || namespace === undefined || step.netns === context.clientNetns) return null;
  const look = lookUpRoute(namespace, routeQuery(way.arrived, step.device));
  const found = refusalOf(look.kind === 'refused' ? look.errno : 'ENETUNREACH', step.detail);
  if (found === null) return null;
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
    summary: `${serverText(context)}${translatedText(context, way)} could not be reached: ${place} ${found.what}.`,
    explanation: [
      askedText(context),
      `${capitalised(place)} is a router on the way: it looks up where the packet is to go on, in its own routing table, and ${found.what}. ${answer}`,
      `See what it makes of the address ${inNetns(step.netns)}: ${shellCommand(['ip', 'route', 'get', way.arrived.destination])}. ${found.advice.router}`,
    ],
    fixes: [],
    alternatives: [],
  };
};

const forwardingOff = 'IP_INADDRERRORS';
const ipForward = 'net.ipv4.ip_forward';

/** Devices by which the kernel has learnt a default route from router advertisements. */
function advertisedBy(host: HostState, netns: string): string[] {
  const routes = (host.namespaces.get(netns)?.routes ?? []).filter(
    ({ family, prefixLength, source }) => family === 6 && prefixLength === 0 && /\bproto ra\b/.test(source.text),
  );
  return [...new Set(routes.flatMap(({ nextHops }) => nextHops.map(({ device }) => device)))];
}

/** `addrconf_forward_change`, `rt6_purge_dflt_routers`. */
const keepsAdvertised =
  ' Its own default route was learnt from router advertisements, and a host that forwards forgets such a route unless accept_ra is 2: so that comes first.';

/**
 * The switch of all devices; where that is on already, writing it changes nothing (`devinet_sysctl_forward`), and the one
 * of the device is the one to turn.
 */
function forwardingFix(context: Context, host: HostState, { netns, carrier }: Step, deviceSetting: string): Fix {
  const { family } = carrier?.packet ?? context.packet;
  const isOn = family === 4 && host.namespaces.get(netns)?.sysctls.get(ipForward)?.value === '1';
  const everywhere = family === 4 ? ipForward : 'net.ipv6.conf.all.forwarding';
  const learnt = family === 6 ? advertisedBy(host, netns) : [];
  const changed = isOn ? withSetting(host, netns, deviceSetting) : withForwarding(host, netns, family);
  const reach = isOn
    ? ' what comes in by that device as well; somebody has switched it off there'
    : '; it then does so between all of its networks, as far as its firewall lets it';
  return {
    summary: `Let ${netnsText(netns)} forward${reach}.${learnt.length === 0 ? '' : keepsAdvertised} To keep it over a reboot, write it to a file in /etc/sysctl.d.`,
    commands: commandsOf(
      ...learnt.map((device) => ['sysctl', '-w', `net.ipv6.conf.${device.replaceAll('.', '/')}.accept_ra=2`]),
      ['sysctl', '-w', `${isOn ? deviceSetting : everywhere}=1`],
    ),
    netns,
    verified: wouldWork(context, changed),
  };
}

/** The host on the way does not forward. */
export const ipForwardOff: Cause = (context) =>
  forwardOffAt(context, endAt(context, 'forward', ['dropped']), 'request');

/** The same of the answer. */
export const answerNotForwarded: Cause = (context) =>
  forwardOffAt(context, answerWay(context)?.steps.at(-1) ?? null, 'reply');

function forwardOffAt(context: Context, step: Step | null, direction: 'request' | 'reply'): Finding | null {
  const { host, kernel, connection } = context;
  if (step?.fault?.kind !== 'ip-forward-off' || step.fault.setting === null || host === null) return null;
  const { setting } = step.fault;
  const isAnswer = direction === 'reply';
  // The kernel's word on drops is of the request.
  const drop = isAnswer ? null : (kernel?.drop ?? null);
  const said = drop?.event.kind === 'drop' && drop.event.reason === forwardingOff;
  const packet = isAnswer ? answerPacket(connection) : requestPacket(connection);
  const [seen] = packet === null ? [] : framesAt(context, packet.frames, step);
  const fix: Fix = forwardingFix(context, host, step, setting);
  return {
    cause: 'ip-forward-off',
    certainty: said ? 'proven' : seen === undefined ? 'inferred' : 'observed',
    where: { netns: step.netns, device: step.device, stage: 'forward' },
    ...(isAnswer ? { direction } : {}),
    verdict: 'dropped',
    detail: step.detail,
    evidence: [
      ...(said && drop !== null ? [kernelEvidence(drop)] : []),
      ...(isAnswer && seen !== undefined ? [frameEvidence(context, seen)] : []),
    ],
    summary: `${serverText(context)} ${isAnswer ? unheardText(context) : 'did not answer'}: ${step.detail}.`,
    explanation: [
      askedText(context),
      ...(isAnswer ? [answerArrived] : []),
      `${isAnswer ? 'The answer' : 'It'} came into ${netnsText(step.netns)} by ${step.device} and is for somebody else, so it would have to be forwarded. ${setting} is 0: a host that is no router drops such packets and says nothing.`,
    ],
    fixes: [fix],
    alternatives: [],
  };
}

const pathFiltered = 'IP_RPFILTER';

/** The host on the way has another way back to the sender, and takes nothing that comes by this one. */
export const reversePathFilter: Cause = (context) =>
  pathFilterAt(context, endAt(context, 'route', ['dropped']), context.connection.client.address, 'request');

/** The same of the answer. */
export const answerPathFiltered: Cause = (context) => {
  const back = answerWay(context);
  return pathFilterAt(context, back?.steps.at(-1) ?? null, back?.arrived.source ?? '', 'reply');
};

function pathFilterAt(
  context: Context,
  step: Step | null,
  sender: string,
  direction: 'request' | 'reply',
): Finding | null {
  if (step?.fault?.kind !== 'reverse-path-filter') return null;
  const source = step.carrier?.packet.source ?? sender;
  const isAnswer = direction === 'reply';
  // The kernel's word on drops is of the request.
  const drop = isAnswer ? null : (context.kernel?.drop ?? null);
  const said = drop?.event.kind === 'drop' && drop.event.reason === pathFiltered;
  const frames = isAnswer ? (answerPacket(context.connection)?.frames ?? []) : [];
  const [seen] = framesAt(context, frames, step);
  return {
    cause: 'reverse-path-filter',
    certainty: said ? 'proven' : seen === undefined ? 'inferred' : 'observed',
    where: { netns: step.netns, device: step.device, stage: 'route' },
    ...(isAnswer ? { direction } : {}),
    verdict: 'dropped',
    detail: step.detail,
    evidence: [
      ...(said && drop !== null ? [kernelEvidence(drop)] : []),
      ...(seen === undefined ? [] : [frameEvidence(context, seen)]),
    ],
    summary: `${serverText(context)} ${isAnswer ? unheardText(context) : 'did not answer'}: ${netnsText(step.netns)} dropped the ${isAnswer ? 'answer' : 'request'}, as ${step.detail}.`,
    explanation: [
      askedText(context),
      ...(isAnswer ? [answerArrived] : []),
      `${isAnswer ? `In ${netnsText(step.netns)}` : 'There'} the kernel asks itself by which device it would answer the sender: ${step.detail}. It takes the packet for a forged one and drops it, without a word.`,
      `Mend the route by which ${netnsText(step.netns)} would answer: ${shellCommand(['ip', 'route', 'get', source])} shows it. Where two ways are meant to be, rp_filter 2 (loose) asks only for some way back.`,
    ],
    fixes: [],
    alternatives: [],
  };
}

/** The request arrives, and the answer finds no way back. */
export const noReturnRoute: Cause = (context) => {
  const { connection, journey: way } = context;
  const back = answerWay(context);
  const step = back?.steps.at(-1);
  if (way === null || back?.end.kind !== 'unroutable' || step === undefined) return null;
  const arrived = ownSteps(way.steps).findLast(({ stage }) => stage === 'ingress');
  const frames = requestPacket(connection)?.frames ?? [];
  const seen = arrived === undefined ? [] : framesAt(context, frames, arrived);
  const place = netnsText(step.netns);
  const address = back.arrived.destination;
  const isNone = step.detail.startsWith('no route to');
  const isMade = way.end.kind === 'accepted' && way.end.netns !== step.netns;
  return {
    cause: 'no-return-route',
    certainty: seen.length > 0 ? 'observed' : 'inferred',
    where: { netns: step.netns, device: step.device, stage: 'route' },
    direction: 'reply',
    verdict: 'failed',
    detail: `${step.detail}, for the answer`,
    evidence: seen.slice(0, 1).map((frame) => frameEvidence(context, frame)),
    summary: `${serverText(context)} ${unheardText(context)}: ${isNone ? `${place} has no route back to ${address}` : `${inNetns(step.netns)}, ${step.detail}`}.`,
    explanation: [
      askedText(context),
      `The request arrived, and a socket takes it. The answer goes to ${address}${isMade ? ` by ${place}, a router,` : ','} and ${isNone ? `${place} has no route there` : step.detail}: ${isMade ? 'it is dropped there, and the client is not told' : 'no answer is made, and nobody is told'}.`,
      `${isNone ? 'Add a route back, a default route by the router that the request came by for a container' : 'Add a route back that comes before it'}; ${shellCommand(['ip', 'route', 'get', address])} ${inNetns(step.netns)} shows what there is. Or let that router translate the source (masquerade), so that the answer goes to the router.`,
    ],
    fixes: [],
    alternatives: [],
  };
};
