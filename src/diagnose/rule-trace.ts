/** What the kernel's rule trace says of one connection: which rules its packets met, joined by their ends and IP id. */

import type { RuleTrace, RuleTraceLine } from '../case/evidence.ts';
import type { Connection } from '../flow/connection.ts';
import type { Ends } from '../flow/translated.ts';
import type { Rule, RuleChain, RuleTable } from '../host/netfilter.ts';
import type { HostState } from '../host/state.ts';
import type { SocketAddress } from '../kernel/parse.ts';
import { parseRuleEvents, type RuleEvent, type TracedPacket } from '../kernel/parse-rules.ts';
import { type RuleReference, referTo } from '../model/netfilter/state.ts';
import type { Stage } from '../model/step.ts';
import { type EvidenceItem, ruleTraceEvent } from './diagnosis.ts';

/** What a rule or a policy did to a packet, in one namespace. */
export interface RuleRecord {
  readonly netns: string;
  readonly source: RuleTraceLine;
  readonly event: RuleEvent;
  /** Where its chain hangs. */
  readonly stage: Stage;
  /** NAT's chains are asked about the first packet of a connection alone. */
  readonly isNat: boolean;
  readonly reference: RuleReference;
}

/** The records of one connection, in the order of time. */
export interface RuleReading {
  readonly request: readonly RuleRecord[];
  readonly reply: readonly RuleRecord[];
}

/** Events are stamped when they are read, which may be this much later; a port is used again no sooner. */
const sameConnectionNs = 2_000_000_000n;

const stages: Readonly<Record<string, Stage>> = {
  prerouting: 'prerouting',
  input: 'input',
  forward: 'forward',
  output: 'output',
  postrouting: 'postrouting',
  ingress: 'ingress',
  egress: 'egress',
};

/** The rule with that handle; one that was made after the snapshot is known by the trace alone. */
function ruleOf(event: RuleEvent, chain: RuleChain | undefined): Rule | null {
  const { handle, rule } = event;
  if (handle === null) return null;
  const known = chain?.rules.find((one) => one.handle === handle);
  const text = rule ?? 'a rule that nft did not print';
  return known ?? { text, handle, position: 0, comment: null, counter: null, expressions: [] };
}

/** The table and the place of an event; null where the snapshot has no such chain. */
function place(
  event: RuleEvent,
  tables: readonly RuleTable[],
): Pick<RuleRecord, 'stage' | 'isNat' | 'reference'> | null {
  const table = tables.find(
    ({ family, name, engine }) => family === event.family && name === event.table && engine !== 'iptables-legacy',
  );
  const base = table?.chains.get(event.baseChain)?.base;
  const stage = table?.family === 'bridge' ? 'bridge' : stages[base?.hook ?? ''];
  if (table === undefined || stage === undefined) return null;
  const known = table.chains.get(event.chain);
  const chain = known ?? { name: event.chain, base: null, rules: [] };
  const rule = ruleOf(event, known);
  const named = referTo(table, chain, rule);
  // The policy may be another one by now.
  const reference = rule === null ? { ...named, text: `policy ${event.verdict}` } : named;
  return { stage, isNat: base?.type === 'nat', reference };
}

function endsKey(protocol: string, source: SocketAddress, destination: SocketAddress): string {
  return `${protocol} ${source.address} ${source.port} ${destination.address} ${destination.port}`;
}

function add<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function sharesEnd(a: TracedPacket, b: TracedPacket): boolean {
  const same = (one: SocketAddress, other: SocketAddress): boolean =>
    one.address === other.address && one.port === other.port;
  return a.protocol === b.protocol && (same(a.source, b.source) || same(a.destination, b.destination));
}

/** All traces of a case, read once and found by the packets that they are of. */
export class RuleRecords {
  readonly #all: readonly RuleRecord[];
  readonly #byEnds = new Map<string, RuleRecord[]>();
  readonly #byId = new Map<number, RuleRecord[]>();

  constructor(traces: readonly RuleTrace[], host: HostState) {
    this.#all = traces.flatMap(({ netns, lines }) => {
      const tables = host.namespaces.get(netns)?.ruleTables ?? [];
      return parseRuleEvents(lines.map(({ text }) => text)).flatMap(({ index, ...event }): RuleRecord[] => {
        const source = lines[index];
        const found = source === undefined ? null : place(event, tables);
        return source === undefined || found === null ? [] : [{ netns, source, event, ...found }];
      });
    });
    for (const record of this.#all) {
      const { protocol, source, destination, id } = record.event.packet;
      add(this.#byEnds, endsKey(protocol, source, destination), record);
      if (id !== null) add(this.#byId, id, record);
    }
  }

  /** What they say of a connection, which NAT may give other ends on its way. */
  of(connection: Connection, others: readonly Ends[]): RuleReading {
    const pairs: readonly Ends[] = [connection, ...others];
    const there = pairs.map(({ client, server }) => [client, server] as const);
    const back = pairs.map(({ client, server }) => [server, client] as const);
    return { request: this.#between(connection, there), reply: this.#between(connection, back) };
  }

  #between(
    { protocol, beganNs, endedNs }: Connection,
    pairs: readonly (readonly [SocketAddress, SocketAddress])[],
  ): RuleRecord[] {
    const inTime = ({ source: { timeNs } }: RuleRecord): boolean =>
      timeNs >= beganNs - sameConnectionNs && timeNs <= endedNs + sameConnectionNs;
    const found = new Set(pairs.flatMap((pair) => this.#withEnds(protocol, ...pair)).filter(inTime));
    // NAT may have given it ends that nobody foresaw: then its IP id, and the end that NAT left, tell that it is the same.
    for (const record of found) {
      const { packet } = record.event;
      const same = packet.id === null ? [] : (this.#byId.get(packet.id) ?? []);
      for (const other of same) if (inTime(other) && sharesEnd(packet, other.event.packet)) found.add(other);
    }
    return [...found].sort((a, b) =>
      a.source.timeNs < b.source.timeNs ? -1 : a.source.timeNs > b.source.timeNs ? 1 : 0,
    );
  }

  /** Of a connection without packets a port may not be known. */
  #withEnds(protocol: string, source: SocketAddress, destination: SocketAddress): readonly RuleRecord[] {
    const isKnown = protocol === 'icmp' || (source.port !== 0 && destination.port !== 0);
    if (isKnown) {
      const portless = protocol === 'icmp' ? { port: 0 } : {};
      return this.#byEnds.get(endsKey(protocol, { ...source, ...portless }, { ...destination, ...portless })) ?? [];
    }
    const fits = (own: SocketAddress, traced: SocketAddress): boolean =>
      own.address === traced.address && (own.port === 0 || own.port === traced.port);
    return this.#all.filter(
      ({ event: { packet } }) =>
        packet.protocol === protocol && fits(source, packet.source) && fits(destination, packet.destination),
    );
  }
}

/** The first rule or policy that dropped one of these packets; a rule that rejects does so too. */
export function stopOf(records: readonly RuleRecord[]): RuleRecord | null {
  return records.find(({ event }) => event.verdict === 'drop') ?? null;
}

/** True when the trace shows a packet behind the rules of that table at that hook, and none that they dropped. */
export function passedTable(
  records: readonly RuleRecord[],
  netns: string,
  stage: Stage,
  { family, table }: RuleReference,
): boolean {
  const there = records.filter(
    ({ netns: its, stage: at, reference }) =>
      its === netns && at === stage && reference.family === family && reference.table === table,
  );
  return there.some(({ event }) => event.verdict === 'accept') && stopOf(there) === null;
}

/** True when both name one rule, or the policy of one chain. */
export function sameRule(a: RuleReference, b: RuleReference): boolean {
  const samePlace = a.family === b.family && a.table === b.table && a.chain === b.chain && a.engine === b.engine;
  return samePlace && a.rule?.position === b.rule?.position && a.rule?.handle === b.rule?.handle;
}

/** Quotes a record as evidence: the event's own words, without the packet's number. */
export function ruleEvidence({ source }: RuleRecord): EvidenceItem {
  return { kind: 'kernel', event: ruleTraceEvent, text: source.text.replace(/^trace id \S+ /, '').trimEnd() };
}
