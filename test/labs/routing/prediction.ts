/** What the model allows a probe to come to. */
import type { HostState } from '../../../src/host/state.ts';
import { replyJourney } from '../../../src/model/journey.ts';
import type { Answer, Journey } from '../../../src/model/step.ts';
import { isFork } from '../../../src/model/walk/walk.ts';

const silence = 'timeout';

/** Codes of "destination unreachable" that a connected UDP socket takes notice of (`icmp_err_convert`, `fatal`). */
const heardByDatagrams = { 4: [2, 3, 6, 7, 8, 9, 10, 13], 6: [1, 4, 5, 6] } as const;

/** What the sender hears when the failure is told to its socket. */
function toldResult({ end, packet: { protocol, family } }: Journey, { errno, icmp }: Answer): string {
  // iputils' ping forgets the errno of its own sendto(); what its connect() meets before it tells.
  if (protocol === 'icmp' && icmp === null && end.kind !== 'unroutable') return silence;
  if (protocol !== 'udp' || icmp === null) return errno;
  const codes: readonly number[] = heardByDatagrams[family];
  return codes.includes(icmp.code) && icmp.type === { 4: 3, 6: 1 }[family] ? errno : silence;
}

/** The results that go with the end of a way; null when the model does not say. */
function resultsOf(host: HostState, way: Journey): readonly string[] | null {
  const { end, packet } = way;
  if (end.kind === 'undetermined' || end.kind === 'leaves-view' || end.kind === 'returned') return null;
  if (end.kind === 'looped') return [silence, 'EHOSTUNREACH'];
  const answer = 'answer' in end ? end.answer : null;
  if ('answer' in end && answer === null) return [silence];
  const reply = replyJourney(host, way);
  // Beside EPERM the sender may find the error of a rejection in its queue: ping reads it when it is quick enough.
  const isRejected = end.kind === 'rejected' && packet.protocol === 'icmp' && answer?.errno === 'EPERM';
  if (isRejected) return [silence, 'ENETUNREACH', 'EHOSTUNREACH', 'ENOPROTOOPT', 'ECONNREFUSED', 'EACCES'];
  if (reply === null && answer !== null) return [toldResult(way, answer)];
  if (reply?.end.kind === 'undetermined' || reply?.end.kind === 'leaves-view') return null;
  const comesBack = reply?.end.kind === 'returned';
  const back = !comesBack ? silence : answer === null ? deliveredResult(way) : toldResult(way, answer);
  // `ip_error` tells a peer of routes that do not serve five times and then once a second.
  const isLimited = end.kind === 'unroutable' && packet.family === 4;
  // An error that comes while connect() still holds its socket is lost (`LOCKDROPPEDICMPS`): IPv6's, when all is quick.
  const isEarly = packet.family === 6 && packet.protocol === 'tcp' && answer !== null && answer.icmp !== null;
  const lost = isLimited || isEarly ? [silence] : [];
  const others = (reply?.alternatives ?? []).map(({ end: one }) =>
    one.kind === 'returned' ? deliveredResult(way) : silence,
  );
  return [back, ...others, ...lost];
}

/** What the sender hears of a delivery whose answer comes back. */
function deliveredResult({ end, packet: { protocol } }: Journey): string {
  if (end.kind !== 'accepted') return 'ECONNREFUSED';
  return { tcp: `connected ${end.netns}`, udp: silence, icmp: 'answered' }[protocol];
}

/** What a probe may come to. */
export interface Prediction {
  /** Null: the model does not say. */
  readonly results: readonly string[] | null;
  /** Something decides that no snapshot shows. */
  readonly isOpen: boolean;
  /** The ways that it may take, one at least. */
  readonly ways: readonly Journey[];
}

/** What a way and the others that the kernel may take in its place come to. */
export function predict(host: HostState, way: Journey): Prediction {
  const main = isFork(way.end) ? [] : [way];
  const all = [...main, ...way.alternatives.map((one) => ({ ...way, ...one }))];
  const results = all.map((one) => resultsOf(host, one));
  return {
    isOpen: all.length > 1 || (replyJourney(host, way)?.alternatives.length ?? 0) > 0,
    results: results.includes(null) ? null : [...new Set(results.flatMap((one) => one ?? []))],
    ways: all,
  };
}
