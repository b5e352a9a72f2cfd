/** Nobody answers for the address of the next hop, in sight or beyond it. */

import { answerPacket, wasAnswered } from '../flow/connection.ts';
import type { HostState, Link, NamespaceState } from '../host/state.ts';
import { inPrefix, sameAddress } from '../inet/address.ts';
import { unreachable } from '../inet/icmp.ts';
import { ownsAddress } from '../model/neighbour.ts';
import type { Step } from '../model/step.ts';
import { type Context, ownerOf } from './context.ts';
import type { EvidenceItem, Fix } from './diagnosis.ts';
import { answerWay, endAt } from './end-at.ts';
import type { Cause } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { certaintyByErrno, errnoSentence } from './met-errno.ts';
import { commandsOf, withNamespace, withSetting, wouldWork } from './what-if.ts';
import { answerArrived, askedText, inNetns, joinWords, netnsText, serverText, unheardText } from './words.ts';

/** The host that sent it last says that nobody answered: to its own program, or by an ICMP error of its own. */
function saysUnanswered({ connection, kernel, host }: Context, netns: string, isOwn: boolean): boolean {
  if (isOwn) return kernel !== null && connection.frames.length === 0 && connection.errno === 'EHOSTUNREACH';
  const { type, code } = unreachable('host', connection.family);
  const namespace = host?.namespaces.get(netns);
  return connection.errors.some(
    (error) =>
      error.type === type && error.code === code && namespace !== undefined && ownsAddress(namespace, error.sender),
  );
}

/** Ports of the bridge behind which the snapshot does not see. */
function blindPorts({ links }: NamespaceState, bridge: string): string[] {
  const isBlind = ({ master, kind, peer }: Link): boolean =>
    master === bridge && (kind !== 'veth' || typeof peer?.netns !== 'string');
  return links.filter(isBlind).map(({ name }) => name);
}

/** The link of a host that has an address, when exactly one host does. */
function ownLink(host: HostState, address: string): { readonly netns: string; readonly link: Link } | null {
  const netns = ownerOf(host, address);
  const links = host.namespaces.get(netns ?? '')?.links ?? [];
  const link = links.find(({ addresses }) => addresses.some((own) => sameAddress(own.address, address)));
  return netns === null || link === undefined ? null : { netns, link };
}

function standsOn({ lower }: Link, { netns, device }: Pick<Step, 'netns' | 'device'>): boolean {
  return lower?.netns === netns && lower.device === device;
}

/** Why a question is not heard by who has the address. */
interface Apart {
  /** One clause about who has it; null where it is no more than likely. */
  readonly brief: string | null;
  readonly text: string;
}

/**
 * Macvlans and ipvlans hand what they send to the wire behind their lower device, and the host of that device is not on the
 * wire (`macvlan_queue_xmit`, drivers/net/macvlan.c). Null where nothing of the kind keeps the two apart.
 */
function keptApart({ host }: Context, asker: Pick<Step, 'netns' | 'device'>, wanted: string): Apart | null {
  const link = host?.namespaces.get(asker.netns)?.links.find(({ name }) => name === asker.device);
  const owner = host === null ? null : ownLink(host, wanted);
  if (link === undefined || owner === null) return null;
  const [whose, askers] = [netnsText(owner.netns), netnsText(asker.netns)];
  if (standsOn(owner.link, asker)) {
    return {
      brief: `${whose} has it, by a macvlan on ${link.name} itself, and the two do not hear each other`,
      text: `${whose} has that address, by a macvlan on this very device: the two do not hear each other. A macvlan of its own in ${askers}, with an address and the route to ${whose}, is heard`,
    };
  }
  if (link.kind !== 'macvlan' && link.kind !== 'ipvlan') return null;
  const heard = `A ${link.kind} of its own in ${whose}, with an address and the route to ${askers}, is heard`;
  if (link.lower?.netns === owner.netns) {
    return {
      brief: `${whose} has it, and does not hear a macvlan on its own ${link.lower.device}`,
      text: `${whose} has that address, and ${link.name} is a macvlan on ${link.lower.device} of ${whose}: a macvlan and the host below it do not hear each other. ${heard}`,
    };
  }
  if (link.lower !== null && standsOn(owner.link, link.lower)) {
    const modes = `${link.mode} and ${owner.link.mode} mode`;
    return {
      brief: `${whose} has it, and two macvlans in ${modes} do not hear each other`,
      text: `${whose} has that address, and both hang on ${link.lower.device} of ${netnsText(link.lower.netns)} by macvlans, which hear each other in bridge mode alone (ip -d link): these are in ${modes}`,
    };
  }
  const isBeside = link.addresses.some((own) => inPrefix(wanted, own.address, own.prefixLength));
  if (!isBeside || link.lower !== null) return null;
  const text = `${whose} has that address, and ${link.name} is a ${link.kind}: where the device below it belongs to ${whose}, neither hears the other. ${heard}`;
  return { brief: null, text };
}

/** The next hop would be out of sight, and did not answer: the host that asked for it says so. */
const unansweredBeyond: Cause = (context) => {
  const { connection, journey: way, host, clientNetns } = context;
  const route = way?.steps.findLast(({ stage, verdict }) => stage === 'route' && verdict === 'passed');
  if (host === null || way?.end.kind !== 'leaves-view' || route === undefined) return null;
  if (connection.outcome !== 'unreachable' || wasAnswered(connection)) return null;
  if (!saysUnanswered(context, route.netns, route.netns === clientNetns)) return null;
  const last = way.steps.at(-1) ?? route;
  const asker = way.steps.slice(way.steps.indexOf(route)).find(({ stage }) => stage === 'egress') ?? last;
  const namespace = host.namespaces.get(last.netns);
  const bridge = namespace?.links.find(({ name }) => name === last.device)?.master ?? null;
  const blind = namespace === undefined || bridge === null ? [] : blindPorts(namespace, bridge);
  const device = bridge ?? last.device;
  const where =
    blind.length === 0 ? `beyond ${device}` : `on ${device}, nor behind ${joinWords(blind)}, where this view ends`;
  const detail = `${route.detail}, and nobody answered for that address ${where}`;
  const [error] = connection.errors;
  const apart = keptApart(context, asker, way.arrived.destination);
  const likely = `the machine is not there, or it has another address${blind.length === 0 ? '' : `, or the program that holds ${joinWords(blind)} does not answer`}`;
  return {
    cause: 'neighbour-unresolved',
    certainty: error === undefined ? 'proven' : 'observed',
    where: { netns: last.netns, device, stage: 'neighbour' },
    verdict: 'failed',
    detail,
    evidence: error === undefined ? [] : [frameEvidence(context, error.frame)],
    summary: `${serverText(context)} could not be reached: nobody answered ${where} (${inNetns(last.netns)}).`,
    explanation: [
      askedText(context, asker),
      `To send the packet on, ${netnsText(route.netns)} asks on ${route.device} who has the next address (${connection.family === 6 ? 'Neighbour Discovery' : 'ARP'}): ${route.detail}. It asked, and nobody answered: ${apart?.text ?? likely}.${errnoSentence(context)}`,
    ],
    fixes: [],
    alternatives: [],
  };
};

/** A router that passed the request on by a device, where what is behind it has an address of the network beyond. */
function routerFor({ journey: way, host }: Context, address: string): Step | null {
  const steps = way?.steps ?? [];
  const at = steps.findLastIndex(({ stage, verdict }) => stage === 'forward' && verdict === 'passed');
  const out = at < 0 ? undefined : steps.slice(at).find(({ stage }) => stage === 'egress');
  const isTranslated = way === null || !sameAddress(way.arrived.source, address);
  return out === undefined || isTranslated || host?.namespaces.get(out.netns) === undefined ? null : out;
}

/** Have the router answer for the address: proxy ARP, proxy neighbour discovery (`pndisc_is_router`, net/ipv6/ndisc.c). */
function proxyFix(context: Context, host: HostState, { netns, device }: Step, address: string): Fix | null {
  if (device === null) return null;
  const isSix = context.packet.family === 6;
  const setting = `net.ipv6.conf.${device.replaceAll('.', '/')}.proxy_ndp`;
  const changed = withNamespace(isSix ? withSetting(host, netns, setting) : host, netns, (namespace) => ({
    ...namespace,
    proxyNeighbours: [...namespace.proxyNeighbours, { address, device }],
  }));
  return {
    summary: `Let ${netnsText(netns)} answer on ${device} in the place of ${address}, which is behind it. Better, where the network can be told: a route to what is behind ${netnsText(netns)}, by its address.`,
    commands: commandsOf(...(isSix ? [['sysctl', '-w', `${setting}=1`]] : []), [
      'ip',
      'neigh',
      'add',
      'proxy',
      address,
      'dev',
      device,
    ]),
    netns,
    verified: wouldWork(context, changed),
  };
}

/** The answer's next hop has no owner on its network. */
export const answerUnanswered: Cause = (context) => {
  const { connection, host } = context;
  const back = answerWay(context);
  const step = back?.steps.at(-1);
  if (host === null || back?.end.kind !== 'unanswered' || step?.stage !== 'neighbour') return null;
  const looked = back.steps.findLastIndex(({ stage, verdict }) => stage === 'route' && verdict === 'passed');
  const asker = back.steps.slice(looked + 1).find(({ stage }) => stage === 'egress') ?? step;
  const address = back.arrived.destination;
  const question = context.packet.family === 6 ? 'Neighbour Discovery' : 'ARP';
  const router = routerFor(context, address);
  const fix = router === null ? null : proxyFix(context, host, router, address);
  const behind =
    router === null
      ? ''
      : ` ${address} is behind ${netnsText(router.netns)}, which passed the request on by ${router.device} and does not answer in its place there; ${netnsText(asker.netns)} takes the address for one beside itself.`;
  const [seen] = framesAt(context, answerPacket(connection)?.frames ?? [], asker);
  return {
    cause: 'neighbour-unresolved',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: { netns: step.netns, device: step.device, stage: 'neighbour' },
    direction: 'reply',
    verdict: 'failed',
    detail: `${step.detail}, for the answer`,
    evidence: step.quotes.map((quote): EvidenceItem => ({ kind: 'snapshot', ...quote })),
    summary: `${serverText(context)} ${unheardText(context)}: ${inNetns(asker.netns)}, ${step.detail}.`,
    explanation: [
      askedText(context),
      answerArrived,
      `To send the answer out by ${asker.device}, ${netnsText(asker.netns)} asks everyone on that network who has the address of the next stretch (${question}), and nobody answers: ${step.detail}.${behind}`,
    ],
    fixes: fix === null ? [] : [fix],
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
  const apart = step.wanted === undefined ? null : keptApart(context, asker, step.wanted);
  const brief = apart?.brief ?? null;
  const detail = brief === null ? step.detail : `nobody on ${step.device} answers for ${step.wanted}: ${brief}`;
  // Where somebody has it and keeps silent, the step says who, and why.
  const guess =
    step.wanted === undefined
      ? ''
      : '. Either the machine is not there, or it has another address, or it is plugged into another network';
  return {
    cause: 'neighbour-unresolved',
    certainty: certaintyByErrno(context),
    where: { netns: step.netns, device: step.device, stage: 'neighbour' },
    verdict: 'failed',
    detail,
    evidence: [],
    summary: `${serverText(context)} could not be reached: ${detail}.`,
    explanation: [
      askedText(context, asker),
      `To send the packet out by ${asker.device}, ${netnsText(asker.netns)} has to know which machine there has the address of the next stretch, and asks everyone on that network (${question}). Nobody answered: ${apart?.text ?? `${step.detail}${guess}`}.${errnoSentence(context)}`,
    ],
    fixes: [],
    alternatives: [],
  };
};
