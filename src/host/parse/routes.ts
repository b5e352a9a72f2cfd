/** Routing tables and the rules that choose between them, see ip-route(8) and ip-rule(8). */

import type { Route, RoutingRule } from '../state.ts';
import { asInteger, asRecord, asRecords, asText, asTexts, type JsonRecord } from './json.ts';
import { named, type Sections, words } from './section.ts';

const routeCommands = [
  [4, 'ip -j -4 route show table all'],
  [6, 'ip -j -6 route show table all'],
] as const;
const ruleCommands = [
  [4, 'ip -j -4 rule'],
  [6, 'ip -j -6 rule'],
] as const;

/** The kernel's own table numbers (RT_TABLE_*). */
const kernelTables: ReadonlyMap<string, number> = new Map([
  ['unspec', 0],
  ['default', 253],
  ['main', 254],
  ['local', 255],
]);

/** Table numbers by name, from the text of /etc/iproute2/rt_tables. */
export function parseTableNames(text: string): Map<string, number> {
  const names = new Map(kernelTables);
  for (const [, number, name] of text.matchAll(/^[ \t]*(\d{1,10}|0x[0-9a-f]{1,8})[ \t]+(\S+)/gim)) {
    if (name !== undefined) names.set(name, Number(number));
  }
  return names;
}

/** A table as `ip` prints it: a name, or a number without one. Null for a name that nobody explains. */
function tableNumber(value: unknown, names: ReadonlyMap<string, number>): number | null {
  const text = asText(value) ?? 'main';
  return names.get(text) ?? asInteger(text);
}

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

function gatewayOf(record: JsonRecord): string | null {
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
function routeText(record: JsonRecord): string {
  const type = asText(record['type']);
  return words(
    type === 'unicast' ? null : type,
    asText(record['dst']),
    named('from', asText(record['from'])),
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

function prefixOf(destination: string, family: 4 | 6): { prefix: string; prefixLength: number } | null {
  if (destination === 'default') return { prefix: family === 4 ? '0.0.0.0' : '::', prefixLength: 0 };
  const [prefix = '', length] = destination.split('/');
  const longest = family === 4 ? 32 : 128;
  const prefixLength = length === undefined ? longest : asInteger(length);
  return prefixLength === null || prefixLength > longest ? null : { prefix, prefixLength };
}

/** All routes of a namespace, in the kernel's order. A table whose name is not known has the number 0. */
export function parseRoutes(sections: Sections, tableNames: ReadonlyMap<string, number>): Route[] {
  const routes: Route[] = [];
  for (const [family, command] of routeCommands) {
    for (const record of sections.records(command)) {
      const text = routeText(record);
      const prefix = prefixOf(asText(record['dst']) ?? '', family);
      if (prefix === null) {
        sections.problem(`a route has no destination that could be read: ${text}`);
        continue;
      }
      const type = asText(record['type']) ?? 'unicast';
      const table = tableNumber(record['table'], tableNames);
      if (table === null) sections.problem(`the number of a routing table is not known: ${text}`);
      const hops = asRecords(record['nexthops']) ?? [];
      const [onlyHop] = hops.length === 1 ? hops : [];
      const multipath = hops.length > 1 || record['nhid'] !== undefined;
      routes.push({
        family,
        table: table ?? 0,
        type: isRouteType(type) ? type : 'unknown',
        ...prefix,
        metric: asInteger(record['metric']) ?? 0,
        device: multipath ? null : asText((onlyHop ?? record)['dev']),
        gateway: multipath ? null : gatewayOf(onlyHop ?? record),
        preferredSource: asText(record['prefsrc']),
        multipath,
        source: sections.quote(command, text),
      });
    }
  }
  return routes;
}

/** Selectors as iproute2's print_rule words them, in its order; the JSON name first. */
const selectorWords: readonly (readonly [json: string, word: string])[] = [
  ['tos', 'tos'],
  ['iif', 'iif'],
  ['oif', 'oif'],
  ['ipproto', 'ipproto'],
  ['sport', 'sport'],
  ['dport', 'dport'],
];

function prefixText(record: JsonRecord, address: string, length: string): string | null {
  const text = asText(record[address]);
  const bits = asInteger(record[length]);
  return text === null || bits === null ? text : `${text}/${bits}`;
}

function ruleText(record: JsonRecord, priority: number): string {
  const mark = asText(record['fwmark']);
  const mask = asText(record['fwmask']);
  const firstUser = asInteger(record['uid_start']);
  return words(
    `${priority}:`,
    'not' in record && 'not',
    named('from', prefixText(record, 'src', 'srclen') ?? 'all'),
    named('to', prefixText(record, 'dst', 'dstlen')),
    mark === null ? null : `fwmark ${mask === null ? mark : `${mark}/${mask}`}`,
    ...selectorWords.map(([json, word]) => named(word, asText(record[json]))),
    firstUser === null ? null : `uidrange ${firstUser}-${asText(record['uid_end']) ?? ''}`,
    'l3mdev' in record && 'lookup [l3mdev-table]',
    named('lookup', asText(record['table'])),
    named('suppress_prefixlength', asInteger(record['suppress_prefixlen'])),
    named('goto', asInteger(record['goto'])),
    asText(record['action']),
  );
}

/** Members of a rule that choose nothing. */
const plainMembers: ReadonlySet<string> = new Set(['priority', 'src', 'table', 'protocol']);

/** The rules of both families, by priority. */
export function parseRules(sections: Sections, tableNames: ReadonlyMap<string, number>): RoutingRule[] {
  const rules: RoutingRule[] = [];
  for (const [family, command] of ruleCommands) {
    for (const record of sections.records(command)) {
      const priority = asInteger(record['priority']);
      if (priority === null) continue;
      const text = ruleText(record, priority);
      const table = record['table'] === undefined ? null : tableNumber(record['table'], tableNames);
      if (table === null && record['table'] !== undefined) {
        sections.problem(`the number of a routing table is not known: ${text}`);
      }
      rules.push({
        family,
        priority,
        table,
        matchesAll:
          table !== null && record['src'] === 'all' && Object.keys(record).every((member) => plainMembers.has(member)),
        source: sections.quote(command, text),
      });
    }
  }
  return rules;
}
