/**
 * `ip_route_me_harder`: what a chain of the output hook has given another destination or mark is routed again, before the
 * next chain sees it.
 */

import type { NamespaceState } from '../../host/state.ts';
import { type Departure, depart, routeQuery } from '../output.ts';
import type { JourneyEnd, ModelPacket, Step } from '../step.ts';

/** The way of the packet as it is now. */
export function departAnew(namespace: NamespaceState, packet: ModelPacket): Departure {
  return depart(namespace, packet, routeQuery(packet, null), true);
}

/**
 * The end of a packet that has no way as one of the forms in which it was routed again: it is dropped in the hook, and TCP
 * waits in vain. Null where all have one.
 */
export function strandedAnew(
  namespace: NamespaceState,
  forms: readonly ModelPacket[],
  device: string | null,
): { readonly step: Step; readonly end: JourneyEnd } | null {
  for (const packet of forms) {
    const stranded = strandedAs(namespace, packet, device);
    if (stranded !== null) return stranded;
  }
  return null;
}

function strandedAs(
  namespace: NamespaceState,
  packet: ModelPacket,
  device: string | null,
): { readonly step: Step; readonly end: JourneyEnd } | null {
  const departure = departAnew(namespace, packet);
  if (departure.kind !== 'failed') return null;
  const { reason, errno, quotes, fault } = departure;
  const netns = namespace.name;
  const detail = `routed again as the rules have changed it, it has no way: ${reason}`;
  const answer = packet.protocol === 'tcp' ? null : { errno, netns, icmp: null };
  return {
    step: {
      netns,
      device,
      stage: 'output',
      verdict: 'dropped',
      detail,
      quotes,
      ...(fault === undefined ? {} : { fault }),
    },
    end: { kind: 'dropped', reason: detail, answer },
  };
}
