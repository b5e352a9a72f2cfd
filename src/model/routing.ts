/** Route look-up as `fib_lookup` does it: rules by priority, then the longest prefix, then the lowest metric. */

import type { NamespaceState, Quote, Route, RoutingRule } from '../host/state.ts';
import { inPrefix } from './address.ts';

/** A route, none, or the reason why the model cannot say. */
export type RouteLookup =
  | { readonly kind: 'route'; readonly route: Route }
  | { readonly kind: 'none'; readonly quotes: readonly Quote[] }
  | { readonly kind: 'unknown'; readonly reason: string; readonly quotes: readonly Quote[] };

function bestIn(routes: readonly Route[], table: number, destination: string): Route | null {
  let best: Route | null = null;
  for (const route of routes) {
    if (route.table !== table || !inPrefix(destination, route.prefix, route.prefixLength)) continue;
    const better =
      best === null ||
      route.prefixLength > best.prefixLength ||
      (route.prefixLength === best.prefixLength && route.metric < best.metric);
    if (better) best = route;
  }
  return best;
}

function unevaluated({ source }: RoutingRule): RouteLookup {
  const reason = `the rule "${source.text}" has a selector or action that the model does not evaluate`;
  return { kind: 'unknown', reason, quotes: [source] };
}

/** Looks the destination up in a namespace. */
export function lookUpRoute(namespace: NamespaceState, destination: string, family: 4 | 6): RouteLookup {
  const rules = namespace.rules.filter((rule) => rule.family === family).sort((a, b) => a.priority - b.priority);
  if (rules.length === 0) {
    return { kind: 'unknown', reason: `the snapshot has no routing rules of IPv${family}`, quotes: [] };
  }
  // A rule that the model does not evaluate either gives its route or does not: it matters when the answer differs.
  const doubts: { readonly rule: RoutingRule; readonly route: Route }[] = [];
  for (const rule of rules) {
    if (rule.table === null) return unevaluated(rule);
    const route = bestIn(namespace.routes, rule.table, destination);
    if (route === null || route.type === 'throw') continue;
    if (!rule.matchesAll) {
      doubts.push({ rule, route });
      continue;
    }
    const doubt = doubts.find((one) => one.route !== route);
    if (doubt !== undefined) return unevaluated(doubt.rule);
    const unread = route.type === 'unknown' || (route.type === 'unicast' && route.device === null);
    if (route.multipath || unread) {
      const what = route.multipath ? 'has several next hops' : 'is of a kind that the model does not know';
      return { kind: 'unknown', reason: `the route "${route.source.text}" ${what}`, quotes: [route.source] };
    }
    return { kind: 'route', route };
  }
  const [doubt] = doubts;
  return doubt === undefined ? { kind: 'none', quotes: rules.map(({ source }) => source) } : unevaluated(doubt.rule);
}
