/**
 * By how much the counters of legacy rules rose between two readings of `iptables-legacy-save -c`: which rules took a
 * packet meanwhile, and which did not.
 */

import type { RuleIncrease } from '../../state.ts';
import type { Sections } from '../section.ts';

/** The two moments, as they stand behind the command line of a reading. */
export const countsAtStart = 'at the start';
export const countsAtEnd = 'at the end';

const reading = /^(ip6?tables(?:-legacy)?-save -c), (at the (?:start|end))$/;

/** One counter: the rule or policy that it is of, and what it shows. */
interface Count {
  readonly rule: string;
  readonly packets: number;
  readonly line: string;
}

/** By table, chain and place: a rule's position from 1 on, or `policy`. */
function readCounts(save: string): Map<string, Count> {
  const counts = new Map<string, Count>();
  const positions = new Map<string, number>();
  let table = '';
  for (const line of save.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const [, name = '', policy = '', told] = /^:(\S+) (\S+) \[(\d{1,15}):\d{1,15}\]$/.exec(line) ?? [];
    if (told !== undefined) {
      counts.set(`${table} ${name} policy`, { rule: policy, packets: Number(told), line });
      continue;
    }
    const [, packets, rule = '', chain = ''] = /^\[(\d{1,15}):\d{1,15}\] (-A (\S+)(?: .*)?)$/.exec(line) ?? [];
    if (packets === undefined) continue;
    const position = (positions.get(`${table} ${chain}`) ?? 0) + 1;
    positions.set(`${table} ${chain}`, position);
    counts.set(`${table} ${chain} ${position}`, { rule, packets: Number(packets), line });
  }
  return counts;
}

/** The key of `parseIncreases`: a rule by its position, from 1 on, or the policy of the chain (null). */
export function increaseKey(family: string, table: string, chain: string, position: number | null): string {
  return `${family} ${table} ${chain} ${position ?? 'policy'}`;
}

/** Of every legacy rule and policy that both readings have; null where there are not two. */
export function parseIncreases(sections: Sections): ReadonlyMap<string, RuleIncrease> | null {
  const readings = sections.all((command) => reading.test(command));
  if (readings.length === 0) return null;
  const increases = new Map<string, RuleIncrease>();
  for (const { command, text } of readings) {
    const [, save = '', moment] = reading.exec(command) ?? [];
    const start = readings.find((one) => one.command === `${save}, ${countsAtStart}`);
    if (moment !== countsAtEnd || start === undefined) continue;
    const family = save.startsWith('ip6') ? 'ip6' : 'ip';
    const before = readCounts(start.text);
    for (const [key, { rule, packets, line }] of readCounts(text)) {
      const was = before.get(key);
      if (was?.rule !== rule || was.packets > packets) continue;
      increases.set(`${family} ${key}`, { packets: packets - was.packets, source: sections.quote(command, line) });
    }
  }
  return increases;
}
