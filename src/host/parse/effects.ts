/** What a rule may do to a packet: the words that nftables and the iptables targets share. */

/** Everything that rules may do, over-approximated: no match is evaluated. */
export interface Effects {
  readonly drop: boolean;
  readonly reject: boolean;
  readonly translate: boolean;
  /** Something that cannot be read, or that takes the packet out of the rules' hands. */
  readonly unknown: boolean;
}

export const noEffects: Effects = { drop: false, reject: false, translate: false, unknown: false };
export const dropEffect: Effects = { ...noEffects, drop: true };
export const rejectEffect: Effects = { ...noEffects, reject: true };
export const translateEffect: Effects = { ...noEffects, translate: true };
export const unknownEffect: Effects = { ...noEffects, unknown: true };

/** All that any of them may do. */
export function anyOf(effects: Iterable<Effects>): Effects {
  const all = { ...noEffects };
  for (const effect of effects) {
    all.drop ||= effect.drop;
    all.reject ||= effect.reject;
    all.translate ||= effect.translate;
    all.unknown ||= effect.unknown;
  }
  return all;
}

/** Whether a rule with these effects decides anything by itself. */
export function decides(effects: Effects): boolean {
  return effects.drop || effects.reject || effects.translate || effects.unknown;
}

/** Targets of iptables-extensions(8) that let the packet go on, to the next rule or as accepted, with its addresses. */
const harmlessTargets: ReadonlySet<string> = new Set(
  (
    'ACCEPT RETURN LOG NFLOG ULOG MARK CONNMARK TCPMSS TCPOPTSTRIP CT NOTRACK CHECKSUM CLASSIFY SET AUDIT TRACE HL TTL ' +
    'DSCP TOS ECN SECMARK CONNSECMARK LED IDLETIMER RATEEST TEE HMARK CLUSTERIP'
  ).split(' '),
);
const translatingTargets: ReadonlySet<string> = new Set(
  'DNAT SNAT MASQUERADE REDIRECT NETMAP DNPT SNPT SAME MIRROR'.split(' '),
);

/** What an iptables target may do. TPROXY, NFQUEUE, SYNPROXY and targets that are not known are unknown. */
export function targetEffects(target: string): Effects {
  if (target === 'DROP') return dropEffect;
  if (target === 'REJECT') return rejectEffect;
  if (translatingTargets.has(target)) return translateEffect;
  return harmlessTargets.has(target) ? noEffects : unknownEffect;
}

/** A rule as the walk over chains sees it. */
export interface WalkedRule {
  readonly effects: Effects;
  /** Chains that it may jump or go to, in the same table. */
  readonly chains: readonly string[];
}

/** The rules that a packet may meet from a chain on, jumps followed, each chain once. */
export function reachableRules<Rule extends WalkedRule>(
  start: string,
  rulesOf: (chain: string) => readonly Rule[],
): Rule[] {
  const seen = new Set([start]);
  const reached: Rule[] = [];
  // A set grows while it is walked, and each chain stands in it once: loops end.
  for (const chain of seen) {
    for (const rule of rulesOf(chain)) {
      reached.push(rule);
      for (const target of rule.chains) seen.add(target);
    }
  }
  return reached;
}
