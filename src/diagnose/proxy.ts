/**
 * A program that answers for another: it took the connection, asked its own upstream, was turned away or left without an
 * answer, and hung up or waits. Two connections, told as two; the failure of the second is why the first ended.
 */

import type { Connection } from '../flow/connection.ts';
import type { HostState } from '../host/state.ts';
import { ownsAddress } from '../model/neighbour.ts';
import type { ConnectionDiagnosis } from './diagnosis.ts';
import { inNetns } from './words.ts';

const waits = 'no-response-from-application';
/** How a proxy's front ends when its back fails. */
const frontEnds: readonly string[] = ['reset-by-application', 'closed-by-application', waits];
const failures: readonly string[] = ['refused', 'timeout', 'unreachable'];
/** A proxy hangs up as soon as it knows, and its own last packets may be seen a moment later. */
const momentNs = 1_000_000_000n;

/** The failed connections that the program's own namespace began while the first one was open, what ended next to it first. */
export function upstreamsOf(
  front: { readonly diagnosis: ConnectionDiagnosis; readonly connection: Connection },
  all: readonly Connection[],
  host: HostState,
): Connection[] {
  const { diagnosis, connection } = front;
  const netns = diagnosis.where?.netns ?? null;
  const namespace = host.namespaces.get(netns ?? '');
  if (namespace === undefined || !frontEnds.includes(diagnosis.cause ?? '')) return [];
  // Whoever waits for another asked it as soon as it was asked itself; what began later may be anybody's.
  const last = diagnosis.cause === waits ? connection.beganNs : connection.endedNs;
  const possible = all.filter(
    (one) =>
      one !== connection &&
      one.protocol === 'tcp' &&
      failures.includes(one.outcome) &&
      one.beganNs >= connection.beganNs &&
      one.beganNs <= last + momentNs &&
      ownsAddress(namespace, one.client.address),
  );
  // Who hangs up does so when it knows that the other cannot be asked.
  const sinceNs = ({ endedNs }: Connection): bigint =>
    endedNs < connection.endedNs ? connection.endedNs - endedNs : endedNs - connection.endedNs;
  return possible.toSorted((a, b) => Number(sinceNs(a) - sinceNs(b)));
}

/** The first connection as the effect of the second. */
export function asEffect(front: ConnectionDiagnosis, upstream: ConnectionDiagnosis): ConnectionDiagnosis {
  const place = inNetns(front.where?.netns ?? 'host');
  const isWaiting = front.cause === waits;
  const does = isWaiting
    ? 'and has nothing to say as long as that one does not answer'
    : 'and hangs up when that one cannot be asked';
  return {
    ...front,
    cause: 'proxy-upstream-refused',
    certainty: 'inferred',
    summary: `${front.summary.replace(/\.$/, '')}, ${isWaiting ? 'while' : 'after'} a connection from the same place failed: ${upstream.summary}`,
    explanation: [
      ...front.explanation,
      `While it was open, a connection set out from the same place (${place}) and failed; it is told below. A proxy does so: it takes a request, asks the server that it stands for, ${does}. ${upstream.summary} That both belong to one program follows from their times and places alone.`,
    ],
    alternatives: [
      ...front.alternatives,
      {
        cause: front.cause ?? 'closed-by-application',
        tellApart: `the log of the program ${place}: it says whether it asked an upstream for this request`,
      },
    ],
  };
}
