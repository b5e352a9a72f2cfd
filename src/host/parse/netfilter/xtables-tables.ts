/** The tables that iptables-save prints, nft-backed and legacy alike: iptables-save(8). */

import {
  type ChainHook,
  type Expression,
  hookPriority,
  natHooks,
  type Rule,
  type RuleChain,
  type RuleEngine,
  type RuleTable,
  type SetElement,
} from '../../netfilter.ts';
import { verdict } from './build.ts';
import { lookUp } from './symbols.ts';
import { generalMatch, matchesOf, transportOf, type Version } from './xtables-matches.ts';
import { parseRuleLine, type RuleLine } from './xtables-options.ts';
import { targetOf } from './xtables-targets.ts';

/** Where the built-in chains hang, but for those of nat. */
const tablePriority: Readonly<Record<string, number>> = {
  raw: hookPriority.raw,
  mangle: hookPriority.mangle,
  filter: hookPriority.filter,
  security: hookPriority.security,
};

const hooks: ReadonlySet<string> = new Set(['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']);

interface DraftChain extends RuleChain {
  readonly rules: Rule[];
}

function hookOf(table: string, chain: string, policy: 'accept' | 'drop'): ChainHook {
  const hook = chain.toLowerCase();
  const natPriority = lookUp(natHooks, hook)?.priority ?? hookPriority.sourceNat;
  return {
    type: table === 'nat' ? 'nat' : table === 'mangle' && hook === 'output' ? 'route' : 'filter',
    hook,
    priority: table === 'nat' ? natPriority : (lookUp(tablePriority, table) ?? hookPriority.filter),
    policy,
    devices: [],
  };
}

function expressionsOf(line: RuleLine, ip: 'ip' | 'ip6', isChain: (name: string) => boolean): Expression[] {
  const version: Version = { ip, transport: transportOf(line.general) };
  const expressions = line.general.map(
    (option): Expression =>
      generalMatch(option, version) ?? { kind: 'maybe', text: [option.name, ...option.values].join(' ') },
  );
  expressions.push(...line.matches.flatMap((extension) => matchesOf(extension, version)));
  if (line.target !== null) {
    const { name } = line.target;
    if (isChain(name)) expressions.push(verdict({ kind: line.isGoto ? 'goto' : 'jump', chain: name }));
    else expressions.push(...targetOf(line.target, version, line.chain));
  }
  return expressions;
}

function ruleOf(text: string, line: RuleLine, position: number, expressions: readonly Expression[]): Rule {
  const [, packets, bytes] = /^\[(\d{1,15}):(\d{1,15})\] /.exec(text) ?? [];
  const comment = line.matches.find(({ name }) => name === 'comment')?.options[0]?.values[0] ?? null;
  return {
    text: text.replace(/^\[\d+:\d+\] /, ''),
    handle: null,
    position,
    comment,
    counter: packets === undefined ? null : { packets: Number(packets), bytes: Number(bytes) },
    expressions,
  };
}

/** The tables of a save; none when it is empty. Lines that are no save's are passed over. `sets` are those of ipset. */
export function parseXtablesTables(
  save: string,
  command: string,
  engine: Exclude<RuleEngine, 'nft'>,
  family: 'ip' | 'ip6',
  sets: ReadonlyMap<string, readonly SetElement[]>,
): RuleTable[] {
  const tables: RuleTable[] = [];
  let chains = new Map<string, DraftChain>();
  let table = '';
  for (const text of save.split('\n')) {
    if (text.startsWith('*')) {
      chains = new Map();
      table = text.slice(1).trim();
      tables.push({ engine, family, name: table, command, chains, sets });
      continue;
    }
    const [, name, policy] = /^:(\S+) (\S+)/.exec(text) ?? [];
    if (name !== undefined) {
      // A chain of one's own has no policy: `-`.
      const isBase = (policy === 'ACCEPT' || policy === 'DROP') && hooks.has(name);
      const base = isBase ? hookOf(table, name, policy === 'DROP' ? 'drop' : 'accept') : null;
      chains.set(name, { name, base, rules: [] });
      continue;
    }
    const line = parseRuleLine(text);
    const chain = line === null ? undefined : chains.get(line.chain);
    if (line === null || chain === undefined) continue;
    const own = chains;
    const expressions = expressionsOf(line, family, (target) => own.has(target));
    chain.rules.push(ruleOf(text, line, chain.rules.length + 1, expressions));
  }
  return tables;
}
