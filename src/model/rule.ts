/** Whether an `ip rule` takes a packet: `fib_rule_match` (net/core/fib_rules.c) and what IPv4 and IPv6 add to it. */

import type { NamespaceState, NumberRange, RoutingRule } from '../host/state.ts';
import { inPrefix } from '../inet/address.ts';

/** What routing looks at in a packet. */
export interface RouteQuery {
  readonly family: 4 | 6;
  /** `0.0.0.0` or `::` while none is chosen. */
  readonly source: string;
  readonly destination: string;
  /** The device that the packet came in by; null for one of this host, which rules call `lo`. */
  readonly inputDevice: string | null;
  /** The device that the sending socket is bound to. */
  readonly outputDevice: string | null;
  /** IPv6 only prefers the output device, whatever the metrics: routes by others serve too (`rt6_device_match`). */
  readonly prefersOutputDevice?: true;
  /** Of a way that is looked for as if from elsewhere: the device whose VRF it is looked for in. */
  readonly vrfDevice?: string;
  /** Null where a rule set what is not known. */
  readonly mark: number | null;
  readonly tos: number;
  readonly protocol: string;
  /** Null where it is not known. */
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  readonly user: number | null;
}

/** Yes, no, or not known. */
export type Match = boolean | 'unknown';

function inRange(range: NumberRange | null, value: number | null): Match {
  if (range === null) return true;
  return value === null ? 'unknown' : range.first <= value && value <= range.last;
}

/** The VRF that a device is a port of, or is; see Documentation/networking/vrf.rst. */
export function vrfOf(namespace: NamespaceState, device: string | null): { name: string; table: number } | null {
  const link = namespace.links.find(({ name }) => name === device);
  const vrf =
    link?.kind === 'vrf' ? link : namespace.links.find(({ name, kind }) => kind === 'vrf' && name === link?.master);
  return vrf?.vrfTable === null || vrf === undefined ? null : { name: vrf.name, table: vrf.vrfTable };
}

/** The VRF that a packet is routed in: `l3mdev_update_flow` (net/l3mdev/l3mdev.c). */
export function vrfOfQuery(namespace: NamespaceState, query: RouteQuery): ReturnType<typeof vrfOf> {
  return vrfOf(namespace, query.vrfDevice ?? query.inputDevice ?? query.outputDevice);
}

/** The members of 0xffff_ffff that JavaScript's operators keep are signed. */
function masked(value: number, mask: number): number {
  return (value & mask) >>> 0;
}

function hasMark(mark: number | null, wanted: { readonly value: number; readonly mask: number }): Match {
  const mask = mask32(wanted.mask);
  return mark === null ? 'unknown' : masked(mark, mask) === masked(wanted.value, mask);
}

/** Whether the rule takes the packet. */
export function matchRule(namespace: NamespaceState, rule: RoutingRule, query: RouteQuery): Match {
  const { selector } = rule;
  const { from, to, mark } = selector;
  const device = query.inputDevice ?? 'lo';
  const vrf = vrfOfQuery(namespace, query);
  const matches: readonly Match[] = [
    from === null || inPrefix(query.source, from.prefix, from.prefixLength),
    to === null || inPrefix(query.destination, to.prefix, to.prefixLength),
    selector.inputDevice === null || selector.inputDevice === device || selector.inputDevice === vrf?.name,
    selector.outputDevice === null ||
      selector.outputDevice === query.outputDevice ||
      (query.outputDevice !== null && selector.outputDevice === vrf?.name),
    mark === null || hasMark(query.mark, mark),
    selector.tos === null || selector.tos === query.tos,
    selector.protocol === null || isProtocol(selector.protocol, query),
    inRange(selector.sourcePorts, query.sourcePort),
    inRange(selector.destinationPorts, query.destinationPort),
    inRange(selector.users, query.user),
    !selector.vrf || vrf !== null,
    rule.unread ? 'unknown' : true,
  ];
  if (matches.includes(false)) return rule.inverted;
  return matches.includes('unknown') ? 'unknown' : !rule.inverted;
}

function mask32(mask: number): number {
  return mask | 0;
}

const protocolNumbers: ReadonlyMap<string, string> = new Map([
  ['tcp', '6'],
  ['udp', '17'],
  ['icmp', '1'],
  ['ipv6-icmp', '58'],
]);

function isProtocol(selector: string, { protocol, family }: RouteQuery): boolean {
  const name = protocol === 'icmp' && family === 6 ? 'ipv6-icmp' : protocol;
  return selector === name || selector === protocolNumbers.get(name);
}
