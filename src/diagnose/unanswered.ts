/** Nobody answers for the address of the next hop, in sight or beyond it. */

import { wasAnswered } from '../flow/connection.ts';
import type { Link, NamespaceState } from '../host/state.ts';
import { unreachable } from '../inet/icmp.ts';
import { ownsAddress } from '../model/neighbour.ts';
import type { Context } from './context.ts';
import { endAt } from './end-at.ts';
import type { Cause } from './finding.ts';
import { frameEvidence } from './hops.ts';
import { certaintyByErrno, errnoSentence } from './met-errno.ts';
import { askedText, inNetns, joinWords, netnsText, serverText } from './words.ts';

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
