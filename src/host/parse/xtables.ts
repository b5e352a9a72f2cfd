/** Rules as iptables-save prints them, nft-backed and legacy alike: iptables-save(8), iptables-extensions(8). */

import { type Effects, noEffects, targetEffects, type WalkedRule } from './effects.ts';

/** One `-A` line. */
interface XtablesRule extends WalkedRule {
  readonly chain: string;
  /** The line, verbatim. */
  readonly text: string;
}

/** One chain. */
interface XtablesChain {
  readonly name: string;
  /** Null for a chain that a user made. */
  readonly policy: 'accept' | 'drop' | null;
  /** The line that declares it, verbatim. */
  readonly text: string;
  readonly rules: readonly XtablesRule[];
}

/** One table: `filter`, `nat`, `mangle`, `raw`, `security`. */
export interface XtablesTable {
  readonly name: string;
  readonly chains: ReadonlyMap<string, XtablesChain>;
}

/** Words of a line; quoted ones, as comments are, come out as a word that is no option. */
function wordsOf(line: string): string[] {
  return (line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? []).map((word) => (word.startsWith('"') ? '""' : word));
}

function ruleOf(line: string, isChain: (name: string) => boolean): XtablesRule | null {
  const words = wordsOf(line);
  const append = words.indexOf('-A');
  const chain = words[append + 1];
  if (append < 0 || append > 1 || chain === undefined) return null;
  const jump = words.findIndex((word, index) => index > append + 1 && (word === '-j' || word === '-g'));
  const target = jump < 0 ? undefined : words[jump + 1];
  const base = { chain, text: line };
  if (target === undefined) return { ...base, effects: noEffects, chains: [] };
  if (isChain(target)) return { ...base, effects: noEffects, chains: [target] };
  const effects: Effects = targetEffects(target);
  return { ...base, effects, chains: [] };
}

/** The tables of a save; empty when there is none. Never throws: lines that are none of its own are passed over. */
export function parseXtablesSave(text: string): XtablesTable[] {
  const tables: XtablesTable[] = [];
  let chains = new Map<string, XtablesChain & { rules: XtablesRule[] }>();
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) {
      chains = new Map();
      tables.push({ name: line.slice(1).trim(), chains });
      continue;
    }
    const [, name, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (name !== undefined) {
      const builtIn = policy === 'ACCEPT' || policy === 'DROP';
      chains.set(name, {
        name,
        policy: builtIn ? (policy === 'DROP' ? 'drop' : 'accept') : null,
        text: line,
        rules: [],
      });
      continue;
    }
    const rule = ruleOf(line, (target) => chains.has(target));
    if (rule !== null) chains.get(rule.chain)?.rules.push(rule);
  }
  return tables;
}
