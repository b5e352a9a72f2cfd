/** One way that a packet may take through the rules of a hook, and how such ways fork and merge. */

import { type RejectWith, type Rule, type RuleChain, type RuleTable, tableOfChain } from '../../host/netfilter.ts';
import type { NetfilterPacket } from './packet.ts';

/** A rule, or the policy of a chain, by the names that a report uses. */
export interface RuleReference {
  readonly family: RuleTable['family'];
  readonly table: string;
  readonly chain: string;
  readonly engine: RuleTable['engine'];
  /** The command that printed it. */
  readonly command: string;
  /** Null for the chain's policy. */
  readonly rule: Rule | null;
  /** The rule as printed; `policy drop` for a policy. */
  readonly text: string;
}

/** A rule that the packet matched. */
interface TrailEntry {
  readonly reference: RuleReference;
  /** False when it is not known whether it matched, and either is the same for the packet. */
  readonly certain: boolean;
}

/** Something that is not known, and which answer this way takes for it. */
interface Assumption {
  readonly reference: RuleReference | null;
  readonly reason: string;
  readonly matched: boolean;
}

/** Where a packet stands on one way. */
export interface State {
  readonly packet: NetfilterPacket;
  readonly trail: readonly TrailEntry[];
  readonly assumptions: readonly Assumption[];
  /** The rule that translated it at this hook. */
  readonly translatedBy: RuleReference | null;
  /** At output: as what it was routed again, each time that a chain of type "route" or NAT had changed it. */
  readonly rerouted: readonly NetfilterPacket[];
  /** What accepted it in each base chain that it has passed, in their order. */
  readonly passed: readonly RuleReference[];
}

/** How a way ends. */
type Ending =
  | { readonly kind: 'accept' }
  | { readonly kind: 'drop'; readonly by: RuleReference }
  | { readonly kind: 'reject'; readonly by: RuleReference; readonly with: RejectWith }
  /** Handed to a program, which says what becomes of it. */
  | { readonly kind: 'queue'; readonly by: RuleReference }
  | { readonly kind: 'unknown'; readonly by: RuleReference | null; readonly reason: string };

/** One end that a packet may meet at a hook: the packet as it is then, and with no assumptions when this is certain. */
export interface Outcome extends State {
  readonly ending: Ending;
}

/** Names a rule of a chain; null its policy. */
export function referTo(table: RuleTable, chain: RuleChain, rule: Rule | null): RuleReference {
  const { engine, command } = tableOfChain(table, chain);
  return {
    family: table.family,
    table: table.name,
    chain: chain.name,
    engine,
    command,
    rule,
    text: rule?.text ?? `policy ${chain.base?.policy ?? 'accept'}`,
  };
}

function sameAssumption(a: Assumption, b: Assumption): boolean {
  return a.reason === b.reason && a.matched === b.matched && a.reference?.rule === b.reference?.rule;
}

/** Everything of a packet that rules can change, as a key. */
function packetKey({ source, destination, sourcePort, destinationPort, mark, ttl, dscp, connection }: NetfilterPacket) {
  const { state, status, mark: connectionMark, original } = connection;
  const parts = [source, destination, sourcePort, destinationPort, mark, ttl, dscp, state, status, connectionMark];
  return [...parts, original === null].map(String).join(' ');
}

/** Two trails as one: what only one of them has is not certain. */
function mergeTrails(a: readonly TrailEntry[], b: readonly TrailEntry[]): readonly TrailEntry[] {
  let shared = 0;
  while (shared < a.length && a[shared]?.reference.rule === b[shared]?.reference.rule) shared += 1;
  if (shared === a.length && shared === b.length) {
    return a.map((entry, index) => ({ ...entry, certain: entry.certain && b[index]?.certain === true }));
  }
  const own = (trail: readonly TrailEntry[], other: ReadonlyMap<unknown, TrailEntry>): TrailEntry[] =>
    trail.slice(shared).map((entry) => {
      const twin = other.get(entry.reference.rule);
      return { ...entry, certain: entry.certain && twin?.certain === true };
    });
  const byRule = (trail: readonly TrailEntry[]) =>
    new Map(trail.map((entry) => [entry.reference.rule, entry] as const));
  const [inA, inB] = [byRule(a.slice(shared)), byRule(b.slice(shared))];
  const common = mergeTrails(a.slice(0, shared), b.slice(0, shared));
  return [...common, ...own(a, inB), ...own(b, inA).filter(({ reference }) => !inA.has(reference.rule))];
}

function mergeTwo<Way extends State>(a: Way, b: Way): Way {
  return {
    ...a,
    trail: mergeTrails(a.trail, b.trail),
    // What both assume still has to hold; where they differ, it did not matter.
    assumptions: a.assumptions.filter((one) => b.assumptions.some((other) => sameAssumption(one, other))),
  };
}

function merge<Way extends State>(ways: readonly Way[], keyOf: (way: Way) => string): Way[] {
  if (ways.length < 2) return [...ways];
  const merged = new Map<string, Way>();
  for (const way of ways) {
    const key = keyOf(way);
    const twin = merged.get(key);
    merged.set(key, twin === undefined ? way : mergeTwo(twin, way));
  }
  return [...merged.values()];
}

/** States in which the packet is the same are one. */
export function mergeStates(states: readonly State[]): State[] {
  return merge(
    states,
    ({ packet, translatedBy, rerouted }) =>
      `${packetKey(packet)} ${translatedBy === null} ${rerouted.map(packetKey).join()}`,
  );
}

/** A rule's place, which no other rule has. */
function placeOf({ engine, family, table, chain, rule }: RuleReference): string {
  return `${engine} ${family} ${table} ${chain} ${rule?.position ?? 'policy'}`;
}

/** Ends that are the same for the packet, by the same rule where one stops it, are one. */
export function mergeOutcomes(outcomes: readonly Outcome[]): Outcome[] {
  return merge(outcomes, ({ ending, packet, rerouted }) => {
    const by = ending.kind === 'accept' || ending.by === null ? '' : placeOf(ending.by);
    const reason = ending.kind === 'unknown' ? ending.reason : '';
    return `${ending.kind} ${by} ${reason} ${rerouted.map(packetKey).join()} ${packetKey(packet)}`;
  });
}
