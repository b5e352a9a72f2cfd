/** A packet that has its way: past the last hook, out of a device, over what is plugged into it, into the next host. */

import type { NamespaceState, NextHop, Route } from '../../host/state.ts';
import type { Medium } from '../outlet.ts';
import { end, type Progress } from '../progress.ts';
import { transmit, transmitStraight } from '../transmit.ts';
import { bridgeFirewall, keptBack } from './bridged.ts';
import { carrier } from './carrier.ts';
import { Walk } from './walk.ts';

/** Why there are several ways, where a route has several next hops. */
export const picked = 'the kernel picks one by a hash of the packet';

/** The route in one clause; without one, as `Departure` has it. */
export function routeDetail({ route }: { readonly route: Route | null }, { device, gateway }: NextHop): string {
  if (route === null) return `no route serves, so the address is looked for on ${device} itself`;
  const target = route.prefixLength === 0 ? 'the default route' : `${route.prefix}/${route.prefixLength}`;
  return gateway === null ? `${target} is on ${device}` : `${target} goes by ${gateway}`;
}

/** Out by a next hop; `input` is the device that it came in by, `''` for the host's own. */
export function leave(walk: Walk, namespace: NamespaceState, input: string, hop: NextHop): Progress {
  const devices = { input, output: hop.device };
  return walk.hook({ namespace, stage: 'postrouting', devices, device: hop.device }, (after) =>
    cross(after, namespace, input, hop),
  );
}

/**
 * The end of a packet that a bridge would send on for its host, where it ends before the rules at forward: nobody answers for
 * the next hop, or it would have to leave by the port that it came in by. Null where it comes to those rules.
 */
export function endBeforeForward(walk: Walk, namespace: NamespaceState, input: string, hop: NextHop): Progress | null {
  const probe = new Walk(walk.question, walk);
  const reached = cross(probe, namespace, input, hop);
  const last = probe.steps.at(-1);
  const isKept = last?.netns === namespace.name && last.fault?.kind === 'bridge-hairpin-off';
  const isUnanswered = 'end' in reached && reached.end.kind === 'unanswered';
  return isKept || isUnanswered ? cross(walk, namespace, input, hop) : null;
}

/** What the packet is sent by, out of a device; that becomes its sender. `input` is as `leave` has it. */
function mediumFrom(walk: Walk, { links }: NamespaceState, input: string, device: string): Medium {
  const { host, learnt, doubted } = walk.question;
  walk.sender = links.find(({ name }) => name === device)?.mac ?? null;
  const [firewall, carry] = [bridgeFirewall(walk), carrier(walk)];
  return { host, packet: walk.packet, learnt, doubted, firewall, carry, forwarded: input !== '' };
}

/** Out by a device to a link-layer address, past routes, rules and neighbours. */
export function leaveStraight(walk: Walk, namespace: NamespaceState, device: string, mac: string): Progress {
  const arrival = transmitStraight(mediumFrom(walk, namespace, '', device), namespace, device, mac);
  walk.add(...arrival.steps);
  if (arrival.traveller !== undefined) walk.become(arrival.traveller);
  return arrival.progress;
}

function cross(walk: Walk, namespace: NamespaceState, input: string, hop: NextHop): Progress {
  const { arrivals, learnt: taught } = transmit(mediumFrom(walk, namespace, input, hop.device), namespace, hop);
  walk.learnt.push(...taught);
  return walk.eachWay(namespace, arrivals, 'several hosts answer for one address', (one, arrival) => {
    const kept = keptBack(one, namespace, arrival.steps);
    one.add(...(kept ?? arrival.steps));
    if (kept !== null) return end('dropped', kept.at(-1)?.detail ?? '');
    one.assumptions.push(...(arrival.assumptions ?? []));
    if (arrival.traveller !== undefined) one.become(arrival.traveller);
    return arrival.progress;
  });
}
