/** The tables of `nft -j list ruleset`: libnftables-json(5). */

import type { ChainHook, Rule, RuleChain, RuleTable, SetElement } from '../../netfilter.ts';
import { isTraceTable } from '../../trace-table-name.ts';
import { asInteger, asRecord, asRecords, asText, type JsonRecord, jsonText, parseJson } from '../json.ts';
import type { NftText } from '../nft-text.ts';
import { elementList, operandsOf, type TypeName, typeOfOperand, wordsOf } from './nft-operands.ts';
import { counterOf, ruleExpressions, verdictOf } from './nft-statements.ts';

/** A chain whose rules another tool tells: what nft says of them is not read. */
export type ToldElsewhere = (family: RuleTable['family'], table: string, chain: string) => boolean;

const families = ['ip', 'ip6', 'inet', 'bridge', 'netdev', 'arp'] as const;

interface DraftChain extends RuleChain {
  readonly rules: Rule[];
}

interface DraftTable extends RuleTable {
  /** The kernel has taken its chains from their hooks (NFT_TABLE_F_DORMANT). */
  readonly isDormant: boolean;
  readonly chains: Map<string, DraftChain>;
  readonly sets: Map<string, readonly SetElement[]>;
}

const tableKey = (record: JsonRecord, table: string | null): string => `${asText(record['family'])} ${table}`;

/** The priority of a chain, which may be negative. */
function priorityOf(raw: unknown): number {
  return typeof raw === 'number' && Number.isSafeInteger(raw) ? raw : 0;
}

function hookOf(record: JsonRecord, devicesInText: readonly string[]): ChainHook | null {
  const hook = asText(record['hook']);
  if (hook === null) return null;
  const type = asText(record['type']);
  const devices = wordsOf(record['dev']);
  return {
    type: type === 'nat' || type === 'route' ? type : 'filter',
    hook,
    priority: priorityOf(record['prio']),
    policy: record['policy'] === 'drop' ? 'drop' : 'accept',
    // nft 1.0.6 leaves them out of the JSON.
    devices: devices.length > 0 ? devices : devicesInText,
  };
}

function ruleOf(record: JsonRecord, position: number, text: NftText, isRead: boolean): Rule {
  const expressions: unknown = record['expr'];
  const statements: readonly unknown[] = Array.isArray(expressions) ? expressions : [];
  const handle = asInteger(record['handle']);
  const place = [record['family'], record['table'], record['chain'], handle].map(asText).join(' ');
  return {
    text: text.rules.get(place)?.replace(/ # handle \d+$/, '') ?? jsonText(statements),
    handle,
    position,
    comment: asText(record['comment']),
    counter: counterOf(statements),
    expressions: isRead ? ruleExpressions(statements) : [],
  };
}

/**
 * `"ipv4_addr"`, `["ipv4_addr", "inet_service"]`, `"ipv4_addr . inet_service"` as the data of a map is written, or, from nft
 * 1.1 on, `{"typeof": …}` with what the set is looked up by.
 */
function typesOf(raw: unknown): TypeName[] {
  if (typeof raw === 'string') return raw.split(' . ');
  const sample = asRecord(raw)?.['typeof'];
  if (sample !== undefined) return operandsOf(sample).map(typeOfOperand);
  return Array.isArray(raw) ? raw.map(asText) : [null];
}

function setOf(record: JsonRecord): readonly SetElement[] | null {
  const elements: unknown = record['elem'];
  return elementList(
    Array.isArray(elements) ? elements : [],
    typesOf(record['type']),
    typesOf(record['map']),
    verdictOf,
  );
}

function addItem(
  tables: Map<string, DraftTable>,
  item: JsonRecord,
  command: string,
  text: NftText,
  isToldElsewhere: ToldElsewhere,
): void {
  const table = asRecord(item['table']);
  if (table !== null) {
    const name = asText(table['name']);
    const family = families.find((one) => one === table['family']);
    if (name === null || family === undefined || isTraceTable(name)) return;
    // The names of flags in the JSON of nft 1.0.6 are others than the table's.
    const isListed = text.tables.length > 0;
    const isDormant = isListed ? text.dormant.has(`${family} ${name}`) : wordsOf(table['flags']).includes('dormant');
    const empty = { chains: new Map<string, DraftChain>(), sets: new Map<string, readonly SetElement[]>() };
    tables.set(`${family} ${name}`, { engine: 'nft', family, name, command, isDormant, ...empty });
    return;
  }
  const record = asRecord(item['chain']) ?? asRecord(item['rule']) ?? asRecord(item['set']) ?? asRecord(item['map']);
  const own = record === null ? undefined : tables.get(tableKey(record, asText(record['table'])));
  if (record === null || own === undefined) return;
  if (item['rule'] !== undefined) {
    const chain = own.chains.get(asText(record['chain']) ?? '');
    if (chain === undefined) return;
    const isRead = !isToldElsewhere(own.family, own.name, chain.name);
    chain.rules.push(ruleOf(record, chain.rules.length + 1, text, isRead));
    return;
  }
  const name = asText(record['name']);
  if (name === null) return;
  if (item['chain'] !== undefined) {
    const devices = text.devices.get(`${own.family} ${own.name} ${name}`) ?? [];
    own.chains.set(name, { name, base: own.isDormant ? null : hookOf(record, devices), rules: [] });
    return;
  }
  const elements = setOf(record);
  if (elements !== null) own.sets.set(name, elements);
}

const traceTable = /, \{"table": \{"family": "\w+", "name": "nettrace-\d+"/;

/**
 * The items of a listing. nft 1.0.6 looks for the name of the flag `owner` where there is none, so that what it prints may
 * end at the first table of a rule trace: what stands before is whole, and all of it where the text names no other tables.
 */
function itemsOf(json: string, { tables }: NftText): readonly JsonRecord[] | null {
  const whole = asRecords(asRecord(parseJson(json))?.['nftables']);
  const cut = json.search(traceTable);
  if (whole !== null || cut < 0) return whole;
  const before = asRecords(asRecord(parseJson(`${json.slice(0, cut)}]}`))?.['nftables']) ?? [];
  const found = before.filter(({ table }) => table !== undefined).length;
  return found === tables.filter((name) => !isTraceTable(name)).length ? before : null;
}

/**
 * The tables of a rule set, in their order, without those of nettrace's own rule trace; null when the text is none. The
 * text listing gives rules in nft's own words; a rule that it has not is quoted as JSON. Rules that another tool tells have
 * no expressions.
 */
export function parseNftTables(
  json: string,
  command: string,
  text: NftText,
  isToldElsewhere: ToldElsewhere = () => false,
): RuleTable[] | null {
  const items = itemsOf(json, text);
  if (items === null) return null;
  const tables = new Map<string, DraftTable>();
  for (const item of items) addItem(tables, item, command, text, isToldElsewhere);
  return [...tables.values()].map(({ isDormant: _asleep, ...table }) => table);
}
