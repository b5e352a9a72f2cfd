/**
 * `journey(host, packet, start)`: what Linux would do with this packet, stage by stage, by the state of the snapshot.
 *
 * Pure. It says what it does not know instead of guessing: rules that no snapshot settles are taken as passed and named in
 * `assumptions`, with the ends that they may give in `alternatives`; where the kernel picks one of several ways by a hash,
 * all are followed; a route or link that the model cannot follow ends the journey as undetermined.
 */

import type { HostState, Link, NamespaceState } from '../host/state.ts';
import { isLinkLocal6, isLoopback, isUnspecified, sameAddress, unspecifiedAddress } from '../inet/address.ts';
import { type IcmpError, unreachable } from '../inet/icmp.ts';
import { tcpFlag } from '../inet/protocol.ts';
import { showsBridged } from './bridge.ts';
import { ownsAddress } from './neighbour.ts';
import { routeQuery } from './output.ts';
import { end, type Position, type Progress } from './progress.ts';
import { lookUpRoute } from './routing.ts';
import { selectAddress6 } from './source.ts';
import { type Journey, type ModelPacket, ownSteps, type Step } from './step.ts';
import { attachedConnection, echoReply } from './traveller.ts';
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

/** Flags of the answers to a SYN. */
const synAck = tcpFlag.syn | tcpFlag.ack;
const rstAck = tcpFlag.reset | tcpFlag.ack;
/** Flags of what comes after. */
const ackFlag = 0x10;

/** What answers a packet. */
interface Answering {
  readonly netns: string;
  /** The ICMP error; null for what answers in the protocol of the packet. */
  readonly icmp: IcmpError | null;
  /** It is made out of the packet while that has its connection. */
  readonly isMade: boolean;
}

/** Null when nobody answers, or the sender's call itself fails. */
function answering({ end: reached, packet: { protocol, family } }: Journey): Answering | null {
  if (reached.kind === 'accepted') return { netns: reached.netns, icmp: null, isMade: false };
  if (reached.kind === 'refused') {
    // Where sockets are looked for, the connection is let go (`nf_reset_ct` in `__udp4_lib_rcv`).
    const icmp = protocol === 'udp' ? unreachable('port', family) : null;
    return { netns: reached.netns, icmp, isMade: false };
  }
  const answer = 'answer' in reached ? reached.answer : null;
  if (answer === null) return null;
  const resets = reached.kind === 'rejected' && reached.reset && protocol === 'tcp';
  return resets || answer.icmp !== null ? { netns: answer.netns, icmp: answer.icmp, isMade: true } : null;
}

/** Why the answer is not sent, or what is not known of it; null where nothing keeps it. */
function unsentReason({ links }: NamespaceState, { arrived, end: reached }: Journey): Pick<Journey, 'end'> | null {
  const { protocol, family, source, destination } = arrived;
  if (protocol === 'tcp' && reached.kind === 'accepted' && family === 4 && isUnspecified(source)) {
    return end('undetermined', 'the packet came from no address, and what becomes of an answer to none is not known');
  }
  // IPv6 looks the way to an address that means something on one device alone up on the device of the address that was
  // asked (`rt6_need_strict`): any answer's to a link-local one, a reset's to ::1 (`tcp_v6_send_response`).
  const isReset = protocol === 'tcp' && reached.kind === 'refused' && family === 6;
  const isStrict = isLinkLocal6(source) || (isReset && isLoopback(source));
  const [asker, asked] = [source, destination].map((own) =>
    links.find(({ addresses }) => addresses.some(({ address }) => sameAddress(address, own))),
  );
  if (!isStrict || asker === undefined || asked === undefined || asker === asked) return null;
  return end('dropped', `no ${isReset ? 'reset' : 'answer'} is sent to ${source} from an address of ${asked.name}`);
}

/**
 * What an ICMP error is sent from: the address that was asked, where the host has it (`icmp_send`); in IPv6 the one that
 * the device it came in by would choose towards the sender, unless the route names one (`icmp6_send`); else (unspecified)
 * what the route gives.
 */
function errorSource(namespace: NamespaceState, { arrived, steps }: Journey): string {
  const { source, destination, family } = arrived;
  if (ownsAddress(namespace, destination)) return destination;
  const unchosen = unspecifiedAddress[family];
  const entered = ownSteps(steps).findLast(({ stage: at }) => at === 'ingress');
  if (family === 4 || entered?.netns !== namespace.name) return unchosen;
  const way = lookUpRoute(
    namespace,
    routeQuery({ protocol: 'icmp', family, source: unchosen, destination: source, destinationPort: 0 }, null),
  );
  if (way.kind === 'route' && way.route.preferredSource !== null) return unchosen;
  return selectAddress6(namespace, entered.device, source) ?? unchosen;
}

/**
 * A rule's RST to what came over a bridge leaves by the very port, to the address that the frame was sent from, where
 * br_netfilter knows both (`nf_send_reset`). Null of all other answers.
 */
function straightBack({ end: reached, sender }: Journey): Question['straight'] {
  if (reached.kind !== 'rejected' || !reached.reset || reached.port === null || sender === null) return null;
  return { device: reached.port, mac: sender };
}

/** What answers in the protocol of the packet. */
function answerTo({ arrived }: Journey, tcpFlags: number): ModelPacket {
  const { protocol, family, source, destination, destinationPort, sourcePort } = arrived;
  return {
    protocol,
    family,
    source: destination,
    destination: source,
    destinationPort: sourcePort ?? 0,
    ...(protocol === 'icmp' ? { icmp: echoReply(family) } : { sourcePort: destinationPort }),
    ...(protocol === 'tcp' ? { tcpFlags } : {}),
  };
}

/** The ICMP error about it. */
function errorTo(namespace: NamespaceState, there: Journey, icmp: IcmpError): ModelPacket {
  const { family, source, destination, destinationPort, sourcePort } = there.arrived;
  return {
    protocol: 'icmp',
    family,
    source: errorSource(namespace, there),
    destination: source,
    destinationPort: sourcePort ?? 0,
    icmp,
    quoted: { destination, destinationPort },
  };
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
  const made =
    icmp === null ? answerTo(there, there.end.kind === 'accepted' ? synAck : rstAck) : errorTo(namespace, there, icmp);
  const answer = length === undefined ? made : { ...made, length };
  const unsent = unsentReason(namespace, there);
  if (unsent !== null) return ended(answer, told.netns, unsent);
  const attached = isMade ? attachedConnection({ packet: arrived, connection }) : null;
  const awaited = { netns: start, request: packet };
  const straight = straightBack(there);
  return travel({ host, packet: answer, awaited, learnt, tracked, attached, straight, doubted: new Set() }, namespace);
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
  return travel({ host, packet: answerTo(there, synAck), awaited, learnt, tracked, ...rest }, namespace, entry);
}

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
