/**
 * The firewall's causes. The model names the rule or policy that stops the packet; the kernel's word that its firewall
 * dropped it (NETFILTER_DROP) proves that one did. Where the two disagree no rule is named.
 */

import { resetPacket, wasAnswered } from '../flow/connection.ts';
import { ruleName, stoppingRules } from '../model/hook.ts';
import { replyJourney } from '../model/journey.ts';
import type { RuleReference } from '../model/netfilter/state.ts';
import type { Journey, Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Certainty, EvidenceItem } from './diagnosis.ts';
import type { Cause, Finding } from './finding.ts';
import { acceptFixes, answerFixes } from './firewall-fix.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { type KernelReading, kernelEvidence } from './kernel-reading.ts';
import { askedText, inNetns, netnsText, proofAdvice, serverText } from './words.ts';

const netfilterDrop = 'NETFILTER_DROP';

/** True when the packet's route was looked up between its last device and its drop: it had passed prerouting. */
function droppedAfterRouting(kernel: KernelReading): boolean {
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

/** The hook at which it ended, and the rule where the model knows it. */
interface Stop {
  readonly step: Step;
  readonly rule: RuleReference | null;
  readonly kernel: KernelReading | null;
  readonly certainty: Certainty;
  /** The rules that stand there and can do so, where it is not known which did. */
  readonly candidates: readonly EvidenceItem[];
}

const hookStages: readonly string[] = ['prerouting', 'input', 'forward', 'output', 'postrouting'];

function modelStop({ journey }: Context, verdict: 'dropped' | 'rejected'): { step: Step; rule: RuleReference } | null {
  const step = journey?.steps.at(-1);
  if (step === undefined || step.verdict !== verdict || step.rule === undefined) return null;
  return { step, rule: step.rule };
}

function candidateHook(context: Context, kind: 'drop' | 'reject', kernel: KernelReading): Stop | null {
  const { host, journey, packet } = context;
  const stages: readonly string[] = droppedAfterRouting(kernel) ? ['input', 'forward', 'postrouting'] : ['prerouting'];
  const last = kernel.devices.at(-1)?.event;
  const standing = (journey?.steps ?? []).flatMap((step) => {
    const namespace = host?.namespaces.get(step.netns);
    if (namespace === undefined || !hookStages.includes(step.stage)) return [];
    const rules = stoppingRules(kind, namespace, step.stage, packet.family);
    return rules.length === 0 ? [] : [{ step, rules }];
  });
  const fitting = standing.filter(({ step }) => stages.includes(step.stage));
  const there = fitting.find(({ step }) => last?.kind === 'device' && step.device === last.device);
  const found = there ?? fitting[0] ?? standing[0];
  if (found === undefined) return null;
  const candidates = found.rules.map((rule): EvidenceItem => ({ kind: 'snapshot', ...rule }));
  return { step: found.step, rule: null, kernel, certainty: 'proven', candidates };
}

function findStop(context: Context, kind: 'drop' | 'reject'): Stop | null {
  if (kernelDisagrees(context)) return null;
  const kernel = firewallDrop(context);
  const known = modelStop(context, kind === 'drop' ? 'dropped' : 'rejected');
  // A packet that was looked up after its last device had passed prerouting.
  const early = kernel !== null && droppedAfterRouting(kernel) && known?.step.stage === 'prerouting';
  if (known !== null && !early) {
    return { ...known, kernel, certainty: kernel === null ? 'inferred' : 'proven', candidates: [] };
  }
  return kernel === null ? null : candidateHook(context, kind, kernel);
}

/** A rule for packets of which conntrack knows no connection. */
function takesInvalid({ rule, text }: RuleReference): boolean {
  return rule !== null && /\bct(?:state| state)\b[^;]*\binvalid\b/i.test(text);
}

const invalidText =
  'The rule is one for packets that connection tracking calls invalid: an answer of which it saw no request. That happens where the request went another way than its answer, past this host, or where the entry of the connection is gone.';

/** What each hook judges, for a reader who never heard of one. */
const hooks: Readonly<Record<string, string>> = {
  prerouting: 'which judges every packet that comes in',
  input: 'which judges what is meant for the host itself',
  forward: 'which judges what the host passes on for others',
  output: 'which judges what programs of the host send',
  postrouting: 'which judges every packet that goes out',
};

function hookText({ netns, stage }: Step): string {
  return `the ${stage} hook of ${netnsText(netns)}, ${hooks[stage]}`;
}

/** The rule, and how it is written. */
function ruleText({ rule, step }: Pick<Stop, 'rule' | 'step'>): string {
  if (rule === null) {
    return `By the packet's way it stands in ${hookText(step)}. The rules of that hook which can stop a packet are quoted with the hop; which of them it was, this evidence does not say.`;
  }
  const text = rule.rule === null ? `\`${rule.text}\`` : `\`${rule.text.replaceAll('`', "'")}\``;
  const chain = `It stands in ${hookText(step)}.`;
  return rule.rule === null
    ? `What did so is ${ruleName(rule)}: ${text}. No rule before it let the packet pass. ${chain}`
    : `What did so is ${ruleName(rule)}: ${text}. ${chain}`;
}

function who({ rule, step }: Stop): string {
  return rule === null
    ? `a firewall rule of ${netnsText(step.netns)} (in its ${step.stage} hook)`
    : `${ruleName(rule)} ${inNetns(step.netns)}`;
}

function modelOnly(context: Context): string {
  const isKernelHeard = context.kernel !== null && context.evidence.session?.clock === 'kernel';
  const proof = isKernelHeard
    ? 'the kernel said nothing that could be joined with it'
    : `kernel events would prove it: ${proofAdvice(context)}`;
  return `That is what the rules of the snapshot do to this packet; ${proof}.`;
}

function base({ step, rule, certainty }: Stop): Pick<Finding, 'certainty' | 'where' | 'rule'> {
  const { netns, device, stage } = step;
  return { certainty, where: { netns, device, stage }, ...(rule === null ? {} : { rule }) };
}

const opensFirst =
  'The SYN and its answer get through, so connect() succeeds; the way shown is that of what follows, with which the program says what it wants.';

/** What the rule stopped. */
function packetText({ connection, stopsAfterOpening }: Context): string {
  if (connection.protocol !== 'tcp') return 'packet';
  return stopsAfterOpening ? 'segments after the first one' : 'request (SYN)';
}

/** A rule, or a chain's policy, swallowed the request without a word, or what followed it. */
export const firewallDropped: Cause = (context) => {
  const { connection, stopsAfterOpening } = context;
  const failed = connection.outcome === 'timeout' || connection.errno === 'EPERM';
  if (!failed || (wasAnswered(connection) && !stopsAfterOpening)) return null;
  const stop = findStop(context, 'drop');
  if (stop === null) return null;
  const { kernel, candidates } = stop;
  const heard =
    connection.errno === 'EPERM'
      ? 'The program was told at once that its own host forbids it (EPERM).'
      : 'No answer is sent, so the program waits until it gives up: it looks like a host that is not there.';
  return {
    ...(stop.rule !== null && takesInvalid(stop.rule) ? { cause: 'conntrack-invalid' } : { cause: 'firewall-drop' }),
    ...base(stop),
    verdict: 'dropped',
    detail: stop.rule === null ? 'a firewall rule dropped it, without an answer' : `${ruleName(stop.rule)} dropped it`,
    evidence: [...(kernel?.drop ? [kernelEvidence(kernel.drop)] : []), ...candidates],
    ...(stopsAfterOpening ? { outcome: 'stalled' } : {}),
    summary: `${serverText(context)} ${stopsAfterOpening ? 'accepted the connection and heard nothing more' : 'did not answer'}: ${who(stop)} dropped the ${packetText(context)}.`,
    explanation: [
      askedText(context),
      ...(stopsAfterOpening ? [opensFirst] : []),
      `${kernel === null ? 'A firewall dropped the packet.' : `The kernel dropped the packet in its firewall (${netfilterDrop}).`} ${heard}`,
      ruleText(stop),
      ...(kernel === null ? [modelOnly(context)] : []),
    ],
    fixes: stop.rule === null ? [] : acceptFixes(context, stop.step, stop.rule),
    alternatives: [],
  };
};

/** A rule answered in the server's name, with an RST or an ICMP error. */
export const firewallReject: Cause = (context) => {
  const { connection, journey, stopsAfterOpening } = context;
  const failed = connection.outcome === 'refused' || connection.outcome === 'unreachable' || stopsAfterOpening;
  if (!failed) return null;
  const stop = findStop(context, 'reject');
  if (stop === null) return null;
  const { kernel, candidates } = stop;
  const reset = resetPacket(connection);
  const answer = reset?.frames[0] ?? connection.errors[0]?.frame;
  const expectsReset = journey?.end.kind === 'rejected' && journey.end.reset;
  // An answer of the other kind was made by something else.
  if (stop.rule !== null && answer !== undefined && expectsReset !== (reset !== null)) return null;
  const answerText = reset !== null || (answer === undefined && expectsReset) ? 'a reset (RST)' : 'an ICMP error';
  const { protocol } = connection;
  const noReset = protocol === 'tcp' && context.kernelComplete ? ' no TCP socket of this host sent a reset,' : '';
  const looks = stopsAfterOpening
    ? 'To the program it looks as if the server had hung up, or did not answer.'
    : connection.outcome === 'refused'
      ? 'To the program it looks like a closed port.'
      : 'To the program it looks like a network that cannot be reached.';
  const seemed = stopsAfterOpening
    ? 'accepted the connection and heard nothing more'
    : connection.outcome === 'refused'
      ? 'seemed to refuse'
      : 'could not be reached';
  const proven = `The kernel dropped the packet in its firewall (${netfilterDrop}),${noReset} and ${answerText} came back all the same: a rule made it, in the server's name.`;
  return {
    cause: 'firewall-reject',
    ...base(stop),
    verdict: 'rejected',
    detail:
      stop.rule === null
        ? `a firewall rule answered with ${answerText}`
        : `${ruleName(stop.rule)} answered with ${answerText}`,
    evidence: [
      ...(kernel?.drop ? [kernelEvidence(kernel.drop)] : []),
      ...(answer === undefined ? [] : [frameEvidence(context, answer)]),
      ...candidates,
    ],
    summary: `${serverText(context)} ${seemed}: ${who(stop)} rejected the ${stopsAfterOpening ? packetText(context) : protocol === 'tcp' ? 'connection' : 'packet'} with ${answerText}.`,
    explanation: [
      askedText(context),
      ...(stopsAfterOpening ? [opensFirst] : []),
      `${kernel === null ? `A firewall rule rejected the packet with ${answerText}, in the server's name.` : proven} ${looks}`,
      ruleText(stop),
      ...(kernel === null ? [modelOnly(context)] : []),
    ],
    fixes: stop.rule === null ? [] : acceptFixes(context, stop.step, stop.rule),
    alternatives: [],
  };
};

/** True when the answer was seen where it was sent: the capture point that the model's way back begins at. */
function answerSeen(context: Context, back: Journey): EvidenceItem | null {
  const { connection } = context;
  const frames = connection.packets
    .filter(
      ({ facts }) => facts.source.address !== connection.client.address || facts.source.port !== connection.client.port,
    )
    .flatMap((packet) => packet.frames);
  for (const step of back.steps) {
    const [frame] = step.stage === 'egress' || step.stage === 'bridge' ? framesAt(context, frames, step) : [];
    if (frame !== undefined) return frameEvidence(context, frame);
  }
  return null;
}

/** The request arrived and was answered, and a rule on the way back swallowed the answer. */
export const replyDropped: Cause = (context) => {
  const { connection, host, journey: way } = context;
  if (host === null || way?.end.kind !== 'accepted' || connection.outcome !== 'timeout') return null;
  const back = replyJourney(host, way);
  const step = back?.steps.at(-1);
  if (back === null || step?.rule === undefined || back.end.kind === 'returned') return null;
  if (step.verdict !== 'dropped' && step.verdict !== 'rejected') return null;
  const seen = answerSeen(context, back);
  const { netns, device, stage } = step;
  return {
    ...(takesInvalid(step.rule) ? { cause: 'conntrack-invalid' } : { cause: 'firewall-drop-reply' }),
    certainty: seen === null ? 'inferred' : 'observed',
    where: { netns, device, stage },
    rule: step.rule,
    direction: 'reply',
    verdict: step.verdict,
    detail: `${ruleName(step.rule)} dropped the answer`,
    evidence: [
      ...(seen === null ? [] : [seen]),
      ...step.quotes.map((quote): EvidenceItem => ({ kind: 'snapshot', ...quote })),
    ],
    summary: `${serverText(context)} answered, and the answer did not come through: ${ruleName(step.rule)} ${inNetns(netns)} dropped it.`,
    explanation: [
      askedText(context),
      takesInvalid(step.rule)
        ? `The request arrives, and a socket takes it. Its answer comes by ${netnsText(netns)}, and ends there. ${invalidText}`
        : 'The rules let the request pass, and a socket takes it. The answer comes back the other way and is judged as well: a rule that lets requests pass does not let their answers pass by itself. That is what a rule for established connections is for.',
      ruleText({ rule: step.rule, step }),
    ],
    fixes: takesInvalid(step.rule) ? [] : answerFixes(context, step, step.rule),
    alternatives: [],
  };
};
