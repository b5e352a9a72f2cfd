/**
 * `journey(host, packet, start)`: what Linux would do with this packet, stage by stage, by the state of the snapshot.
 *
 * Pure. It says what it does not know instead of guessing: rules that no snapshot settles are taken as passed and named in
 * `assumptions`, with the ends that they may give in `alternatives`; where the kernel picks one of several ways by a hash,
 * all are followed; a route or link that the model cannot follow ends the journey as undetermined.
 */

import type { IcmpError } from '../host/netfilter.ts';
import type { HostState, NamespaceState } from '../host/state.ts';
import { chooseSource } from './output.ts';
import type { Journey, ModelPacket } from './step.ts';
import { end } from './transmit.ts';
import { echoReply } from './traveller.ts';
import { type Question, Walk } from './walk.ts';

function travel(asked: Omit<Question, 'routedAs' | 'forks'>, start: NamespaceState): Journey {
  const { source, routedAs } = chooseSource(start, asked.packet);
  const question: Question = { ...asked, packet: { ...asked.packet, source }, routedAs, forks: 0 };
  const walk = new Walk(question);
  const reached = walk.run({ namespace: start, device: null, port: null });
  const { steps, assumptions, alternatives, learnt, tracked, mayBeRedirected, forms, packet: arrived } = walk;
  const told = { steps, forms, learnt, tracked, alternatives, assumptions, mayBeRedirected };
  return { ...told, end: reached, packet: question.packet, arrived, start: start.name };
}

function lost(packet: ModelPacket, start: string): Journey {
  const reason = `the namespace ${start} is not in the snapshot`;
  const none = { steps: [], learnt: [], tracked: [], alternatives: [], assumptions: [], mayBeRedirected: false };
  return { ...none, ...end('undetermined', reason), packet, arrived: packet, forms: [packet], start };
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
  return travel({ host, packet, awaited: null, learnt: [], tracked: [], doubted }, namespace);
}

/** ICMP's destination unreachable, as the errno of the program that it comes to says it (RFC 792; RFC 4443). */
function errorFor(errno: string | null, family: 4 | 6): IcmpError {
  if (errno === 'ECONNREFUSED') return family === 4 ? { type: 3, code: 3 } : { type: 1, code: 4 };
  if (errno === 'ENETUNREACH') return family === 4 ? { type: 3, code: 0 } : { type: 1, code: 0 };
  return family === 4 ? { type: 3, code: 1 } : { type: 1, code: 3 };
}

/**
 * The way of the answer to a journey: the SYN-ACK, RST or echo reply of the host that it ended in, or the ICMP error of
 * one that could not send it on. Null when nobody answers, or the sender's own kernel does. Its end is `returned` when it
 * comes back to where the journey began, from whom was asked. What the request's connections were translated is undone.
 */
export function replyJourney(host: HostState, there: Journey): Journey | null {
  const { packet, arrived, end: reached, start } = there;
  const delivered = reached.kind === 'accepted' || reached.kind === 'refused';
  const from = delivered ? reached.netns : 'answer' in reached ? (reached.answer?.netns ?? null) : null;
  const namespace = from === null ? undefined : host.namespaces.get(from);
  if (namespace === undefined || (!delivered && from === start)) return null;
  const { protocol, family, source, destination, destinationPort, sourcePort } = arrived;
  // A rule that rejects answers in the destination's name; another host on the way in its own.
  const resets = reached.kind === 'rejected' && protocol === 'tcp' && reached.reset;
  const inItsName = delivered || resets;
  const isError = !inItsName || (reached.kind === 'refused' && protocol === 'udp');
  const errno = 'answer' in reached ? (reached.answer?.errno ?? null) : 'ECONNREFUSED';
  const icmp = isError ? errorFor(errno, family) : echoReply(family);
  const answer: ModelPacket = {
    protocol: isError ? 'icmp' : protocol,
    family,
    source: inItsName ? destination : family === 4 ? '0.0.0.0' : '::',
    destination: source,
    destinationPort: sourcePort ?? 0,
    ...(isError || protocol === 'icmp' ? { icmp } : { sourcePort: destinationPort }),
  };
  const asked = { host, packet: answer, awaited: { netns: start, request: packet } };
  return travel({ ...asked, learnt: there.learnt, tracked: there.tracked, doubted: new Set() }, namespace);
}
