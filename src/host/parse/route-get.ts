/** What the kernel answers to one route look-up: `ip -j route get`, see ip-route(8). */

import { asRecords, asText, parseJson } from './json.ts';
import { gatewayOf, routeText } from './routes.ts';

/** A route or an error; null as `source` where the look-up named one itself. */
export type KernelRoute =
  | {
      readonly kind: 'route';
      /** `unicast`, `local`, `broadcast`, … */
      readonly type: string;
      readonly device: string;
      readonly gateway: string | null;
      readonly source: string | null;
      /** As `ip` prints it. */
      readonly text: string;
    }
  | { readonly kind: 'error'; readonly errno: string; readonly text: string };

/** By glibc's strerror, in English: what look-ups give (net/ipv4/route.c, net/ipv6/route.c). */
const errnos: ReadonlyMap<string, string> = new Map([
  ['Network is unreachable', 'ENETUNREACH'],
  ['No route to host', 'EHOSTUNREACH'],
  ['Permission denied', 'EACCES'],
  ['Invalid argument', 'EINVAL'],
  ['Cannot assign requested address', 'EADDRNOTAVAIL'],
]);

/** Reads the answer, or the line of standard error that stands in its place; null when it is neither. Never throws. */
export function parseRouteGet(printed: string): KernelRoute | null {
  const error = /RTNETLINK answers: (.+)/.exec(printed)?.[1]?.trim();
  const errno = error === undefined ? undefined : errnos.get(error);
  if (error !== undefined && errno !== undefined) return { kind: 'error', errno, text: error };
  const [record] = asRecords(parseJson(printed)) ?? [];
  const device = asText(record?.['dev']);
  if (record === undefined || device === null) return null;
  return {
    kind: 'route',
    type: asText(record['type']) ?? 'unicast',
    device,
    gateway: gatewayOf(record),
    source: asText(record['prefsrc']),
    text: routeText(record),
  };
}
