/** Scopes of addresses and routes, as `ip` names them (/etc/iproute2/rt_scopes). */

import { routeScope } from '../route-numbers.ts';
import { asInteger, asText } from './json.ts';

const scopes: ReadonlyMap<string, number> = new Map(Object.entries(routeScope));

/** RT_SCOPE_*: 0 (global) without a scope, or with a name that nobody knows. */
export function scopeNumber(value: unknown): number {
  return scopes.get(asText(value) ?? 'global') ?? asInteger(value) ?? 0;
}
