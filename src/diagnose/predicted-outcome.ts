/** What a program would meet, by the model alone: the ways there and back as an outcome. */

import type { Connection } from '../flow/connection.ts';
import { metByError } from '../flow/outcome.ts';
import { icmpErrno } from '../inet/icmp.ts';
import type { Journey } from '../model/step.ts';

/** An outcome, and the errno that it means to the program. */
type Met = Pick<Connection, 'outcome' | 'errno'>;

const notKnown: Met = { outcome: 'unknown', errno: null };
const silence: Met = { outcome: 'timeout', errno: null };

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
    return lost ? silence : { outcome: 'ok', errno: null };
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

/** What becomes of a TCP connection that opens, by the way of the segment after its answer. */
export function outcomeAfterOpening({ end, steps, mayBeRedirected }: Journey): 'ok' | 'timeout' | 'unknown' {
  if (mayBeRedirected || end.kind === 'undetermined' || end.kind === 'leaves-view') return 'unknown';
  if (end.kind !== 'accepted') return 'timeout';
  return steps.some(({ verdict }) => verdict === 'unknown') ? 'unknown' : 'ok';
}
