/** Routing tables and their next hops, see ip-route(8) and ip-nexthop(8). */

import { snapshotCommand } from '../snapshot-commands.ts';
import type { NextHop, Route } from '../state.ts';
import { asInteger, asRecord, asRecords, asText, asTexts, type JsonRecord } from './json.ts';
import { parsePrefix } from './prefix.ts';
import { scopeNumber } from './scope.ts';
import { named, type Sections, words } from './section.ts';
import { tableNumber } from './tables.ts';

const routeCommands = [
  [4, snapshotCommand.routes4],
  [6, snapshotCommand.routes6],
] as const;

const routeTypes: ReadonlySet<string> = new Set([
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'anycast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
]);

function isRouteType(value: string): value is Route['type'] {
  return routeTypes.has(value);
}

/** The next hop's address, null where the destination is on the link; `via` is one of the other family. */
export function gatewayOf(record: JsonRecord): string | null {
  return asText(record['gateway']) ?? asText(asRecord(record['via'])?.['host']);
}

function viaText(record: JsonRecord): string {
  const via = asRecord(record['via']);
  if (via !== null) return words('via', asText(via['family']), asText(via['host']));
  return words(named('via', asText(record['gateway'])), named('dev', asText(record['dev'])));
}

function metricsText(value: unknown): string {
  return (asRecords(value) ?? [])
    .flatMap((metrics) => Object.entries(metrics).map(([name, number]) => named(name, asText(number))))
    .join(' ');
}

/** One route as `ip route` prints it (iproute2's print_route). */
export function routeText(record: JsonRecord): string {
  const type = asText(record['type']);
  return words(
    type === 'unicast' ? null : type,
    asText(record['dst']),
    named('from', asText(record['from'])),
    named('tos', asText(record['tos'])),
    named('nhid', asInteger(record['nhid'])),
    asRecord(record['via']) === null ? viaText(record) : words(viaText(record), named('dev', asText(record['dev']))),
    named('table', asText(record['table'])),
    named('proto', asText(record['protocol'])),
    named('scope', asText(record['scope'])),
    named('src', asText(record['prefsrc'])),
    named('metric', asInteger(record['metric'])),
    ...asTexts(record['flags']),
    metricsText(record['metrics']),
    ...(asRecords(record['nexthops']) ?? []).map((hop) =>
      words('nexthop', viaText(hop), named('weight', asInteger(hop['weight'])), ...asTexts(hop['flags'])),
    ),
    named('pref', asText(record['pref'])),
  );
}

function nextHop(record: JsonRecord): NextHop | null {
  const device = asText(record['dev']);
  const flags = asTexts(record['flags']);
  if (device === null) return null;
  return { device, gateway: gatewayOf(record), dead: flags.includes('dead'), linkDown: flags.includes('linkdown') };
}

function present<Item>(items: readonly (Item | null)[]): Item[] {
  return items.filter((item) => item !== null);
}

/** The next hops of each nexthop object, those of a group put together. */
function nexthopObjects(sections: Sections): Map<number, NextHop[]> {
  const records = sections.optionalRecords(snapshotCommand.nextHops);
  const single = new Map<number, NextHop | null>();
  for (const record of records) {
    const id = asInteger(record['id']);
    if (id !== null) single.set(id, nextHop(record));
  }
  const objects = new Map([...single].map(([id, hop]) => [id, present([hop])]));
  for (const record of records) {
    const [id, members] = [asInteger(record['id']), asRecords(record['group'])];
    if (id === null || members === null) continue;
    objects.set(id, present(members.map((member) => single.get(asInteger(member['id']) ?? -1) ?? null)));
  }
  return objects;
}

/** The next hops of a route, in the order of its text; a nexthop object's where `ip` does not print them. */
function nextHopsOf(record: JsonRecord, objects: ReadonlyMap<number, readonly NextHop[]>): readonly NextHop[] {
  const several = asRecords(record['nexthops']);
  if (several !== null) return present(several.map(nextHop));
  const one = nextHop(record);
  return one === null ? (objects.get(asInteger(record['nhid']) ?? -1) ?? []) : [one];
}

/** No packet that the model asks for carries it: a type of service that `ip` has a name for (`AF11`, `CS1`, `EF`). */
const unreadTos = -1;

function tosOf(record: JsonRecord): number {
  const text = asText(record['tos']);
  if (text === null) return 0;
  return /^0x[0-9a-f]{1,2}$/i.test(text) ? Number(text) : unreadTos;
}

/** All routes of a namespace, in the kernel's order. A table whose name is not known has the number 0. */
export function parseRoutes(sections: Sections, tableNames: ReadonlyMap<string, number>): Route[] {
  const objects = nexthopObjects(sections);
  const routes: Route[] = [];
  for (const [family, command] of routeCommands) {
    for (const record of sections.records(command)) {
      const source = sections.quoteLater(command, () => routeText(record));
      const prefix = parsePrefix(asText(record['dst']) ?? '', family);
      if (prefix === null) {
        sections.problem(`a route has no destination that could be read: ${source.text}`);
        continue;
      }
      const type = asText(record['type']) ?? 'unicast';
      const table = tableNumber(record['table'], tableNames);
      if (table === null) sections.problem(`the number of a routing table is not known: ${source.text}`);
      const from = asText(record['from']);
      routes.push({
        ...prefix,
        family,
        table: table ?? 0,
        type: isRouteType(type) ? type : 'unknown',
        metric: asInteger(record['metric']) ?? 0,
        scope: scopeNumber(record['scope']),
        tos: tosOf(record),
        from: from === null ? null : parsePrefix(from, family),
        preferredSource: asText(record['prefsrc']),
        nextHops: nextHopsOf(record, objects),
        source,
      });
    }
  }
  return routes;
}
