/**
 * A netfilter hook on a packet's way: what its rules do to the packet, as steps of a journey, each with the rule or
 * policy that decides.
 */

import type { RejectWith, RuleChain, RuleTable } from '../host/netfilter.ts';
import type { NamespaceState, Quote } from '../host/state.ts';
import { formatEndpoint } from '../inet/address.ts';
import { errnoOf, type IcmpError, icmpName } from '../inet/icmp.ts';
import { chainsAt, evaluateHook } from './netfilter/hook.ts';
import { hostViewOf } from './netfilter/host-view.ts';
import type { HookPlace, NetfilterPacket } from './netfilter/packet.ts';
import { type Outcome, type RuleReference, referTo } from './netfilter/state.ts';
import type { Answer, JourneyEnd, ModelPacket, Stage, Step } from './step.ts';
import { afterHook, type Traveller } from './traveller.ts';

/** A netfilter hook on the IP path that is a stage of its own. */
export type HookStage = Extract<Stage, 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'>;

/** A hook, and the packet that comes to it. */
export interface HookVisit {
  readonly namespace: NamespaceState;
  /** As what it is shown. */
  readonly stage: Stage;
  readonly hook: HookPlace['hook'];
  readonly layer: HookPlace['layer'];
  /** The devices at the hook, `''` for none, and the ports of the bridge where br_netfilter shows them. */
  readonly devices: Omit<HookPlace, 'hook' | 'layer'>;
  /** The device that the stage is shown at. */
  readonly device: string | null;
  /** It is for everyone: nobody is told of an error (`icmp_send`, `nf_send_reset`). */
  readonly broadcast: boolean;
  readonly packet: ModelPacket;
  readonly seen: NetfilterPacket;
  /** The packet is known to have come through: what the rules of the snapshot say is not believed. */
  readonly doubted: boolean;
}

/** A hook without devices. */
export const noDevices: HookVisit['devices'] = { input: '', output: '', inputPort: '', outputPort: '' };

/** The hooks that br_netfilter shows what crosses a bridge from port to port, in order, with the devices there. */
export function hooksAcross(
  bridge: string,
  inputPort: string,
  outputPort: string,
): readonly (readonly [HookStage, HookVisit['devices']])[] {
  return [
    ['prerouting', { ...noDevices, input: bridge, inputPort }],
    ['forward', { input: bridge, output: bridge, inputPort, outputPort }],
    ['postrouting', { ...noDevices, output: bridge, inputPort, outputPort }],
  ];
}

/** One way on from a hook. */
export interface HookWay {
  readonly traveller: Traveller;
  /** At output: as what it was routed again, in the order of the rules; it is lost where one of them has no way. */
  readonly rerouted: readonly ModelPacket[];
  /** As netfilter sees it now. */
  readonly seen: NetfilterPacket;
  /** A rule has given it the address of the device that it leaves by (MASQUERADE). */
  readonly masquerades: boolean;
  /** Null where nothing stands and nothing happens. */
  readonly step: Step | null;
}

/** One end at a hook. */
interface HookEnd {
  /** As it is when it is stopped; null where its address is not known. */
  readonly traveller: Traveller | null;
  /** At output: as what it was routed again before. */
  readonly rerouted: readonly ModelPacket[];
  readonly step: Step;
  readonly end: JourneyEnd;
}

/**
 * What becomes of the packet: one way and no end, or no way and one end, when all is known. Where there are both, the
 * ways' steps say what is not known.
 */
export interface HookPassage {
  readonly ways: readonly HookWay[];
  readonly ends: readonly HookEnd[];
  /** Rules that are not understood may give the packet another destination. */
  readonly mayRedirect: boolean;
}

/** Names the rule or policy: `the policy of chain FORWARD in table ip filter`. */
export function ruleName({ rule, chain, family, table }: RuleReference): string {
  const where = `chain ${chain} in table ${family} ${table}`;
  if (rule === null) return `the policy of ${where}`;
  return rule.position === 0 ? `a rule that was added to ${where}` : `rule ${rule.position} of ${where}`;
}

/** Quotes the rule or policy, with its chain. */
export function quoteRule(netns: string, { command, rule, chain, family, table, text }: RuleReference): Quote {
  // What iptables saves names its chain; what nft prints does not.
  const inChain = rule !== null && text.startsWith('-A ') ? text : `table ${family} ${table}, chain ${chain}: ${text}`;
  return { netns, command, text: inChain };
}

/** The error that a rejected packet is answered with: null for an RST. */
function rejectError(how: RejectWith, family: 4 | 6): IcmpError | null {
  if (how === 'tcp-reset') return null;
  return family === 4 ? how.four : how.six;
}

function rejection(how: RejectWith, { packet: { family }, namespace }: HookVisit): { what: string; answer: Answer } {
  const icmp = rejectError(how, family);
  const netns = namespace.name;
  if (icmp === null) return { what: 'a reset (RST)', answer: { errno: 'ECONNREFUSED', netns, icmp } };
  return {
    what: `an ICMP error (${icmpName(icmp, family)})`,
    answer: { errno: errnoOf(icmp, family), netns, icmp },
  };
}

/**
 * A program hears at once that its own datagram was stopped on the way out, whatever answers it besides; TCP goes on trying
 * (`ip_local_out`, `tcp_transmit_skb`).
 */
function stopAnswer({ stage, packet, namespace, devices }: HookVisit): Answer | null {
  const isOwn = devices.input === '' && devices.inputPort === '';
  const isLeaving = isOwn && (stage === 'output' || stage === 'postrouting');
  return isLeaving && packet.protocol !== 'tcp' ? { errno: 'EPERM', netns: namespace.name, icmp: null } : null;
}

function placeOf({ devices, hook, layer }: HookVisit): HookPlace {
  return { ...devices, hook, layer };
}

function place({ namespace, device, stage }: HookVisit): Pick<Step, 'netns' | 'device' | 'stage'> {
  return { netns: namespace.name, device, stage };
}

function reroutedAs({ packet }: HookVisit, { rerouted }: Outcome): ModelPacket[] {
  return rerouted.flatMap((form) => afterHook(packet, form)?.packet ?? []);
}

/** The end of an outcome that stops the packet; null for one that does not. */
function endOf(visit: HookVisit, outcome: Outcome): HookEnd | null {
  const { ending, packet } = outcome;
  if (ending.kind !== 'drop' && ending.kind !== 'reject') return null;
  const rerouted = reroutedAs(visit, outcome);
  const { by } = ending;
  const at = { ...place(visit), quotes: [quoteRule(visit.namespace.name, by)], rule: by };
  const traveller = afterHook(visit.packet, packet);
  if (ending.kind === 'drop') {
    const detail = by.rule === null ? `${ruleName(by)} drops what no rule takes` : `${ruleName(by)} drops it`;
    const end: JourneyEnd = { kind: 'dropped', reason: detail, answer: stopAnswer(visit) };
    return { traveller, rerouted, step: { ...at, verdict: 'dropped', detail }, end };
  }
  if (visit.broadcast) {
    const detail = `${ruleName(by)} rejects it, and what is for everyone is not answered`;
    return {
      traveller,
      rerouted,
      step: { ...at, verdict: 'rejected', detail },
      end: { kind: 'dropped', reason: detail, answer: null },
    };
  }
  const { what, answer: sent } = rejection(ending.with, visit);
  const answer = stopAnswer(visit) ?? sent;
  const detail = `${ruleName(by)} rejects it and answers with ${what}`;
  const reset = ending.with === 'tcp-reset';
  const { inputPort } = visit.devices;
  const end: JourneyEnd = {
    kind: 'rejected',
    reason: detail,
    answer,
    reset,
    port: inputPort === '' ? null : inputPort,
  };
  return { traveller, rerouted, step: { ...at, verdict: 'rejected', detail }, end };
}

/** Without a port that is not known: of an answer to a program whose port nobody named, it is 0. */
function endsText({ protocol, source, sourcePort, destination, destinationPort }: ModelPacket): [string, string] {
  if (protocol === 'icmp') return [source, destination];
  return [
    sourcePort === undefined ? source : formatEndpoint(source, sourcePort),
    destinationPort === 0 ? destination : formatEndpoint(destination, destinationPort),
  ];
}

/** What was translated, in words; null when nothing was. */
function translation(before: ModelPacket, after: ModelPacket): string | null {
  const [wasSource, wasDestination] = endsText(before);
  const [source, destination] = endsText(after);
  const parts = [
    wasSource === source ? null : `the source ${wasSource} becomes ${source}`,
    wasDestination === destination ? null : `the destination ${wasDestination} becomes ${destination}`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(', and ');
}

/** The step of a packet that goes on, when that is certain. */
function passedStep(visit: HookVisit, outcome: Outcome, traveller: Traveller): Step | null {
  const { namespace, packet, stage } = visit;
  const told = translation(packet, traveller.packet);
  const { translatedBy } = outcome;
  if (told !== null) {
    const listed = outcome.packet.connection.entry?.listed ?? null;
    const tracked = listed === null ? [] : [{ netns: namespace.name, ...listed }];
    const quotes = translatedBy === null ? tracked : [quoteRule(namespace.name, translatedBy)];
    const by = translatedBy === null ? ', as its connection is translated' : `: ${ruleName(translatedBy)}`;
    const rule = translatedBy === null ? {} : { rule: translatedBy };
    return { ...place(visit), verdict: 'translated', detail: `${told}${by}`, quotes, ...rule };
  }
  const chains = chainsAt(namespace.ruleTables, placeOf(visit), packet.family);
  if (chains.length === 0) {
    // Every packet meets input and forward, and a reader looks for them; elsewhere an empty hook is no stage.
    if (stage !== 'input' && stage !== 'forward') return null;
    const quotes = namespace.firewallSource === null ? [] : [namespace.firewallSource];
    return { ...place(visit), verdict: 'passed', detail: 'no firewall rule stands here', quotes };
  }
  const accepting = outcome.passed.findLast(({ rule }) => rule !== null);
  const detail = accepting === undefined ? 'no rule here stops it' : `${ruleName(accepting)} accepts it`;
  const deciding = outcome.passed.length === 0 ? chains : outcome.passed;
  return { ...place(visit), verdict: 'passed', detail, quotes: deciding.map((one) => quoteRule(namespace.name, one)) };
}

function unique<Item>(items: readonly Item[], key: (item: Item) => string): Item[] {
  return [...new Map(items.map((item) => [key(item), item])).values()];
}

/** The step of a packet of which it is not known whether it goes on, or how. */
function doubtfulStep(visit: HookVisit, outcomes: readonly Outcome[], ends: readonly HookEnd[]): Step {
  const assumed = outcomes.flatMap(({ assumptions }) => assumptions);
  const unread = outcomes.flatMap(({ ending }) => (ending.kind === 'unknown' ? [ending.reason] : []));
  const queued = outcomes.some(({ ending }) => ending.kind === 'queue') ? ['a program decides (queue)'] : [];
  const reasons = [...new Set([...assumed.map(({ reason }) => reason), ...unread, ...queued])];
  const may = [...new Set(ends.map(({ step }) => step.detail))];
  const what = may.length > 0 ? `perhaps ${may.join('; perhaps ')}` : 'what the rules here do to it is not known';
  const deciding = outcomes.flatMap(({ ending, assumptions }) => [
    ...('by' in ending && ending.by !== null ? [ending.by] : []),
    ...assumptions.flatMap(({ reference }) => (reference === null ? [] : [reference])),
  ]);
  const quotes = unique(
    deciding.map((one) => quoteRule(visit.namespace.name, one)),
    ({ command, text }) => `${command}\n${text}`,
  );
  const detail = [what, ...reasons].join('; ');
  return { ...place(visit), verdict: 'unknown', detail, quotes };
}

/** The rules and policies at a hook that can stop a packet that way, whatever they ask of it. */
export function stoppingRules(
  kind: 'drop' | 'reject',
  { ruleTables }: NamespaceState,
  stage: Stage,
  family: 4 | 6,
): RuleReference[] {
  const own = family === 4 ? 'ip' : 'ip6';
  return ruleTables.flatMap((table) => {
    if (table.family !== 'inet' && table.family !== own) return [];
    const bases = [...table.chains.values()].filter(({ base }) => base?.hook === stage);
    const policies = bases.filter(({ base }) => kind === 'drop' && base?.policy === 'drop');
    const rules = reachable(table, bases).flatMap((chain) =>
      chain.rules
        .filter(({ expressions }) => expressions.some((one) => one.kind === 'verdict' && one.verdict.kind === kind))
        .map((rule) => referTo(table, chain, rule)),
    );
    return [...rules, ...policies.map((chain) => referTo(table, chain, null))];
  });
}

/** The chains, and those that they jump to. */
function reachable({ chains }: RuleTable, bases: readonly RuleChain[]): RuleChain[] {
  const reached = new Set(bases);
  for (const chain of reached) {
    for (const expression of chain.rules.flatMap(({ expressions }) => expressions)) {
      const verdict = expression.kind === 'verdict' ? expression.verdict : null;
      const target = verdict !== null && 'chain' in verdict ? chains.get(verdict.chain) : undefined;
      if (target !== undefined) reached.add(target);
    }
  }
  return [...reached];
}

/** True when a rule at the hook may translate. */
function hasNatRules({ namespace, stage }: HookVisit): boolean {
  return namespace.ruleTables.some(({ chains }) =>
    [...chains.values()].some(({ base, rules }) => base?.type === 'nat' && base.hook === stage && rules.length > 0),
  );
}

const chosenByKernel = 'the rules give it an address or port that the kernel chooses';

/** What the rules of a hook say of a packet. */
interface Judgement {
  /** The ways by which it goes on; those that are not known, where no other is. */
  readonly going: readonly Outcome[];
  readonly isOpen: boolean;
  readonly ends: readonly HookEnd[];
  /** The step of all that goes on, where it is not known whether that is so; else null. */
  readonly doubt: Step | null;
}

/** The step of a hook whose rules cannot be asked, or are not believed; null where they are. */
export function unaskedStep(visit: HookVisit): Step | null {
  if (visit.namespace.firewallKnown && !visit.doubted) return null;
  const detail = visit.doubted
    ? 'by the rules of the snapshot it would not have come as far as it did'
    : 'the firewall rules could not be read';
  return { ...place(visit), verdict: 'unknown', detail, quotes: [] };
}

/** Asks the rules of a hook. */
export function judge(visit: HookVisit): Judgement {
  const { namespace, seen } = visit;
  const outcomes = evaluateHook(namespace.ruleTables, placeOf(visit), seen, hostViewOf(namespace));
  const ends = outcomes.map((outcome) => endOf(visit, outcome)).filter((one) => one !== null);
  const accepted = outcomes.filter(({ ending }) => ending.kind === 'accept');
  const open = outcomes.filter(({ ending }) => ending.kind === 'unknown' || ending.kind === 'queue');
  const going = accepted.length > 0 ? accepted : open;
  const doubt = ends.length > 0 || open.length > 0 ? doubtfulStep(visit, outcomes, ends) : null;
  return { going, isOpen: open.length > 0, ends, doubt };
}

/** Passes the packet through the rules of a hook. */
export function passHook(visit: HookVisit): HookPassage {
  const { namespace, stage, packet, seen } = visit;
  const redirects = stage === 'prerouting' || stage === 'output';
  const step = unaskedStep(visit);
  if (step !== null) {
    const mayRedirect = redirects && (!namespace.firewallKnown || hasNatRules(visit));
    const traveller = { packet, connection: seen.connection };
    return { ways: [{ traveller, rerouted: [], seen, masquerades: false, step }], ends: [], mayRedirect };
  }
  const { going, isOpen, ends, doubt } = judge(visit);
  const ways: HookWay[] = [];
  const stuck: HookEnd[] = [];
  for (const outcome of going) {
    const traveller = afterHook(packet, outcome.packet);
    const rerouted = reroutedAs(visit, outcome);
    if (traveller === null) {
      const step: Step = { ...place(visit), verdict: 'unknown', detail: chosenByKernel, quotes: [] };
      stuck.push({
        traveller,
        rerouted,
        step,
        end: { kind: 'undetermined', reason: chosenByKernel, answer: null },
      });
    } else {
      const { packet: after } = outcome;
      const by = outcome.translatedBy?.rule?.expressions ?? [];
      const masquerades = by.some((one) => one.kind === 'translate' && one.how === 'masquerade');
      ways.push({
        traveller,
        rerouted,
        seen: after,
        masquerades,
        step: doubt ?? passedStep(visit, outcome, traveller),
      });
    }
  }
  return { ways, ends: [...ends, ...stuck], mayRedirect: redirects && isOpen };
}
