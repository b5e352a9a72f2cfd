/** What a program would meet, by the model alone: the ways there and back as an outcome. */

import type { Connection } from '../flow/connection.ts';
import { metByError } from '../flow/outcome.ts';
import type { HostState, Listener } from '../host/state.ts';
import { icmpErrno } from '../inet/icmp.ts';
import { outsideReply } from '../model/journey.ts';
import type { Journey } from '../model/step.ts';
import { inNetns } from './words.ts';

/** An outcome, and the errno that it means to the program. */
type Met = Pick<Connection, 'outcome' | 'errno'>;

const notKnown: Met = { outcome: 'unknown', errno: null };
const silence: Met = { outcome: 'timeout', errno: null };

/** Podman's monitor binds the ports that its container publishes, so that nobody else takes them, and reads none of them. */
export function holdsForAnother(listener: Listener | null): boolean {
  if (listener?.process?.name !== 'conmon') return false;
  // A socket that the container was given by its own unit is open in the monitor as well.
  const users = [...listener.source.text.matchAll(/\("((?:[^"\\]|\\.)*)",pid=/g)];
  return users.every(([, name]) => name === 'conmon');
}

/**
 * What the program's connect(), or waiting for an answer, gives, by the ways of the packet and of its answer (null:
 * nobody answers, or the sender's own kernel does). What works but for rules that may decide otherwise is `unknown`;
 * what fails in any case fails.
 */
export function predictedOutcome({ end, start, packet, steps, mayBeRedirected }: Journey, back: Journey | null): Met {
  const doubtful = [...steps, ...(back?.steps ?? [])].some(({ verdict }) => verdict === 'unknown');
  if (mayBeRedirected || end.kind === 'undetermined') return notKnown;
  const lost = back !== null && back.end.kind !== 'returned';
  if (end.kind === 'leaves-view') return lost ? silence : notKnown;
  const untold = back?.end.kind === 'undetermined' || back?.end.kind === 'leaves-view';
  if (end.kind === 'accepted') {
    if (doubtful || untold || back === null) return notKnown;
    return lost || holdsForAnother(end.listener) ? silence : { outcome: 'ok', errno: null };
  }
  if (untold) return notKnown;
  if (end.kind === 'refused') return lost ? silence : metByError('ECONNREFUSED');
  const answer = 'answer' in end ? end.answer : null;
  if (answer === null || lost) return silence;
  const { errno, icmp } = answer;
  // Its own kernel fails the call itself; what an ICMP error says, a UDP socket may take no notice of.
  const failsTheCall = answer.netns === start && end.kind === 'unroutable';
  if (packet.protocol !== 'udp' || failsTheCall || icmp === null) return metByError(errno);
  return icmpErrno(icmp, packet.family, false) === null ? silence : metByError(errno);
}

/** The way of an answer that does not come back; null where nobody answers, or it does. */
export function lostAnswer({ end }: Journey, back: Journey | null): Journey | null {
  const isAnswered = ['accepted', 'refused', 'leaves-view'].includes(end.kind);
  return isAnswered && back !== null && back.end.kind !== 'returned' ? back : null;
}

/** The way of an answer from beyond the host's view, where rules or settings here would stop it. */
export function lostOutside(host: HostState, there: Journey): Journey | null {
  const back = outsideReply(host, there);
  return back?.end.kind === 'dropped' || back?.end.kind === 'rejected' ? back : null;
}

/** Why it ends as it does, and where: the way there, or that of the answer where that is what fails. */
export function reasonOf(way: Journey, back: Journey | null): string {
  const { end, steps } = lostAnswer(way, back) ?? way;
  const last = steps.at(-1);
  // What leaves says itself by which device of whom.
  const place = last === undefined || end.kind === 'leaves-view' ? '' : `${inNetns(last.netns)}, `;
  return `${place}${'reason' in end ? end.reason : (last?.detail ?? '')}`;
}

/** What becomes of a TCP connection that opens, by the way of the segment after its answer. */
export function outcomeAfterOpening({ end, steps, mayBeRedirected }: Journey): 'ok' | 'timeout' | 'unknown' {
  if (mayBeRedirected || end.kind === 'undetermined' || end.kind === 'leaves-view') return 'unknown';
  if (end.kind !== 'accepted') return 'timeout';
  return steps.some(({ verdict }) => verdict === 'unknown') ? 'unknown' : 'ok';
}
