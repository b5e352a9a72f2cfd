/** One more NAT rule, beside one that is there: the commands, in the words of its tool, and the host with it. */

import {
  type ChainHook,
  isSameTable,
  type Rule,
  type RuleChain,
  type RuleTable,
  tableOfChain,
} from '../host/netfilter.ts';
import { parseXtablesTables } from '../host/parse/netfilter/xtables-tables.ts';
import type { HostState } from '../host/state.ts';
import { formatEndpoint } from '../inet/address.ts';
import type { RuleReference } from '../model/netfilter/state.ts';
import type { ModelPacket } from '../model/step.ts';
import { writerOf } from './shell.ts';
import { commandsOf, withNamespace } from './what-if.ts';

/** A rule of both tools, its target last. */
export interface NatRule {
  /** The IP version that it is for. */
  readonly family: 4 | 6;
  readonly hook: 'prerouting' | 'output' | 'postrouting';
  readonly iptables: readonly string[];
  readonly nft: readonly string[];
}

/** Which tool, and which table; `table` is null where nothing is there to stand beside. */
export interface NatTable {
  readonly engine: RuleTable['engine'];
  readonly family: 'ip' | 'ip6' | 'inet';
  readonly name: string;
  readonly program: string;
}

/** The change: how it is made, and what the host is then. */
export interface NatChange {
  readonly commands: readonly string[];
  readonly host: HostState;
}

/** nft's word for the IP version of a packet. */
export function ipWord({ family }: Pick<ModelPacket, 'family'>): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}

/** What picks the packets that go where this one goes, in the words of both tools. */
export function toDestination(packet: ModelPacket): Pick<NatRule, 'iptables' | 'nft'> {
  const { protocol, destination, destinationPort } = packet;
  const iptables = ['-d', destination];
  const nft = [ipWord(packet), 'daddr', destination];
  if (protocol === 'icmp') return { iptables, nft };
  const port = String(destinationPort);
  return {
    iptables: [...iptables, '-p', protocol, '-m', protocol, '--dport', port],
    nft: [...nft, protocol, 'dport', port],
  };
}

const priorities = { prerouting: -100, output: -100, postrouting: 100 } as const;

/** The rule that sends what is asked for on to another address and port, in a table. */
export function dnatRule(
  hook: 'prerouting' | 'output',
  asked: ModelPacket,
  to: Pick<ModelPacket, 'destination' | 'destinationPort'>,
  { family: table }: Pick<NatTable, 'family'>,
): NatRule {
  const match = toDestination(asked);
  const there = formatEndpoint(to.destination, to.destinationPort);
  // A table for both IP versions asks which of them the new address is of.
  const word = table === 'inet' ? [ipWord(asked)] : [];
  return {
    family: asked.family,
    hook,
    iptables: [...match.iptables, '-j', 'DNAT', '--to-destination', there],
    nft: [...match.nft, 'dnat', ...word, 'to', there],
  };
}

/** The table of a rule that translates; else what the host uses, nftables where it has neither. */
export function natTableOf(tables: readonly RuleTable[], family: 4 | 6, beside: RuleReference | null): NatTable {
  const own = family === 4 ? 'ip' : 'ip6';
  const named = beside?.family === 'inet' || beside?.family === own ? beside : null;
  if (named !== null) {
    const program = writerOf(named.command);
    return { engine: named.engine, family: named.family === 'inet' ? 'inet' : own, name: named.table, program };
  }
  const saved = tables.find(({ engine, family: its, name }) => engine !== 'nft' && its === own && name === 'nat');
  if (saved !== undefined) {
    return { engine: saved.engine, family: own, name: 'nat', program: writerOf(saved.command) };
  }
  return { engine: 'nft', family: own, name: 'nettrace', program: 'nft' };
}

/** The rule as the model has it; iptables' parser serves for both tools. */
function ruleOf({ family, hook, iptables }: NatRule): Rule | null {
  const chain = hook.toUpperCase();
  const text = `*nat\n:${chain} ACCEPT [0:0]\n-A ${chain} ${iptables.join(' ')}\nCOMMIT\n`;
  const tables = parseXtablesTables(text, '', 'iptables-nft', family === 6 ? 'ip6' : 'ip', new Map());
  return tables[0]?.chains.get(chain)?.rules[0] ?? null;
}

function isChainAt(chain: RuleChain, hook: string): boolean {
  return chain.base?.type === 'nat' && chain.base.hook === hook;
}

/** Adds the rule at the end of the table's chain at that hook, which is made where there is none. */
export function addNatRule(host: HostState, netns: string, place: NatTable, rule: NatRule): NatChange | null {
  const added = ruleOf(rule);
  const namespace = host.namespaces.get(netns);
  if (added === null || namespace === undefined) return null;
  const table = namespace.ruleTables.find((one) => isSameTable(one, place));
  const { hook } = rule;
  const chain =
    table &&
    [...table.chains.values()].find(
      (one) => isChainAt(one, hook) && (tableOfChain(table, one).engine === 'nft') === (place.engine === 'nft'),
    );
  const name = chain?.name ?? (place.engine === 'nft' ? hook : hook.toUpperCase());
  const base: ChainHook = { type: 'nat', hook, priority: priorities[hook], policy: 'accept', devices: [] };
  const { engine, family } = place;
  const isAmongOthers = engine === 'nft' && table !== undefined && table.engine !== 'nft';
  const changed: RuleChain = {
    ...(isAmongOthers && { listedBy: '' }),
    ...chain,
    name,
    base: chain?.base ?? base,
    rules: [...(chain?.rules ?? []), added],
  };
  const before: RuleTable = table ?? {
    engine,
    family,
    name: place.name,
    command: '',
    chains: new Map(),
    sets: new Map(),
  };
  const after: RuleTable = { ...before, chains: new Map(before.chains).set(name, changed) };
  const ruleTables =
    table === undefined
      ? [...namespace.ruleTables, after]
      : namespace.ruleTables.map((one) => (one === table ? after : one));
  const newTable = table === undefined ? [['nft', 'add', 'table', family, place.name]] : [];
  const hookText = `{ type nat hook ${hook} priority ${priorities[hook]}; }`;
  const newChain = chain === undefined ? [['nft', 'add', 'chain', family, place.name, name, hookText]] : [];
  const commands =
    engine === 'nft'
      ? [...newTable, ...newChain, ['nft', 'add', 'rule', family, place.name, name, ...rule.nft]]
      : [[place.program, '-t', 'nat', '-A', name, ...rule.iptables]];
  return {
    commands: commandsOf(...commands),
    host: withNamespace(host, netns, (one) => ({ ...one, ruleTables })),
  };
}
