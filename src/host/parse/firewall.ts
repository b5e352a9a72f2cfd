/** The firewall of a namespace: its rules, and whether they are all known; nft does not see legacy iptables. */

import type { RuleTable } from '../netfilter.ts';
import { snapshotCommand, unreadRuleModules } from '../snapshot-commands.ts';
import type { Quote } from '../state.ts';
import { listWords } from '../word-list.ts';
import { joinTables, legacyNames, listedTables, type SavedFamily, savedTables } from './netfilter/rule-tables.ts';
import type { Sections } from './section.ts';

const longestQuote = 2000;

/** Legacy tables of one family: none when the kernel lists none, else all that it lists have to be there. */
function knowsLegacy(sections: Sections, family: SavedFamily, saved: readonly RuleTable[]): boolean {
  const names = legacyNames(sections, family);
  const isSaved = (name: string): boolean => saved.some((table) => table.family === family && table.name === name);
  if (names?.every(isSaved) === true) return true;
  const what = `legacy iptables tables (family ${family})`;
  if (names === undefined) sections.uncollected(what);
  else sections.problem(`${what} could not be read`);
  return false;
}

/** Says of the older tools of bridges and ARP that their rules are not read, where they may have some. */
function tellUnread(sections: Sections): void {
  const modules = sections
    .all((command) => command.startsWith('ls -d /sys/module/'))
    .flatMap(({ text }) => unreadRuleModules.filter((module) => text.includes(`/${module}\n`)));
  if (modules.length === 0) return;
  const names = listWords(modules.map((module) => `\`${module}\``));
  sections.hostProblem(`legacy ebtables or arptables may have rules (${names}), which are not read`);
}

/** Where the chains of a table hang, a line each. */
function baseTexts({ family, name, chains }: RuleTable): string[] {
  return [...chains.values()].flatMap(({ name: chain, base }) =>
    base === null
      ? []
      : `table ${family} ${name}, chain ${chain}: type ${base.type} hook ${base.hook} priority ${base.priority}; policy ${base.policy};`,
  );
}

/** What shows that nftables' rules are all known; null where they are not. */
function nftSource(sections: Sections, listed: readonly RuleTable[] | null): Quote | null {
  const module = sections.find(snapshotCommand.nftModule);
  if (module !== undefined && module.exitCode !== null && module.exitCode !== 0) {
    return sections.quote(snapshotCommand.nftModule, module.error);
  }
  const json = sections.text(snapshotCommand.nftJson);
  if (json === null) return null;
  if (listed === null) {
    sections.problem(`\`${snapshotCommand.nftJson}\` printed what could not be parsed`);
    return null;
  }
  const bases = listed.flatMap(baseTexts);
  const shown = bases.length > 0 ? bases.join('\n') : json.trim();
  return sections.quote(
    snapshotCommand.nftJson,
    shown.length > longestQuote ? `${shown.slice(0, longestQuote)}…` : shown,
  );
}

/** The rules of a namespace, whether these are all, and the output that shows it. */
export function parseFirewall(sections: Sections): {
  ruleTables: RuleTable[];
  firewallKnown: boolean;
  firewallSource: Quote | null;
} {
  const saves = savedTables(sections);
  const listed = listedTables(sections, saves);
  const firewallSource = nftSource(sections, listed);
  tellUnread(sections);
  const legacy = (['ip', 'ip6'] as const).map((family) => knowsLegacy(sections, family, saves.legacy));
  const firewallKnown = firewallSource !== null && legacy.every(Boolean);
  return { ruleTables: joinTables(saves, listed), firewallKnown, firewallSource };
}
