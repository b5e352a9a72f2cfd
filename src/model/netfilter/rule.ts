/** One rule and one packet: what comes of it, three-valued. */

import type { Expression, Match, Operand, Rule, RuleChain, RuleTable, Verdict } from '../../host/netfilter.ts';
import { ipProtocol } from '../../inet/protocol.ts';
import type { View } from './fields.ts';
import { candidates, isAmong, read } from './operand.ts';
import type { HookPlace, HostView, NetfilterPacket } from './packet.ts';
import { type RuleReference, referTo, type State } from './state.ts';
import { translated } from './translate.ts';

/** A base chain's work, while it is walked. */
export interface Walk {
  readonly table: RuleTable;
  readonly place: HookPlace;
  readonly host: HostView;
  /** False in chains that come before conntrack. */
  readonly tracked: boolean;
  /** The end that the base chain's hook can translate; null where there is no NAT. */
  readonly translates: 'source' | 'destination' | null;
}

/** Where a packet goes on after a rule; `next` is the next rule. */
export interface Step {
  readonly state: State;
  readonly verdict: Verdict | { readonly kind: 'next' | 'translated' };
  readonly reference: RuleReference;
}

/** A packet inside a rule. */
interface Progress {
  readonly state: State;
  /** As it would be had the first unknown match of this rule not held; null while all is certain. */
  readonly otherwise: State | null;
}

function isTracked({ tracked }: Walk, { connection }: NetfilterPacket): boolean {
  return tracked || connection.tracked;
}

function viewOf(walk: Walk, { packet }: State): View {
  return { packet, place: walk.place, host: walk.host, tracked: isTracked(walk, packet) };
}

function withPacket(state: State, packet: NetfilterPacket): State {
  return packet === state.packet ? state : { ...state, packet };
}

function assuming(state: State, reference: RuleReference, reason: string, matched: boolean): State {
  return { ...state, assumptions: [...state.assumptions, { reference, reason, matched }] };
}

function matchedRule(state: State, reference: RuleReference, certain: boolean): State {
  return { ...state, trail: [...state.trail, { reference, certain }] };
}

/** The packet with a field rewritten; the same when that is none which rules look at. */
function written(expression: Extract<Expression, { kind: 'set' }>, walk: Walk, state: State): NetfilterPacket {
  const { packet } = state;
  const reading = read(expression.value, viewOf(walk, state), walk.table);
  // A connection's field that is not there sets nothing: the rule has ended before.
  const value = reading.kind === 'value' && typeof reading.value === 'bigint' ? reading.value : null;
  const port = value === null ? null : Number(value);
  switch (expression.field) {
    case 'meta mark':
      return { ...packet, mark: value };
    case 'ct mark': {
      const { state: connectionState } = packet.connection;
      if (!isTracked(walk, packet) || connectionState === 'untracked' || connectionState === 'invalid') return packet;
      return { ...packet, connection: { ...packet.connection, mark: value } };
    }
    case 'ip saddr':
    case 'ip6 saddr':
      return { ...packet, source: value };
    case 'ip daddr':
    case 'ip6 daddr':
      return { ...packet, destination: value };
    case 'tcp sport':
    case 'udp sport':
    case 'th sport':
      return { ...packet, sourcePort: port };
    case 'tcp dport':
    case 'udp dport':
    case 'th dport':
      return { ...packet, destinationPort: port };
    case 'ip ttl':
    case 'ip6 hoplimit':
      return { ...packet, ttl: port };
    case 'ip dscp':
    case 'ip6 dscp':
    case 'dscp':
      return { ...packet, dscp: port };
    default:
      return packet;
  }
}

/** True when the reject statement is for this packet: an RST answers TCP alone, an ICMP error its own IP version. */
function rejects(verdict: Verdict, { family, protocol }: NetfilterPacket): boolean {
  if (verdict.kind !== 'reject') return true;
  if (verdict.with === 'tcp-reset') return protocol === ipProtocol.tcp;
  return (family === 4 ? verdict.with.four : verdict.with.six) !== null;
}

/** Runs a rule's expressions one after the other. */
class RuleRun {
  readonly #walk: Walk;
  readonly #reference: RuleReference;
  readonly #steps: Step[] = [];

  constructor(walk: Walk, reference: RuleReference) {
    this.#walk = walk;
    this.#reference = reference;
  }

  /** Every way that the packet may go on; more than one when something is not known. */
  run(rule: Rule, state: State): readonly Step[] {
    let progress: Progress = { state, otherwise: null };
    for (const expression of rule.expressions) {
      const next = this.#expression(expression, progress);
      if (next === null) return this.#steps;
      progress = next;
    }
    this.#end(progress, { kind: 'next' });
    return this.#steps;
  }

  /** The packet behind an expression; null when the rule is over, and its steps are noted. */
  #expression(expression: Expression, progress: Progress): Progress | null {
    const { state } = progress;
    switch (expression.kind) {
      case 'match': {
        const { key, among, negated } = expression;
        const truth = isAmong(key, among, negated, viewOf(this.#walk, state), this.#walk.table);
        if (truth === 'yes') return progress;
        return truth === 'no' ? this.#miss(progress) : this.#fork(progress, truth.unknown);
      }
      case 'merged':
        return this.#merged(expression.matches, progress);
      case 'maybe':
        return this.#fork(progress, `whether it matches is not known: ${this.#asPrinted(expression.text)}`);
      case 'set':
        return this.#set(expression, progress);
      case 'notrack': {
        const { packet } = state;
        // A packet that conntrack has seen keeps its connection.
        if (isTracked(this.#walk, packet) || packet.connection.state === 'untracked') return progress;
        const connection = { ...packet.connection, state: 'untracked', entry: null } as const;
        return { ...progress, state: withPacket(state, { ...packet, connection }) };
      }
      case 'translate':
        return this.#translate(expression, progress);
      case 'verdict':
        return this.#verdict(expression.verdict, progress);
      case 'verdict-map':
        return this.#verdictMap(expression, progress);
      default:
        return this.#miss(progress);
    }
  }

  /** Both readings are the same but where some of the fields alone are as told. Legacy rules are as they are written. */
  #merged(matches: readonly Match[], progress: Progress): Progress | null {
    const truths = matches.map(({ key, among, negated }) =>
      isAmong(key, among, negated, viewOf(this.#walk, progress.state), this.#walk.table),
    );
    if (truths.every((truth) => truth === 'yes')) return progress;
    const isApart = this.#walk.table.engine === 'iptables-legacy' && truths.includes('no');
    if (isApart || truths.every((truth) => truth === 'no')) return this.#miss(progress);
    const text = this.#reference.text;
    return this.#fork(
      progress,
      `whether it matches is not known, as nft may have made one comparison of several: ${text}`,
    );
  }

  #set(expression: Extract<Expression, { kind: 'set' }>, progress: Progress): Progress | null {
    const { state } = progress;
    const reading = read(expression.value, viewOf(this.#walk, state), this.#walk.table);
    if (reading.kind === 'absent') return this.#walk.table.engine === 'nft' ? this.#miss(progress) : progress;
    return { ...progress, state: withPacket(state, written(expression, this.#walk, state)) };
  }

  #translate(expression: Extract<Expression, { kind: 'translate' }>, progress: Progress): Progress | null {
    if (expression.end !== this.#walk.translates) return progress;
    // A host without an address sends so, and `nf_nat_masquerade_ipv4` leaves that alone.
    if (expression.how === 'masquerade' && progress.state.packet.source === 0n) {
      return this.#end(progress, { kind: 'accept' });
    }
    if (expression.address?.kind === 'map') return this.#translateByMap(expression, expression.address, progress);
    return this.#translateTo(expression, progress);
  }

  /** Each of the addresses that a map may give, where it is not known which. */
  #translateByMap(
    expression: Extract<Expression, { kind: 'translate' }>,
    map: Extract<Operand, { kind: 'map' }>,
    progress: Progress,
  ): Progress | null {
    const found = candidates(map.key, map.among, viewOf(this.#walk, progress.state), this.#walk.table);
    if (found.kind === 'absent' || found.reason === null || found.elements.length === 0) {
      return this.#translateTo(expression, progress);
    }
    for (const element of found.elements) {
      const address: Operand = {
        kind: 'map',
        key: [],
        among: { kind: 'elements', elements: [{ ...element, key: [] }] },
      };
      const state = assuming(progress.state, this.#reference, found.reason, true);
      this.#translateTo({ ...expression, address }, { state, otherwise: null });
    }
    if (found.open) this.#step(assuming(progress.state, this.#reference, found.reason, false), { kind: 'next' });
    if (progress.otherwise !== null) this.#step(progress.otherwise, { kind: 'next' });
    return null;
  }

  #translateTo(expression: Extract<Expression, { kind: 'translate' }>, progress: Progress): Progress | null {
    const packet = translated(expression, viewOf(this.#walk, progress.state), this.#walk.table);
    if (packet === null) return expression.address?.kind === 'map' ? this.#miss(progress) : progress;
    // `nf_nat_masquerade_ipv4`, `nf_nat_redirect`: "ate my IP address".
    if (packet === 'no-address') return this.#end(progress, { kind: 'drop' });
    const state = { ...withPacket(progress.state, packet), translatedBy: this.#reference };
    return this.#end({ ...progress, state }, { kind: 'translated' });
  }

  #verdict(verdict: Verdict, progress: Progress): Progress | null {
    if (!rejects(verdict, progress.state.packet)) return this.#miss(progress);
    return verdict.kind === 'continue' ? progress : this.#end(progress, verdict);
  }

  #verdictMap({ key, among }: Extract<Expression, { kind: 'verdict-map' }>, progress: Progress): Progress | null {
    const found = candidates(key, among, viewOf(this.#walk, progress.state), this.#walk.table);
    if (found.kind === 'absent') return this.#miss(progress);
    const verdicts = found.elements.flatMap(({ data }) => (data !== null && 'kind' in data ? [data] : []));
    if (found.reason === null) {
      const [verdict] = verdicts;
      return verdict === undefined ? this.#miss(progress) : this.#verdict(verdict, progress);
    }
    if (verdicts.length === 0 && found.open) {
      return this.#end(progress, { kind: 'unknown', text: found.reason });
    }
    for (const verdict of verdicts) {
      const state = assuming(progress.state, this.#reference, found.reason, true);
      this.#end({ state, otherwise: progress.state }, verdict.kind === 'continue' ? { kind: 'next' } : verdict, true);
    }
    if (found.open) this.#step(assuming(progress.state, this.#reference, found.reason, false), { kind: 'next' });
    if (progress.otherwise !== null) this.#step(progress.otherwise, { kind: 'next' });
    return null;
  }

  /** The rule does not match. What it would be had an unknown match not held counts too, when that differs. */
  #miss({ state, otherwise }: Progress): null {
    const changed = otherwise !== null && otherwise.packet !== state.packet;
    if (otherwise === null) this.#step(state, { kind: 'next' });
    else if (changed) {
      this.#step(state, { kind: 'next' });
      this.#step(otherwise, { kind: 'next' });
    } else {
      // The unknown match does not matter: another one of the rule does not hold.
      this.#step({ ...otherwise, assumptions: otherwise.assumptions.slice(0, -1) }, { kind: 'next' });
    }
    return null;
  }

  /** nft's listing has no text for a part of a rule: the whole one is quoted. */
  #asPrinted(part: string): string {
    return this.#reference.engine === 'nft' ? this.#reference.text : part;
  }

  #fork({ state, otherwise }: Progress, reason: string): Progress {
    return {
      state: assuming(state, this.#reference, reason, true),
      otherwise: otherwise ?? assuming(state, this.#reference, reason, false),
    };
  }

  /** The rule matches, and ends with a verdict. */
  #end({ state, otherwise }: Progress, verdict: Step['verdict'], isOneOfSeveral = false): null {
    this.#step(matchedRule(state, this.#reference, true), verdict);
    if (otherwise !== null && !isOneOfSeveral) this.#step(otherwise, { kind: 'next' });
    return null;
  }

  #step(state: State, verdict: Step['verdict']): void {
    this.#steps.push({ state, verdict, reference: this.#reference });
  }
}

/** Runs a rule over a packet. */
export function runRule(walk: Walk, chain: RuleChain, rule: Rule, state: State): readonly Step[] {
  return new RuleRun(walk, referTo(walk.table, chain, rule)).run(rule, state);
}
