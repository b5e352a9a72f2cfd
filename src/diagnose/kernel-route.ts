/** The model's route look-up beside the kernel's own. */

import type { KernelRoute } from '../host/parse/route-get.ts';
import type { NamespaceState } from '../host/state.ts';
import { isLimitedBroadcast, isMulticast, isUnspecified, sameAddress } from '../inet/address.ts';
import { chooseOrigins, routeQuery } from '../model/output.ts';
import { lookUpRoute } from '../model/routing.ts';
import type { ModelPacket } from '../model/step.ts';

/** The length of 224.0.0.0/4: a shorter route is none for groups (RFC 5771). */
const shortestOfGroups = 4;

/** What the model's look-up gives, in the kernel's terms. */
type ModelRoute =
  | { readonly kind: 'error'; readonly errno: string }
  | {
      readonly kind: 'route';
      readonly type: string;
      readonly hops: readonly { readonly device: string; readonly gateway: string | null }[];
      readonly source: string;
    };

/**
 * Of an IPv4 destination for several hosts the kernel takes the device from the route, but neither the type nor, from
 * one as wide as a default route, the gateway (`__mkroute_output` in net/ipv4/route.c).
 */
function forSeveral(destination: string, found: Extract<ModelRoute, { kind: 'route' }>, width: number): ModelRoute {
  const everybody = isLimitedBroadcast(destination);
  const group = isMulticast(destination);
  if (!everybody && !group) return found;
  const direct = everybody || width < shortestOfGroups;
  const hops = found.hops.map(({ device, gateway }) => ({ device, gateway: direct ? null : gateway }));
  return { ...found, type: everybody ? 'broadcast' : 'multicast', hops };
}

/** The look-up alone: what TCP refuses to do with a route that was found comes after it. Null: not known. */
function modelRoute(namespace: NamespaceState, packet: ModelPacket): ModelRoute | null {
  const [{ source, routedAs }] = chooseOrigins(namespace, packet);
  const found = lookUpRoute(namespace, { ...routeQuery(packet, null), source: routedAs });
  if (found.kind === 'unknown') return null;
  if (found.kind === 'none') return { kind: 'error', errno: 'ENETUNREACH' };
  if (found.kind === 'refused') return { kind: 'error', errno: found.errno };
  // `inet6_rtm_getroute` finds the route first.
  if (packet.family === 6 && isUnspecified(source)) return { kind: 'error', errno: 'EADDRNOTAVAIL' };
  const { route, nextHops } = found;
  const answer = { kind: 'route', type: route.type, hops: nextHops, source } as const;
  return packet.family === 4 ? forSeveral(packet.destination, answer, route.prefixLength) : answer;
}

function answerText(route: KernelRoute | ModelRoute): string {
  return route.kind === 'error' ? `fails with ${route.errno}` : `finds a ${route.type} route`;
}

function sameGateway(a: string | null, b: string | null): boolean {
  return a === null || b === null ? a === b : sameAddress(a, b);
}

function hopText({ device, gateway }: { readonly device: string; readonly gateway: string | null }): string {
  return gateway === null ? `by ${device}` : `by ${device} to ${gateway}`;
}

/**
 * Where the two differ in the error, the kind of route, the device and gateway, or the source: one clause each. Of
 * several next hops the kernel names one; any of the model's will do. None where the model does not know.
 */
export function routeDisagreements(namespace: NamespaceState, packet: ModelPacket, kernel: KernelRoute): string[] {
  const model = modelRoute(namespace, packet);
  if (model === null) return [];
  if (kernel.kind === 'error' || model.kind === 'error') {
    const same = kernel.kind === 'error' && model.kind === 'error' && kernel.errno === model.errno;
    return same ? [] : [`the kernel's look-up ${answerText(kernel)}, the model's ${answerText(model)}`];
  }
  if (kernel.type !== model.type)
    return [`the kernel's look-up ${answerText(kernel)}, the model's ${answerText(model)}`];
  const { hops, source } = model;
  const clauses: string[] = [];
  const found = hops.some((hop) => hop.device === kernel.device && sameGateway(hop.gateway, kernel.gateway));
  // A packet for the host itself goes over lo, whichever device has the address.
  if (kernel.type !== 'local' && !found) {
    clauses.push(`the kernel sends it ${hopText(kernel)}, the model ${hops.map(hopText).join(' or ')}`);
  }
  if (hops.length === 1 && kernel.source !== null && !sameAddress(kernel.source, source)) {
    clauses.push(`the kernel sends it from ${kernel.source}, the model from ${source}`);
  }
  return clauses;
}
