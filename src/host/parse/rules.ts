/** The rules that choose between routing tables, see ip-rule(8). */

import { snapshotCommand } from '../snapshot-commands.ts';
import type { NumberRange, RoutingRule, RuleSelector } from '../state.ts';
import { asInteger, asText, type JsonRecord } from './json.ts';
import { type Prefix, parsePrefix } from './prefix.ts';
import { named, type Sections, words } from './section.ts';
import { tableNumber } from './tables.ts';

const ruleCommands = [
  [4, snapshotCommand.rules4],
  [6, snapshotCommand.rules6],
] as const;

/** Selectors as iproute2's print_rule words them, in its order; the JSON name first. */
const selectorWords: readonly (readonly [json: string, word: string])[] = [
  ['tos', 'tos'],
  ['iif', 'iif'],
  ['oif', 'oif'],
  ['ipproto', 'ipproto'],
];

function portsText(record: JsonRecord, word: string): string | null {
  const range = rangeOf(record, word, `${word}_start`, `${word}_end`);
  if (range === null) return null;
  return `${word} ${range.first === range.last ? range.first : `${range.first}-${range.last}`}`;
}

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
    portsText(record, 'sport'),
    portsText(record, 'dport'),
    firstUser === null ? null : `uidrange ${firstUser}-${asText(record['uid_end']) ?? ''}`,
    'l3mdev' in record && 'lookup [l3mdev-table]',
    named('lookup', asText(record['table'])),
    named('suppress_prefixlength', asInteger(record['suppress_prefixlen'])),
    named('goto', asInteger(record['goto'])),
    asText(record['action']),
  );
}

/** A single number under one name, or the two ends of a range under two; null without either. */
function rangeOf(record: JsonRecord, single: string, start: string, end: string): NumberRange | null {
  const first = asInteger(record[start]) ?? asInteger(record[single]);
  const last = asInteger(record[end]) ?? first;
  return first === null || last === null ? null : { first, last };
}

/** A number in any notation that `ip` prints, `0x1` or `1`. */
function numberOf(value: unknown): number | null {
  const text = asText(value);
  return text !== null && /^(?:0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : null;
}

const everyBit = 0xffff_ffff;

function prefixOf(record: JsonRecord, address: string, length: string, family: 4 | 6): Prefix | null {
  const text = prefixText(record, address, length);
  return text === null || text === 'all' ? null : parsePrefix(text, family);
}

function selectorOf(record: JsonRecord, family: 4 | 6): RuleSelector {
  const mark = numberOf(record['fwmark']);
  return {
    from: prefixOf(record, 'src', 'srclen', family),
    to: prefixOf(record, 'dst', 'dstlen', family),
    inputDevice: asText(record['iif']),
    outputDevice: asText(record['oif']),
    mark: mark === null ? null : { value: mark, mask: numberOf(record['fwmask']) ?? everyBit },
    tos: numberOf(record['tos']),
    // `ipproto-6` where the host has no name for it.
    protocol: asText(record['ipproto'])?.replace(/^ipproto-/, '') ?? null,
    sourcePorts: rangeOf(record, 'sport', 'sport_start', 'sport_end'),
    destinationPorts: rangeOf(record, 'dport', 'dport_start', 'dport_end'),
    users: rangeOf(record, 'uid', 'uid_start', 'uid_end'),
    vrf: 'l3mdev' in record,
  };
}

/** Everything of a rule that is understood, or says nothing about packets. */
const knownMembers: ReadonlySet<string> = new Set(
  (
    'priority src srclen dst dstlen not iif oif iif_detached oif_detached protocol fwmark fwmask ' +
    'tos ipproto sport sport_start sport_end dport dport_start dport_end uid_start ' +
    'uid_end l3mdev table action goto unresolved suppress_prefixlen nop'
  ).split(' '),
);

/** Members that must be readable where they stand. */
function isUnread(record: JsonRecord, { mark, tos }: RuleSelector): boolean {
  return (
    Object.keys(record).some((member) => !knownMembers.has(member)) ||
    ('fwmark' in record && mark === null) ||
    ('tos' in record && tos === null)
  );
}

function actionOf(record: JsonRecord): RoutingRule['action'] {
  if ('goto' in record) return 'goto';
  if ('table' in record || 'l3mdev' in record) return 'lookup';
  const action = asText(record['action']);
  if ('nop' in record || action === 'nop') return 'nop';
  return action === 'blackhole' || action === 'unreachable' || action === 'prohibit' ? action : 'unknown';
}

/** The rules of both families, by priority. */
export function parseRules(sections: Sections, tableNames: ReadonlyMap<string, number>): RoutingRule[] {
  const rules: RoutingRule[] = [];
  for (const [family, command] of ruleCommands) {
    for (const record of sections.records(command)) {
      const priority = asInteger(record['priority']);
      if (priority === null) continue;
      const source = sections.quoteLater(command, () => ruleText(record, priority));
      const table = record['table'] === undefined ? null : tableNumber(record['table'], tableNames);
      if (table === null && record['table'] !== undefined) {
        sections.problem(`the number of a routing table is not known: ${source.text}`);
      }
      const selector = selectorOf(record, family);
      rules.push({
        family,
        priority,
        action: actionOf(record),
        table,
        target: asInteger(record['goto']),
        inverted: 'not' in record,
        selector,
        suppressPrefixLength: asInteger(record['suppress_prefixlen']),
        unread: isUnread(record, selector),
        source,
      });
    }
  }
  return rules;
}
