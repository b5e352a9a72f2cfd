/**
 * At which rule a packet ended. The kernel's rule trace names it; without it the model does, and the kernel's word that its
 * firewall dropped the packet (NETFILTER_DROP) proves that one did. Where those two disagree no rule is named.
 */

import { segmentAfterOpening, serverPackets } from '../flow/connection.ts';
import { increaseKey } from '../host/parse/netfilter/counted.ts';
import type { RuleIncrease } from '../host/state.ts';
import { quoteRule, ruleName, stoppingRules } from '../model/hook.ts';
import type { RuleReference } from '../model/netfilter/state.ts';
import type { Journey, Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Certainty, EvidenceItem, RuleName } from './diagnosis.ts';
import { answerJourney } from './end-at.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { type KernelReading, kernelEvidence } from './kernel-reading.ts';
import { passedTable, type RuleRecord, ruleEvidence, sameRule, stopOf } from './rule-trace.ts';
import { silenceTells } from './silence.ts';
import { inNetns } from './words.ts';

/** The kernel's reason for what a rule, or a policy, dropped. */
export const netfilterDrop = 'NETFILTER_DROP';

/** True when the packet's route was looked up between its last device and its drop: it had passed prerouting. */
export function droppedAfterRouting(kernel: KernelReading): boolean {
  const { drop, devices, routes } = kernel;
  const last = devices.at(-1)?.source.timeNs;
  if (drop === null || last === undefined) return false;
  return routes.some(({ source }) => source.timeNs >= last && source.timeNs <= drop.source.timeNs);
}

/** The kernel's word that a firewall swallowed the request, when no socket of this host answered it. */
function firewallDrop({ kernel }: Context): KernelReading | null {
  if (kernel === null || kernel.resetSent !== null || kernel.drop?.event.kind !== 'drop') return null;
  return kernel.drop.event.reason === netfilterDrop ? kernel : null;
}

/** The kernel told of another end: the model is not believed against it. */
function kernelDisagrees({ kernel }: Context): boolean {
  if (kernel === null) return false;
  const drop = kernel.drop?.event;
  return kernel.resetSent !== null || (drop?.kind === 'drop' && drop.reason !== netfilterDrop);
}

/** The hook at which it ended, and the rule where it is known. */
export interface Stop {
  readonly step: Step;
  readonly rule: RuleReference | null;
  readonly kernel: KernelReading | null;
  readonly certainty: Certainty;
  /** Who names the rule. */
  readonly namedBy: RuleName['namedBy'];
  /** The rule trace's word, where it names the rule. */
  readonly traced: RuleRecord | null;
  /** What the rule's counter gained meanwhile, where that is known. */
  readonly counted: RuleIncrease | null;
  /** The rules that stand there and can do so, where it is not known which did. */
  readonly candidates: readonly EvidenceItem[];
}

const hookStages: readonly string[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

/** The rule that stops the packet by the model. */
interface ModelStop {
  readonly step: Step;
  readonly rule: RuleReference;
}

function stopIn(way: Journey | null, verdicts: readonly Step['verdict'][]): ModelStop | null {
  const step = way?.steps.at(-1);
  if (step?.rule === undefined) return null;
  // Nobody hears that a tunnel's packet was rejected.
  const verdict = step.carrier !== undefined && step.verdict === 'rejected' ? 'dropped' : step.verdict;
  if (!verdicts.includes(verdict)) return null;
  return { step, rule: step.rule };
}

function modelStop({ journey }: Context, verdict: 'dropped' | 'rejected'): ModelStop | null {
  return stopIn(journey, [verdict]);
}

/** Of legacy rules alone the counters are read twice. */
function increaseOf({ host }: Context, netns: string, reference: RuleReference): RuleIncrease | null {
  const { engine, family, table, chain, rule } = reference;
  if (engine !== 'iptables-legacy') return null;
  const key = increaseKey(family, table, chain, rule?.position ?? null);
  return host?.namespaces.get(netns)?.ruleIncreases?.get(key) ?? null;
}

/** The only one of the rules that can have done it, when the counters of all are known: theirs did not rise. */
function onlyRisen(context: Context, netns: string, rules: readonly RuleReference[]): RuleReference | null {
  const increases = rules.map((rule) => ({ rule, increase: increaseOf(context, netns, rule) }));
  if (increases.some(({ increase }) => increase === null)) return null;
  const [risen, ...others] = increases.filter(({ increase }) => increase !== null && increase.packets > 0);
  return risen === undefined || others.length > 0 ? null : risen.rule;
}

function candidateHook(context: Context, kind: 'drop' | 'reject', kernel: KernelReading): Stop | null {
  const { host, journey, packet } = context;
  const stages: readonly string[] = droppedAfterRouting(kernel) ? ['input', 'forward', 'postrouting'] : ['prerouting'];
  const last = kernel.devices.at(-1)?.event;
  const standing = (journey?.steps ?? []).flatMap((step) => {
    const namespace = host?.namespaces.get(step.netns);
    if (namespace === undefined || !hookStages.includes(step.stage)) return [];
    const { family } = step.carrier?.packet ?? packet;
    const rules = stoppingRules(kind, namespace, step.stage, family);
    return rules.length === 0 ? [] : [{ step, rules }];
  });
  const fitting = standing.filter(({ step }) => stages.includes(step.stage));
  const there = fitting.find(({ step }) => last?.kind === 'device' && step.device === last.device);
  const found = there ?? fitting[0] ?? standing[0];
  if (found === undefined) return null;
  const { step, rules } = found;
  const rule = onlyRisen(context, step.netns, rules);
  const counted = rule === null ? null : increaseOf(context, step.netns, rule);
  const candidates = rules.map((one): EvidenceItem => ({ kind: 'snapshot', ...quoteRule(step.netns, one) }));
  return { step, rule, kernel, certainty: 'proven', namedBy: 'counter', traced: null, counted, candidates };
}

/** Whether the rule answers what it stops; null where that is not known. */
function kindOf({ rule }: RuleReference): 'drop' | 'reject' | null {
  if (rule === null) return 'drop';
  if (rule.expressions.some((one) => one.kind === 'verdict' && one.verdict.kind === 'reject')) return 'reject';
  if (rule.position > 0) return 'drop';
  return /\breject\b/.test(rule.text) ? 'reject' : /\bdrop\b/.test(rule.text) ? 'drop' : null;
}

/** The step of a journey at which the rule stands; where the journey has none, one as the trace tells it. */
function stepAt({ netns, stage, event: { packet } }: RuleRecord, steps: readonly Step[]): Step {
  const there = steps.filter((step) => step.netns === netns && step.stage === stage);
  const device = packet.input ?? packet.output;
  const step = there.find((one) => one.device === device) ?? there[0];
  return step ?? { netns, stage, device, verdict: 'dropped', detail: '', quotes: [] };
}

/** What the rule trace says stopped the request. */
function tracedStop(context: Context, kind: 'drop' | 'reject'): Stop | null {
  const traced = stopOf(context.rules?.request ?? []);
  if (traced === null || (kindOf(traced.reference) ?? kind) !== kind) return null;
  const step = stepAt(traced, context.journey?.steps ?? []);
  const { reference: rule } = traced;
  const kernel = firewallDrop(context);
  const named = { namedBy: 'rule-trace', traced, counted: null } as const;
  return { step, rule, kernel, certainty: 'proven', ...named, candidates: [] };
}

/** The rule trace shows that the rule which the model names let the packets pass, or its counter that it took none. */
function isRefuted(context: Context, records: readonly RuleRecord[] | undefined, { step, rule }: ModelStop): boolean {
  if (increaseOf(context, step.netns, rule)?.packets === 0) return true;
  return records !== undefined && passedTable(records, step.netns, step.stage, rule);
}

/** Where the request ended, by a rule that answers (`reject`) or does not; null where no rule is known to have stopped it. */
export function findStop(context: Context, kind: 'drop' | 'reject'): Stop | null {
  if (kernelDisagrees(context)) return null;
  const traced = tracedStop(context, kind);
  if (traced !== null) return traced;
  const kernel = firewallDrop(context);
  const named = modelStop(context, kind === 'drop' ? 'dropped' : 'rejected');
  const known = named !== null && isRefuted(context, context.rules?.request, named) ? null : named;
  // A packet that was looked up after its last device had passed prerouting.
  const early = kernel !== null && droppedAfterRouting(kernel) && known?.step.stage === 'prerouting';
  if (known !== null && !early) {
    const counted = increaseOf(context, known.step.netns, known.rule);
    const certainty = kernel === null ? 'inferred' : 'proven';
    return { ...known, kernel, certainty, namedBy: 'model', traced: null, counted, candidates: [] };
  }
  return kernel === null ? null : candidateHook(context, kind, kernel);
}

/** Where the answer ended, by the trace or by the model's way back. */
export interface ReplyStop extends ModelStop {
  readonly traced: RuleRecord | null;
  readonly counted: RuleIncrease | null;
  /** The model's way back; null where it has none. */
  readonly back: Journey | null;
  /** The answer, seen where its way begins; null where nobody saw it. */
  readonly seen: EvidenceItem | null;
}

/** The answer where it was seen to set out, or to come in from beyond the host's view. */
function answerSeen(context: Context, back: Journey | null): EvidenceItem | null {
  const frames = serverPackets(context.connection).flatMap((packet) => packet.frames);
  const [first] = back?.steps ?? [];
  for (const step of back?.steps ?? []) {
    const shows = step.stage === 'egress' || step.stage === 'bridge' || (step === first && step.stage === 'ingress');
    const [frame] = shows ? framesAt(context, frames, step) : [];
    if (frame !== undefined) return frameEvidence(context, frame);
  }
  return null;
}

/** Null where nothing says that a rule stopped the answer. */
export function findReplyStop(context: Context): ReplyStop | null {
  const { journey: way, rules, connection } = context;
  const back = answerJourney(context);
  const seen = answerSeen(context, back);
  const traced = stopOf(rules?.reply ?? []);
  if (traced !== null) {
    return { step: stepAt(traced, back?.steps ?? []), rule: traced.reference, traced, counted: null, back, seen };
  }
  const isPredicted = context.wayBack !== null;
  // Silence from beyond the host's view may be anybody's; and of datagrams no answer need have been due.
  const isDue = way?.end.kind === 'leaves-view' ? seen !== null : silenceTells(context);
  if (back === null || back.end.kind === 'returned' || !(isPredicted || isDue)) return null;
  // Whoever acknowledges the answer has it, whatever the model says.
  if (segmentAfterOpening(connection) !== null) return null;
  const named = stopIn(back, ['dropped', 'rejected']);
  if (named === null || isRefuted(context, rules?.reply, named)) return null;
  return { ...named, traced, counted: increaseOf(context, named.step.netns, named.rule), back, seen };
}

/** What quotes the rule and proves that it was this one, beyond what its hop has by the model. */
export function stopEvidence(
  { traced, counted, kernel, candidates }: Stop,
  expected: RuleReference | null,
): EvidenceItem[] {
  return [
    ...(traced === null ? [] : tracedEvidence(traced, expected)),
    ...countedEvidence(counted),
    ...(kernel?.drop ? [kernelEvidence(kernel.drop)] : []),
    ...candidates,
  ];
}

/** The rule with its counter, as it was read at the end. */
export function countedEvidence(counted: RuleIncrease | null): EvidenceItem[] {
  return counted === null ? [] : [{ kind: 'snapshot', ...counted.source }];
}

/** The trace's words, and the rule as the snapshot has it where the model named another. */
export function tracedEvidence(traced: RuleRecord, expected: RuleReference | null): EvidenceItem[] {
  const { reference, netns } = traced;
  const isQuoted = expected !== null && sameRule(expected, reference);
  const isKnown = reference.rule === null || reference.rule.position > 0;
  const quotes: EvidenceItem[] = isQuoted || !isKnown ? [] : [{ kind: 'snapshot', ...quoteRule(netns, reference) }];
  return [...quotes, ruleEvidence(traced)];
}

/** The rule that the model says stops a packet on this way, however it does so. */
export function expectedRule(way: Journey | null): RuleReference | null {
  return stopIn(way, ['dropped', 'rejected'])?.rule ?? null;
}

/** What the model said instead of the traced rule, in a sentence; null where it agrees, or could not tell. */
export function disagreement({ reference, netns, stage }: RuleRecord, way: Journey | null): string | null {
  const expected = expectedRule(way);
  const isUndecided = way === null || way.steps.some((step) => step.verdict === 'unknown');
  if (expected === null && isUndecided) return null;
  if (expected !== null && sameRule(expected, reference)) return null;
  const instead =
    expected === null
      ? `lets the packet pass there (${stage}, ${inNetns(netns)})`
      : `names ${ruleName(expected)} ${inNetns(way?.steps.at(-1)?.netns ?? netns)} instead`;
  return `The model of this host ${instead}: the kernel says otherwise, and is right.`;
}
