/**
 * Route look-up as `fib_lookup` and `ip6_route_output` do it: rules by priority, then the longest prefix, then the type
 * of service, then the lowest metric; a next hop that is down is passed over, and with it a route that has no other.
 */

import { routingTable } from '../host/route-numbers.ts';
import type { NamespaceState, NextHop, Quote, Route, RoutingRule } from '../host/state.ts';
import { inPrefix, sameAddress } from '../inet/address.ts';
import { matchRule, type RouteQuery, vrfOfQuery } from './rule.ts';
import { largerSetting } from './setting.ts';

/** A next hop that is taken. */
export interface TakenHop extends NextHop {
  /** Its gateway as the route has it: one that is the host itself is none, and chose the source all the same. */
  readonly given: string | null;
}

/** A route, none (with the error that a sender gets), or the reason why the model cannot say. */
export type RouteLookup =
  | {
      readonly kind: 'route';
      readonly route: Route;
      /** The ways that can be taken; the kernel picks one of several by a hash of the packet. */
      readonly nextHops: readonly TakenHop[];
      /** The rule that led there, where it is another than the kernel's own; and the route. */
      readonly quotes: readonly Quote[];
    }
  | { readonly kind: 'refused'; readonly errno: string; readonly reason: string; readonly quotes: readonly Quote[] }
  | { readonly kind: 'none'; readonly quotes: readonly Quote[] }
  | { readonly kind: 'unknown'; readonly reason: string; readonly quotes: readonly Quote[] };

/** `fib_props` (net/ipv4/fib_semantics.c) and `ip6_rt_init_dst` (net/ipv6/route.c). */
const routeErrors: Readonly<Partial<Record<Route['type'], string>>> = {
  unreachable: 'EHOSTUNREACH',
  prohibit: 'EACCES',
  blackhole: 'EINVAL',
};

/** `fib4_rule_action`, `fib6_rule_action`: a rule's "unreachable" is another error than a route's. */
const ruleErrors: Readonly<Partial<Record<RoutingRule['action'], string>>> = {
  unreachable: 'ENETUNREACH',
  prohibit: 'EACCES',
  blackhole: 'EINVAL',
};

/** The kernel's order in one table: it takes the first that serves. Equal ones stay in the order in which they were added. */
function byPreference(a: Route, b: Route): number {
  return (
    b.prefixLength - a.prefixLength ||
    b.table - a.table ||
    (b.from?.prefixLength ?? 0) - (a.from?.prefixLength ?? 0) ||
    b.tos - a.tos ||
    a.metric - b.metric
  );
}

function serves(route: Route, { family, source, destination, tos }: RouteQuery): boolean {
  return (
    route.family === family &&
    inPrefix(destination, route.prefix, route.prefixLength) &&
    (route.tos === 0 || route.tos === tos) &&
    (route.from === null || inPrefix(source, route.from.prefix, route.from.prefixLength))
  );
}

/** `fib_lookup_good_nhc`: a next hop on a dead device serves nobody, one without a carrier only unless that is switched off. */
function usable(
  namespace: NamespaceState,
  hop: NextHop,
  { family, outputDevice, prefersOutputDevice }: RouteQuery,
): boolean {
  const isBound = outputDevice !== null && prefersOutputDevice !== true;
  if (hop.dead || (isBound && outputDevice !== hop.device)) return false;
  return !hop.linkDown || largerSetting(namespace, family, hop.device, 'ignore_routes_with_linkdown').value === 0;
}

/** Who is bound to a VRF may leave by any of its devices: its table says by which. */
function withoutVrfAsDevice(namespace: NamespaceState, query: RouteQuery): RouteQuery {
  const { outputDevice } = query;
  const isVrf = namespace.links.some(({ name, kind }) => kind === 'vrf' && name === outputDevice);
  return isVrf && outputDevice !== null ? { ...query, outputDevice: null, vrfDevice: outputDevice } : query;
}

/**
 * A gateway that is an address of the host itself is none: its next hop has the scope of the host, `rt_set_nexthop` uses
 * those of the link alone, and the destination is looked for on the link.
 */
function taken(namespace: NamespaceState, hop: NextHop): TakenHop {
  const own = namespace.links.some(({ addresses }) =>
    addresses.some(({ family, address }) => family === 4 && address === hop.gateway),
  );
  return { ...hop, gateway: own ? null : hop.gateway, given: hop.gateway };
}

/**
 * IPv6 keeps the routes of some sources (`from`) in a tree of their own below those to the same destination for everyone,
 * and enters it first: whom none of them serves gets a shorter prefix, and not the one for everyone
 * (`fib6_node_lookup_1`; the root of the table is an exception). `candidates` are in order of preference.
 */
function reachedInTree(routes: readonly Route[], candidates: readonly Route[]): readonly Route[] {
  const isHidden = (candidate: Route): boolean =>
    candidate.from === null &&
    candidate.prefixLength > 0 &&
    routes.some((route) => route.from !== null && hasPrefixOf(route, candidate));
  const first = candidates.findIndex((candidate) => !isHidden(candidate));
  return first === -1 ? [] : candidates.slice(first);
}

function hasPrefixOf(route: Route, other: Route): boolean {
  return (
    route.family === other.family &&
    route.prefixLength === other.prefixLength &&
    sameAddress(route.prefix, other.prefix)
  );
}

function isBy(device: string, { nextHops }: Route): boolean {
  return nextHops.some((hop) => hop.device === device && !hop.dead);
}

/** The candidates, headed by the one of the device that stands with the first in one place of the kernel's tree. */
function headedBy(device: string, candidates: readonly Route[]): readonly Route[] {
  const [first] = candidates;
  if (first === undefined) return candidates;
  const beside = candidates.filter(
    (one) => hasPrefixOf(one, first) && one.from?.prefixLength === first.from?.prefixLength,
  );
  const preferred = beside.find((one) => isBy(device, one));
  return preferred === undefined ? candidates : [preferred, ...candidates];
}

/** IPv6's candidates in the order in which they are looked at. Those that refuse are of `lo`, and bind no other device. */
function candidates6(routes: readonly Route[], candidates: readonly Route[], query: RouteQuery): readonly Route[] {
  const { outputDevice, prefersOutputDevice } = query;
  const reached = reachedInTree(routes, candidates);
  if (outputDevice === null) return reached;
  if (prefersOutputDevice === true) return headedBy(outputDevice, reached);
  return reached.filter((one) => one.type === 'unknown' || one.nextHops.length === 0 || isBy(outputDevice, one));
}

/** What a look-up in one table gives; null: go on with the next rule. */
function inTables(namespace: NamespaceState, tables: readonly number[], query: RouteQuery): RouteLookup | null {
  const routes = namespace.routes.filter((route) => tables.includes(route.table));
  const candidates = routes.filter((route) => serves(route, query)).sort(byPreference);
  for (const route of query.family === 4 ? candidates : candidates6(routes, candidates, query)) {
    const quotes = [route.source];
    if (route.type === 'throw') return null;
    const errno = routeErrors[route.type];
    if (errno !== undefined) {
      const reason = `the route to ${query.destination} is of type ${route.type}`;
      return { kind: 'refused', errno, reason, quotes };
    }
    if (route.type === 'unknown' || (route.nextHops.length === 0 && route.type === 'unicast')) {
      const reason = `the route "${route.source.text}" is of a kind that the model does not know`;
      return { kind: 'unknown', reason, quotes };
    }
    const nextHops = route.nextHops.filter((hop) => usable(namespace, hop, query)).map((hop) => taken(namespace, hop));
    if (nextHops.length > 0 || route.nextHops.length === 0) return { kind: 'route', route, nextHops, quotes };
  }
  return null;
}

/** Priorities and tables of the IPv4 rules that every namespace begins with. */
const ownRules: readonly (readonly [priority: number, table: number])[] = [
  [0, routingTable.local],
  [32_766, routingTable.main],
  [32_767, routingTable.default],
];

function isOwnRule({ action, table, priority, source }: RoutingRule): boolean {
  return (
    action === 'lookup' &&
    /^\d+: from all lookup \S+$/.test(source.text) &&
    ownRules.some((own) => own[0] === priority && own[1] === table)
  );
}

/** True when the namespace has the kernel's own rules of IPv4, all of them and no others. */
function hasOwnRulesAlone(rules: readonly RoutingRule[]): boolean {
  return rules.length === ownRules.length && rules.every(isOwnRule);
}

/** True when somebody changed the rules of IPv4, as far as those that stand tell. */
export function hasCustomRules(namespace: NamespaceState): boolean {
  return !hasOwnRulesAlone(namespace.rules.filter(({ family }) => family === 4));
}

/**
 * What IPv4's local table alone gives. Without rules of the administrator's own it is one with main (`fib_trie_unmerge`
 * parts them with the first such rule): so a longer prefix in main wins over a shorter one in local.
 */
export function lookUpLocally(namespace: NamespaceState, query: RouteQuery): RouteLookup | null {
  const { local, main } = routingTable;
  return inTables(namespace, hasCustomRules(namespace) ? [local] : [local, main], query);
}

/** What local and main give while they are one. What main refuses, the default table may still allow. */
function inMergedTables(namespace: NamespaceState, query: RouteQuery): RouteLookup | null {
  const first = lookUpLocally(namespace, query);
  if (first?.kind === 'route' || !namespace.routes.some(({ table }) => table === routingTable.default)) return first;
  return inTables(namespace, [routingTable.default], query);
}

function unevaluated({ source }: RoutingRule): RouteLookup {
  const reason = `the rule "${source.text}" asks for what the model does not know of the packet`;
  return { kind: 'unknown', reason, quotes: [source] };
}

/** What a rule that takes the packet does with it; null: go on. */
function apply(namespace: NamespaceState, rule: RoutingRule, query: RouteQuery): RouteLookup | null {
  const errno = ruleErrors[rule.action];
  if (errno !== undefined) {
    const reason = `the rule "${rule.source.text}" takes it`;
    return { kind: 'refused', errno, reason, quotes: [rule.source] };
  }
  if (rule.action !== 'lookup') return rule.action === 'unknown' ? unevaluated(rule) : null;
  const vrf = rule.selector.vrf ? vrfOfQuery(namespace, query) : null;
  const table = vrf?.table ?? rule.table;
  if (table === null) return unevaluated(rule);
  const found = inTables(namespace, [table], query);
  if (found?.kind !== 'route') return found;
  // `fib4_rule_suppress`: as if the route were not there.
  if (rule.suppressPrefixLength !== null && found.route.prefixLength <= rule.suppressPrefixLength) return null;
  const ordinary = rule.table === routingTable.local || rule.table === routingTable.main;
  return ordinary ? found : { ...found, quotes: [rule.source, ...found.quotes] };
}

function sameAnswer(a: RouteLookup, b: RouteLookup): boolean {
  if (a.kind === 'route' && b.kind === 'route') return a.route === b.route;
  return a.kind === 'refused' && b.kind === 'refused' && a.errno === b.errno;
}

/** Looks the packet up in a namespace. */
export function lookUpRoute(namespace: NamespaceState, asked: RouteQuery): RouteLookup {
  const query = withoutVrfAsDevice(namespace, asked);
  const rules = namespace.rules.filter(({ family }) => family === query.family).sort((a, b) => a.priority - b.priority);
  if (rules.length === 0) {
    return { kind: 'unknown', reason: `the snapshot has no routing rules of IPv${query.family}`, quotes: [] };
  }
  const none: RouteLookup = { kind: 'none', quotes: rules.map(({ source }) => source) };
  if (query.family === 4 && hasOwnRulesAlone(rules)) return inMergedTables(namespace, query) ?? none;
  // A rule that the model cannot evaluate either gives its answer or does not: it matters when the answers differ.
  const doubts: { readonly rule: RoutingRule; readonly answer: RouteLookup }[] = [];
  const settled = (answer: RouteLookup): RouteLookup => {
    const doubt = doubts.find((one) => !sameAnswer(one.answer, answer));
    return doubt === undefined ? answer : unevaluated(doubt.rule);
  };
  let skipTo = Number.NEGATIVE_INFINITY;
  for (const rule of rules) {
    if (rule.priority < skipTo) continue;
    const match = matchRule(namespace, rule, query);
    if (match === false) continue;
    if (rule.action === 'goto') {
      if (match === 'unknown') return unevaluated(rule);
      // A target that is not there (`unresolved`) is passed over.
      if (rules.some(({ priority }) => priority === rule.target)) skipTo = rule.target ?? skipTo;
      continue;
    }
    const answer = apply(namespace, rule, query);
    if (answer === null) continue;
    if (match === true) return settled(answer);
    doubts.push({ rule, answer });
  }
  return settled(none);
}
