/** How rules' look-ups of routes are answered by the state of a namespace. */

import type { NamespaceState, Route } from '../../host/state.ts';
import { formatAddress, isLimitedBroadcast, isMulticast, unspecifiedAddress } from '../../inet/address.ts';
import { lookUpRoute, type RouteLookup } from '../routing.ts';
import { type RouteQuery, vrfOf } from '../rule.ts';
import type { RouteQuestion } from './packet.ts';

/** `ip rule … ipproto`, by number. */
const protocolNames: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp', 58: 'icmp' };

/** IPv4's addresses that no route is asked from: `get_saddr` of nft_fib_ipv4.c; IPv6's by RT6_LOOKUP_F_HAS_SADDR. */
function sourceOf({ family, from }: RouteQuestion): string {
  const source = from === null ? unspecifiedAddress[family] : formatAddress({ family, value: from });
  const isNone = isMulticast(source) || isLimitedBroadcast(source);
  return isNone ? unspecifiedAddress[family] : source;
}

/** The look-up itself, which has no ports and is nobody's, that is root's. */
function lookUp(
  namespace: NamespaceState,
  question: RouteQuestion,
  by: Pick<RouteQuery, 'outputDevice' | 'prefersOutputDevice'>,
): RouteLookup {
  const { family, address, mark, cameBy, protocol } = question;
  return lookUpRoute(namespace, {
    family,
    source: sourceOf(question),
    destination: formatAddress({ family, value: address }),
    inputDevice: cameBy === '' ? null : cameBy,
    ...by,
    mark: mark === null ? null : Number(mark),
    tos: 0,
    // IPv4's look-ups do not tell the protocol.
    protocol: family === 4 ? '' : (protocolNames[protocol] ?? String(protocol)),
    sourcePort: 0,
    destinationPort: 0,
    user: 0,
  });
}

/** fe80::/10, as its upper ten bits. */
const linkLocal6 = 0x3fan;

/** ff02::/16, whatever its flags: its upper 16 bits, and those of them that count. */
const [linkMulticast6, scopeBits6] = [0xff02n, 0xff0fn];

/** An IPv6 address that means something on one link alone (IPV6_ADDR_LINKLOCAL of `ipv6_addr_type`). */
export function isOfLink(address: bigint): boolean {
  return address >> 118n === linkLocal6 || ((address >> 112n) & scopeBits6) === linkMulticast6;
}

/** The device that alone is asked: an IPv6 link-local address is looked for on the packet's own (RT6_LOOKUP_F_IFACE). */
function boundTo({ family, address, on }: RouteQuestion): string | null {
  return family === 6 && isOfLink(address) ? on : null;
}

/** Ports of a VRF look in its table, which the model does not follow here. */
function isInVrf(namespace: NamespaceState, { on, device, cameBy }: RouteQuestion): boolean {
  return [on, device, cameBy].some((name) => vrfOf(namespace, name) !== null);
}

function usesDevice({ nextHops }: Route, device: string): boolean {
  return nextHops.some((hop) => hop.device === device);
}

/**
 * The device by which nft's `fib` finds an address, `''` where no route leads there that counts, null where it is not
 * known (`nft_fib4_eval`, `nft_fib6_eval`). The host's own addresses have none.
 */
export function routeDevice(namespace: NamespaceState, question: RouteQuestion): string | null {
  if (isInVrf(namespace, question)) return null;
  const found = lookUp(namespace, question, { outputDevice: boundTo(question) });
  if (found.kind === 'unknown') return null;
  if (found.kind !== 'route') return '';
  const { route, nextHops } = found;
  if (route.type === 'local' || route.type === 'anycast') return '';
  const { family, device } = question;
  // `fib_info_nh_uses_dev`: any of several next hops will do.
  if (family === 4 && device !== '') return usesDevice(route, device) ? device : '';
  if (family === 4) return nextHops[0]?.device ?? null;
  // Of several IPv6 takes one by a hash, or, in later kernels, any.
  const devices = [...new Set(nextHops.map((hop) => hop.device))];
  if (device !== '' && !devices.includes(device)) return '';
  return devices.length === 1 ? (devices[0] ?? null) : null;
}

/** By which device `-m rpfilter` asks. */
function reverseBy(question: RouteQuestion, loose: boolean): Pick<RouteQuery, 'outputDevice' | 'prefersOutputDevice'> {
  const bound = boundTo(question);
  if (question.family === 4 || loose || bound !== null) return { outputDevice: bound };
  return { outputDevice: question.device, prefersOutputDevice: true };
}

/**
 * Whether `-m rpfilter` finds a way back to the address (`rpfilter_lookup_reverse`, `rpfilter_lookup_reverse6`); null
 * where it is not known. IPv6 looks for a route by the device among all of the longest prefix, whatever their metrics.
 */
export function hasReversePath(
  namespace: NamespaceState,
  question: RouteQuestion,
  loose: boolean,
  acceptsLocal: boolean,
): boolean | null {
  if (isInVrf(namespace, question)) return null;
  const { family, device } = question;
  const found = lookUp(namespace, question, reverseBy(question, loose));
  if (found.kind === 'unknown') return null;
  if (found.kind !== 'route') return false;
  const { route, nextHops } = found;
  if (route.type === 'local' && (!acceptsLocal || family === 6)) return acceptsLocal;
  if (route.type === 'anycast' || (family === 4 && route.type !== 'unicast' && route.type !== 'local')) return false;
  if (loose) return true;
  return family === 4 ? usesDevice(route, device) : nextHops.some((hop) => hop.device === device);
}
