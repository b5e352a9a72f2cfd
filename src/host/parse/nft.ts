/**
 * The rule set as `nft -j list ruleset` prints it: libnftables-json(5).
 *
 * Rules that iptables made are half opaque there: matches and targets of xtables show by name alone.
 */

import {
  anyOf,
  dropEffect,
  type Effects,
  noEffects,
  rejectEffect,
  targetEffects,
  translateEffect,
  unknownEffect,
  type WalkedRule,
} from './effects.ts';
import { asInteger, asRecord, asRecords, asText, asTexts, type JsonRecord, parseJson } from './json.ts';

/** One rule. */
export interface NftRule extends WalkedRule {
  readonly family: string;
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  /** Its expressions as compact JSON. */
  readonly json: string;
}

/** One chain; `hook` is null for one that only jumps reach. */
export interface NftChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook: string | null;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  /** The devices that an ingress or egress chain is bound to. */
  readonly devices: readonly string[];
  readonly rules: readonly NftRule[];
}

/** The verdicts of a named map, by `family table name`. */
type VerdictMaps = ReadonlyMap<string, WalkedRule>;

const nothing: WalkedRule = { effects: noEffects, chains: [] };

/** Statements and verdicts that neither end a packet nor change where it goes. */
const harmless: ReadonlySet<string> = new Set(
  (
    'match,counter,accept,continue,return,log,limit,quota,notrack,flow,set,map,meter,dup,last,comment,secmark,tunnel,' +
    'ct helper,ct timeout,ct expectation,ct count'
  ).split(','),
);
const translating: ReadonlySet<string> = new Set(['dnat', 'snat', 'masquerade', 'redirect']);

/** Header fields whose rewriting is a translation: the rest of a packet may change on its way. */
const translatedFields: ReadonlySet<string> = new Set(['saddr', 'daddr', 'sport', 'dport']);

function mangleEffects(value: unknown): Effects {
  const payload = asRecord(asRecord(asRecord(value)?.['key'])?.['payload']);
  return translatedFields.has(asText(payload?.['field']) ?? '') ? translateEffect : noEffects;
}

function merged(parts: readonly WalkedRule[]): WalkedRule {
  return { effects: anyOf(parts.map(({ effects }) => effects)), chains: parts.flatMap(({ chains }) => chains) };
}

/** The verdicts of a map's elements: `[[key, {"jump": …}], …]`. */
function elementVerdicts(elements: unknown): WalkedRule {
  if (!Array.isArray(elements)) return nothing;
  return merged(
    elements.map((element: unknown) =>
      Array.isArray(element) ? statement(asRecord(element[1]) ?? {}, () => nothing) : nothing,
    ),
  );
}

/** What one statement may do; `mapVerdicts` gives the verdicts of a map by its name. */
function statement(record: JsonRecord, mapVerdicts: (name: string) => WalkedRule): WalkedRule {
  const only = (effects: Effects): WalkedRule => ({ effects, chains: [] });
  const [kind = '', value] = Object.entries(record)[0] ?? [];
  if (harmless.has(kind)) return nothing;
  if (translating.has(kind)) return only(translateEffect);
  switch (kind) {
    case 'drop':
      return only(dropEffect);
    case 'reject':
      return only(rejectEffect);
    case 'mangle':
      return only(mangleEffects(value));
    case 'jump':
    case 'goto': {
      const target = asText(asRecord(value)?.['target']);
      return target === null ? only(unknownEffect) : { effects: noEffects, chains: [target] };
    }
    case 'vmap': {
      const data = asRecord(value)?.['data'];
      const name = asText(data);
      return name === null ? elementVerdicts(asRecord(data)?.['set']) : mapVerdicts(name.replace(/^@/, ''));
    }
    case 'xt': {
      const extension = asRecord(value);
      if (extension?.['type'] === 'match') return nothing;
      return only(targetEffects(asText(extension?.['name']) ?? ''));
    }
    default:
      // fwd, queue, synproxy, tproxy, and whatever comes after this was written.
      return only(unknownEffect);
  }
}

function mapsOf(items: readonly JsonRecord[]): VerdictMaps {
  const maps = new Map<string, WalkedRule>();
  for (const item of items) {
    const map = asRecord(item['map']);
    if (map === null) continue;
    maps.set(`${asText(map['family'])} ${asText(map['table'])} ${asText(map['name'])}`, elementVerdicts(map['elem']));
  }
  return maps;
}

function ruleOf(record: JsonRecord, maps: VerdictMaps): NftRule | null {
  const family = asText(record['family']);
  const table = asText(record['table']);
  const chain = asText(record['chain']);
  const handle = asInteger(record['handle']);
  const expressions: unknown = record['expr'];
  if (family === null || table === null || chain === null || handle === null) return null;
  const statements = Array.isArray(expressions) ? expressions : [];
  const known = (name: string): WalkedRule =>
    maps.get(`${family} ${table} ${name}`) ?? { effects: unknownEffect, chains: [] };
  const walked = merged(
    // What this nft could not put into JSON is a string.
    statements.map((one) => {
      const parsed = asRecord(one);
      return parsed === null ? { effects: unknownEffect, chains: [] } : statement(parsed, known);
    }),
  );
  return { family, table, chain, handle, json: JSON.stringify(statements), ...walked };
}

function chainOf(record: JsonRecord, rules: readonly NftRule[]): NftChain | null {
  const family = asText(record['family']);
  const table = asText(record['table']);
  const name = asText(record['name']);
  if (family === null || table === null || name === null) return null;
  const device = asText(record['dev']);
  return {
    family,
    table,
    name,
    hook: asText(record['hook']),
    priority: asInteger(record['prio']) ?? 0,
    policy: record['policy'] === 'drop' ? 'drop' : 'accept',
    devices: device === null ? asTexts(record['dev']) : [device],
    rules,
  };
}

/** The chains of a rule set with their rules; null when the text is no rule set. */
export function parseNftRuleset(text: string): NftChain[] | null {
  const items = asRecords(asRecord(parseJson(text))?.['nftables']);
  if (items === null) return null;
  const maps = mapsOf(items);
  const rules = new Map<string, NftRule[]>();
  for (const item of items) {
    const record = asRecord(item['rule']);
    const rule = record === null ? null : ruleOf(record, maps);
    if (rule === null) continue;
    const key = `${rule.family} ${rule.table} ${rule.chain}`;
    const own = rules.get(key);
    if (own === undefined) rules.set(key, [rule]);
    else own.push(rule);
  }
  return items.flatMap((item) => {
    const record = asRecord(item['chain']);
    if (record === null) return [];
    const key = `${asText(record['family'])} ${asText(record['table'])} ${asText(record['name'])}`;
    return chainOf(record, rules.get(key) ?? []) ?? [];
  });
}
