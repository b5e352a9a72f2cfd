/** A packet that is for the host: through the input hook to a socket, or to the one that waits for it. */

import type { NamespaceState } from '../../host/state.ts';
import { isUnspecified, sameAddress } from '../../inet/address.ts';
import { deliver, type Received } from '../deliver.ts';
import type { Progress } from '../progress.ts';
import { vrfOf } from '../rule.ts';
import type { JourneyEnd, ModelPacket } from '../step.ts';
import { isEchoReply, isIcmpError } from '../traveller.ts';
import type { Walk } from './walk.ts';

/** How it came. */
interface Arrival extends Received {
  /** The port of the bridge that br_netfilter shows; null without. */
  readonly port: string | null;
}

/** Through the input hook. */
export function arrive(walk: Walk, namespace: NamespaceState, arrival: Arrival): Progress {
  const { device, port, broadcast } = arrival;
  const devices = { input: device, inputPort: port ?? '' };
  return walk.hook({ namespace, stage: 'input', devices, device, broadcast }, (after) => ({
    end: toSocket(after, namespace, arrival),
  }));
}

function toSocket(walk: Walk, namespace: NamespaceState, arrival: Arrival): JourneyEnd {
  const { device } = arrival;
  const { awaited } = walk.question;
  if (awaited === null) {
    const { step, end: delivered } = deliver(namespace, walk.packet, arrival);
    walk.steps.push(step);
    return delivered;
  }
  const place = { netns: namespace.name, device, stage: 'socket', quotes: [] } as const;
  const stranger =
    namespace.name === awaited.netns
      ? (elsewhere(namespace, arrival, awaited.request) ?? unexpected(walk.packet, awaited.request))
      : null;
  if (namespace.name === awaited.netns && stranger === null) {
    walk.steps.push({ ...place, verdict: 'delivered', detail: 'the socket that asked takes the answer' });
    return { kind: 'returned', netns: namespace.name };
  }
  const detail = stranger ?? `the answer ends in ${namespace.name}, which did not ask`;
  walk.steps.push({ ...place, verdict: 'refused', detail });
  return { kind: 'dropped', reason: detail, answer: null };
}

/** Why a socket that is bound to a device is not given an answer that comes in by another one (`inet_sk_bound_dev_eq`). */
function elsewhere(
  namespace: NamespaceState,
  { addressed }: Arrival,
  { boundDevice }: Pick<ModelPacket, 'boundDevice'>,
): string | null {
  if (boundDevice === undefined || boundDevice === addressed) return null;
  if (vrfOf(namespace, addressed)?.name === boundDevice) return null;
  return `the answer comes in by ${addressed}, and the socket that asked is bound to ${boundDevice}`;
}

/** Why an error is about another packet than was sent: one that was translated, and not back. */
function aboutOther({ quoted }: ModelPacket, { destination, destinationPort }: ModelPacket): string | null {
  if (quoted === undefined) return null;
  const isIts = sameAddress(quoted.destination, destination) && quoted.destinationPort === destinationPort;
  return isIts ? null : `the error is about a packet to ${quoted.destination}, and none was sent there`;
}

/**
 * Why the socket that asked takes an answer for a stranger's; null when it does not. An ICMP error quotes its request. A
 * ping's socket takes replies for whichever address of the host, unless it is bound to one (`-I`), which nothing shows;
 * of one from another address than was asked, ping says so.
 */
function unexpected(answer: ModelPacket, request: ModelPacket): string | null {
  const text = (address: string, port: number | undefined): string =>
    request.protocol === 'icmp' || port === undefined ? address : `${address} port ${port}`;
  const [to, asker] = [text(answer.destination, answer.destinationPort), text(request.source, request.sourcePort)];
  const isKnown = request.sourcePort === undefined || answer.destinationPort === request.sourcePort;
  const isForAny = isEchoReply(answer) || isUnspecified(request.source);
  if (!isForAny && (!sameAddress(answer.destination, request.source) || !isKnown)) {
    return `the answer is for ${to}, and ${asker} had asked`;
  }
  if (isIcmpError(answer)) return aboutOther(answer, request);
  const [from, asked] = [text(answer.source, answer.sourcePort), text(request.destination, request.destinationPort)];
  if (
    sameAddress(answer.source, request.destination) &&
    (request.protocol === 'icmp' || answer.sourcePort === request.destinationPort)
  ) {
    return null;
  }
  return `the answer comes from ${from}, and ${asked} was asked`;
}
