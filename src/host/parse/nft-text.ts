/**
 * Finds the lines of rules and chains in the text of `nft -a list ruleset`, for quoting; meaning is read from the JSON, but
 * for what nft 1.0.6 leaves out there.
 */

/** The lines of a rule set. */
export interface NftText {
  /** The tables' names, in their order. */
  readonly tables: readonly string[];
  /** Those with the flag `dormant`, as `family table`. */
  readonly dormant: ReadonlySet<string>;
  /** A rule's line by `family table chain handle`, without its indentation. */
  readonly rules: ReadonlyMap<string, string>;
  /** A base chain's `type … hook …` line by `family table chain`. */
  readonly bases: ReadonlyMap<string, string>;
  /** The devices that such a line names, likewise. */
  readonly devices: ReadonlyMap<string, readonly string[]>;
}

// Behind the handle of a table with an owner stands the owner's name.
const tableLine = /^table (\S+) (.+) \{ # handle \d+(?: progname .*)?$/;
const chainLine = /^\tchain (.+) \{ # handle \d+$/;
const baseLine = /^\t\t(type \S+ hook .*)$/;
const tableFlags = /^\tflags (.*)$/;
/** `device "v0"` or `devices = { "v0", v1 }`. */
const deviceWords = / devices? (?:= \{ ([^}]*) \}|(\S+)) priority /;
const ruleEnd = / # handle (\d+)$/;

/** Reads the lines; never throws. A rule that nft wraps over several lines becomes one. */
export function parseNftText(text: string): NftText {
  const tables: string[] = [];
  const dormant = new Set<string>();
  const rules = new Map<string, string>();
  const bases = new Map<string, string>();
  const devices = new Map<string, string[]>();
  let table = '';
  let chain: string | null = null;
  let pending: string[] = [];
  for (const line of text.split('\n')) {
    const [, family, tableName] = tableLine.exec(line) ?? [];
    if (family !== undefined) {
      table = `${family} ${tableName}`;
      tables.push(tableName ?? '');
    }
    const [, flags] = tableFlags.exec(line) ?? [];
    if (flags?.split(/[, ]+/).includes('dormant') === true) dormant.add(table);
    const [, chainName] = chainLine.exec(line) ?? [];
    if (chainName !== undefined || line === '\t}' || line === '}') {
      chain = chainName ?? null;
      pending = [];
      continue;
    }
    if (chain === null) continue;
    const [, base] = baseLine.exec(line) ?? [];
    if (base !== undefined) {
      bases.set(`${table} ${chain}`, base);
      const [, several, one] = deviceWords.exec(base) ?? [];
      const named = (several ?? one ?? '').split(', ').map((device) => device.replace(/^"|"$/g, ''));
      devices.set(
        `${table} ${chain}`,
        named.filter((device) => device !== ''),
      );
      continue;
    }
    pending.push(line.trim());
    const [, handle] = ruleEnd.exec(line) ?? [];
    if (handle === undefined) continue;
    rules.set(`${table} ${chain} ${handle}`, pending.join(' '));
    pending = [];
  }
  return { tables, dormant, rules, bases, devices };
}
