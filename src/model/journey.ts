/**
 * `journey(host, packet, start)`: what Linux would do with this packet, stage by stage, by the state of the snapshot.
 *
 * Pure. It says what it does not know instead of guessing: rules that no snapshot settles are taken as passed and named in
 * `assumptions`, with the ends that they may give in `alternatives`; where the kernel picks one of several ways by a hash,
 * all are followed; a route or link that the model cannot follow ends the journey as undetermined.
 */

import type { HostState, Link, NamespaceState } from '../host/state.ts';
import { answerAssumptions, answering, answerOf, outsideAnswer, straightBack, unsentReason } from './answer.ts';
import { showsBridged } from './bridge.ts';
import { end, type Position, type Progress } from './progress.ts';
import type { Journey, ModelPacket, Step } from './step.ts';
import { attachedConnection } from './traveller.ts';
import { receive } from './walk/receive.ts';
import { send } from './walk/send.ts';
import { type Question, Walk } from './walk/walk.ts';

/** Packets of tunnels that are followed for one packet. */
const mostCarried = 1000;

function stage(walk: Walk, position: Position): Progress {
  return position.device === null ? send(walk, position.namespace) : receive(walk, position, position.device);
}

/** @param entry Where it comes in by a device: that step; null: a program of the namespace sends it. */
function travel(
  asked: Omit<Question, 'stage' | 'forks' | 'tunnels' | 'carries'>,
  start: NamespaceState,
  entry: Step | null = null,
): Journey {
  const walk = new Walk({ ...asked, stage, forks: 0, tunnels: new Set(), carries: { left: mostCarried } });
  if (entry !== null) walk.steps.push(entry);
  const reached = walk.run({ namespace: start, device: entry?.device ?? null, port: null });
  const { steps, alternatives, mayBeRedirected, forms } = walk;
  const assumptions = [...new Set(walk.assumptions)];
  const told = { steps, forms, alternatives, assumptions, mayBeRedirected };
  return { ...told, ...walk.endState(reached), start: start.name };
}

function lost(packet: ModelPacket, start: string): Journey {
  return ended(packet, start, end('undetermined', `the namespace ${start} is not in the snapshot`));
}

/** A way of no step. */
function ended(packet: ModelPacket, start: string, reached: Pick<Journey, 'end'>): Journey {
  const none = {
    steps: [],
    learnt: [],
    tracked: [],
    connection: null,
    sender: null,
    alternatives: [],
    assumptions: [],
  };
  return {
    ...none,
    ...reached,
    packet,
    arrived: packet,
    forms: [packet],
    mayBeRedirected: false,
    start,
  };
}

/**
 * The way that the packet takes from the program that sends it, in the namespace of that name.
 *
 * @param doubted Hooks (`NETNS STAGE`) that it is known to have passed, though the rules of the snapshot say otherwise.
 */
export function journey(
  host: HostState,
  packet: ModelPacket,
  start: string,
  doubted: ReadonlySet<string> = new Set(),
): Journey {
  const namespace = host.namespaces.get(start);
  if (namespace === undefined) return lost(packet, start);
  return travel(
    { host, packet, awaited: null, learnt: [], tracked: [], attached: null, straight: null, doubted },
    namespace,
  );
}

/**
 * The way of the answer to a journey: the SYN-ACK, RST or echo reply of the host that it ended in, or the ICMP error of
 * one that could not send it on, be it the sender's own. Null when nobody answers, or the sender's call itself fails. Its
 * end is `returned` when it comes back to where the journey began, from whom was asked. What the request's connections
 * were translated is undone.
 *
 * @param length Bytes of the answer's IP packet; without, it is small enough for every link.
 */
export function replyJourney(host: HostState, there: Journey, length?: number): Journey | null {
  const told = answering(there);
  const namespace = told === null ? undefined : host.namespaces.get(told.netns);
  if (told === null || namespace === undefined) return null;
  const { packet, arrived, start, learnt, tracked, connection } = there;
  const { icmp, isMade } = told;
  const made = answerOf(namespace, there, icmp);
  const answer = length === undefined ? made : { ...made, length };
  const unsent = unsentReason(namespace, there);
  if (unsent !== null) return ended(answer, told.netns, unsent);
  const attached = isMade ? attachedConnection({ packet: arrived, connection }) : null;
  const awaited = { netns: start, request: packet };
  const straight = straightBack(there);
  const back = travel(
    { host, packet: answer, awaited, learnt, tracked, attached, straight, doubted: new Set() },
    namespace,
  );
  return { ...back, assumptions: [...back.assumptions, ...answerAssumptions(namespace, there, answer)] };
}

/** The device that a packet was routed to, where the host's view ends behind it; null where more stands between. */
function lastDevice(
  host: HostState,
  { end: reached, steps, arrived }: Journey,
): { namespace: NamespaceState; link: Link } | null {
  const [before, last] = steps.slice(-2);
  const namespace = host.namespaces.get(last?.netns ?? '');
  const linkOf = (device: string | null | undefined) => namespace?.links.find(({ name }) => name === device);
  const link = linkOf(last?.device);
  if (reached.kind !== 'leaves-view' || last?.stage !== 'egress' || last.carrier !== undefined) return null;
  if (namespace === undefined || link === undefined) return null;
  const master = linkOf(link.master);
  const bridge = master?.kind === 'bridge' ? master : null;
  // A macvlan's frame goes on by the device below it: what comes back there is not for that host.
  const isSentOn = before?.stage === 'egress';
  // By a port that is not the host's own bridge's the frame only crosses the host.
  if (isSentOn !== (bridge !== null) || (bridge !== null && before?.device !== bridge.name)) return null;
  const routed = bridge ?? link;
  // br_netfilter's rules may ask for the port.
  return routed.kind === 'bridge' && showsBridged(namespace, arrived.family) ? null : { namespace, link: routed };
}

/**
 * The way of an answer from beyond the host's view, if one comes, and comes in by the device to which the packet was routed.
 * Null where the packet did not leave, or not by such a device.
 */
export function outsideReply(host: HostState, there: Journey): Journey | null {
  const out = lastDevice(host, there);
  if (out === null) return null;
  const { namespace, link } = out;
  const { packet, start, learnt, tracked } = there;
  const entry: Step = {
    netns: namespace.name,
    device: link.name,
    stage: 'ingress',
    verdict: 'passed',
    detail: `an answer from beyond comes in by ${link.name}`,
    quotes: [link.source],
  };
  const awaited = { netns: start, request: packet };
  const rest = { attached: null, straight: null, doubted: new Set<string>() };
  return travel({ host, packet: outsideAnswer(there), awaited, learnt, tracked, ...rest }, namespace, entry);
}

/** Flags of what comes after a SYN and its answer. */
const ackFlag = 0x10;

/** The way of the segment after a SYN and its answer: TCP's ACK, whose connection the hosts on the way know by now. */
function followingJourney(host: HostState, there: Journey, back: Journey): Journey {
  const namespace = host.namespaces.get(there.start);
  const packet = { ...there.packet, tcpFlags: ackFlag };
  if (namespace === undefined) return lost(packet, there.start);
  const answered = [...back.tracked, ...there.tracked].map((one) => ({
    ...one,
    entry: { ...one.entry, unreplied: false },
  }));
  const learnt = [...there.learnt, ...back.learnt];
  return travel(
    { host, packet, awaited: null, learnt, tracked: answered, attached: null, straight: null, doubted: new Set() },
    namespace,
  );
}

/** A packet, its answer, and what follows. */
export interface Exchange {
  readonly there: Journey;
  /** Null where nobody answers, or the sender's call itself fails. */
  readonly back: Journey | null;
  /** The segment with which a TCP that opens goes on: rules that let a SYN pass may stop it. Null of anything else. */
  readonly after: Journey | null;
}

/** What becomes of a packet that a program sends, and of what it leads to. `doubted` is as `journey` has it. */
export function exchange(
  host: HostState,
  packet: ModelPacket,
  start: string,
  doubted: ReadonlySet<string> = new Set(),
): Exchange {
  const there = journey(host, packet, start, doubted);
  const back = replyJourney(host, there);
  const opens = packet.protocol === 'tcp' && there.end.kind === 'accepted' && back?.end.kind === 'returned';
  return { there, back, after: opens ? followingJourney(host, there, back) : null };
}
