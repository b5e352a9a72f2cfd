/** A packet that came in: through the prerouting hook, and by what routing says of it into the host or on. */

import type { NamespaceState } from '../../host/state.ts';
import { errnoOf, exceeded, type IcmpError } from '../../inet/icmp.ts';
import { showsBridged } from '../bridge.ts';
import { decideInput, droppedUnseen, type InputDecision } from '../input.ts';
import { routeQuery } from '../output.ts';
import { end, type Position, type Progress } from '../progress.ts';
import type { Answer } from '../step.ts';
import { arrive } from './arrive.ts';
import { endBeforeForward, leave, picked, routeDetail } from './leave.ts';
import type { Walk } from './walk.ts';

/** Linux's own, RFC 1700's recommendation (`IPDEFTTL`). */
const defaultTimeToLive = 64;

/** From the device that it came in by. */
export function receive(walk: Walk, { namespace, port: behind }: Position, device: string): Progress {
  const port = showsBridged(namespace, walk.packet.family) ? behind : null;
  const devices = { input: device, inputPort: port ?? '' };
  const { destination } = walk.packet;
  // Before any rule could give it another address; br_netfilter's rules are asked before that, on the bridge.
  const wrong = port === null ? droppedUnseen(namespace, device, walk.packet) : null;
  if (wrong !== null) return lost(walk, namespace, device, wrong);
  return walk.hook({ namespace, stage: 'prerouting', devices, device }, (after) => {
    after.translatedBehind = after.packet.destination === destination ? null : port;
    return routed(after, namespace, device, port);
  });
}

/** Dropped where its route is looked up, or just before. */
function lost(
  walk: Walk,
  { name }: NamespaceState,
  device: string,
  { reason, quotes, fault }: Extract<InputDecision, { kind: 'dropped' }>,
): Progress {
  const told = fault === undefined ? {} : { fault };
  walk.steps.push({ netns: name, device, stage: 'route', verdict: 'dropped', detail: reason, quotes, ...told });
  return end('dropped', reason);
}

function routed(walk: Walk, namespace: NamespaceState, device: string, port: string | null): Progress {
  const place = { netns: namespace.name, device, stage: 'route' } as const;
  const decision = decideInput(namespace, device, routeQuery(walk.packet, device));
  if (decision.kind === 'unknown') {
    walk.steps.push({ ...place, verdict: 'unknown', detail: decision.reason, quotes: decision.quotes });
    return end('undetermined', decision.reason);
  }
  if (decision.kind === 'local') {
    const { broadcast } = decision;
    const detail = `${walk.packet.destination} is ${broadcast ? 'a broadcast address here' : 'an address of this host'}`;
    walk.steps.push({ ...place, verdict: 'delivered', detail, quotes: decision.quotes });
    return arrive(walk, namespace, { device, port, broadcast, addressed: device });
  }
  if (decision.kind === 'dropped') return lost(walk, namespace, device, decision);
  if (decision.kind === 'refused') {
    const { reason, icmp, quotes } = decision;
    walk.steps.push({ ...place, verdict: 'failed', detail: reason, quotes });
    return end('unroutable', reason, icmp === null ? null : errorOf(walk, namespace, icmp));
  }
  const { found } = decision;
  return walk.eachWay(namespace, found.nextHops, picked, (one, hop) => {
    const detail = `${routeDetail(found, hop)}, to be forwarded`;
    one.steps.push({ ...place, verdict: 'passed', detail, quotes: found.quotes });
    // What IPv6's rules send on to a neighbour of its sender, the bridge forwards, and not the host
    // (`br_nf_pre_routing_finish_ipv6`).
    const isForNeighbour = one.translatedBehind !== null && hop.device === device;
    const isBridged = one.packet.family === 6 && isForNeighbour;
    const stopped = isBridged ? null : forward(one, namespace, device, decision);
    if (stopped !== null) return stopped;
    // The bridge asks for the neighbour and chooses its port before it forwards (`br_nf_pre_routing_finish_bridge`).
    const early = isForNeighbour ? endBeforeForward(one, namespace, device, hop) : null;
    if (early !== null) return early;
    const devices = { input: device, inputPort: port ?? '', output: hop.device };
    return one.hook({ namespace, stage: 'forward', devices, device }, (after) => leave(after, namespace, device, hop));
  });
}

function errorOf(walk: Walk, { name }: NamespaceState, icmp: IcmpError): Answer {
  return { errno: errnoOf(icmp, walk.packet.family), netns: name, icmp };
}

/** The end of a packet that is not forwarded; null for one that is. */
function forward(
  walk: Walk,
  namespace: NamespaceState,
  device: string,
  { off, assumed }: Extract<InputDecision, { kind: 'forward' }>,
): Progress | null {
  const place = { netns: namespace.name, device, stage: 'forward' } as const;
  if (assumed !== null) walk.assumptions.push(`${namespace.name}, forward: the snapshot has no ${assumed}`);
  if (off !== null) {
    const detail = `${namespace.name} does not forward: ${off.name} is 0`;
    const fault = { kind: 'ip-forward-off', setting: off.name } as const;
    walk.steps.push({ ...place, verdict: 'dropped', detail, quotes: off.quotes, fault });
    return end('dropped', detail);
  }
  walk.hops += 1;
  if (walk.hops < (walk.packet.timeToLive ?? defaultTimeToLive)) return null;
  const detail = 'its time to live is used up';
  walk.steps.push({ ...place, verdict: 'dropped', detail, quotes: [], fault: { kind: 'ttl-exceeded' } });
  return end('dropped', detail, errorOf(walk, namespace, exceeded(walk.packet.family)));
}
