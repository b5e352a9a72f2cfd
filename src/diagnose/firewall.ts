/** The firewall's causes: what is said of a packet that a rule or a policy stopped (`firewall-stop.ts` finds it). */

import { resetPacket, wasAnswered } from '../flow/connection.ts';
import type { RuleIncrease } from '../host/state.ts';
import { formatEndpoint } from '../inet/address.ts';
import { ruleName } from '../model/hook.ts';
import type { RuleReference } from '../model/netfilter/state.ts';
import type { ModelPacket, Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Fix } from './diagnosis.ts';
import { answerSeenIn } from './end-at.ts';
import type { Cause, Finding } from './finding.ts';
import { acceptFixes, answerFixes } from './firewall-fix.ts';
import {
  countedEvidence,
  disagreement,
  expectedRule,
  findReplyStop,
  findStop,
  netfilterDrop,
  type ReplyStop,
  type Stop,
  stopEvidence,
  tracedEvidence,
} from './firewall-stop.ts';
import { frameEvidence } from './hops.ts';
import { errnoSentence } from './met-errno.ts';
import { sameRule, stopOf } from './rule-trace.ts';
import { answeredUnheard, askedText, inNetns, netnsText, proofAdvice, serverText, unheardText } from './words.ts';

/** A rule's match of connection states, as either tool writes it: the negation, and the list, set or verdict map. */
const statePattern = /(! )?--(?:ct)?state (\S+)|\bct state (!= )?(?:vmap )?(\{[^}]*\}|\S+)/;
/** States that no packet of a known connection has; the others a rule must not ask for beside them. */
const unknownStates: ReadonlySet<string> = new Set(['invalid', 'untracked']);

/** A rule for packets of which conntrack knows no connection, and for no others. */
export function takesInvalid({ rule, text }: RuleReference): boolean {
  const [, not, list, notOf, set] = (rule === null ? null : statePattern.exec(text)) ?? [];
  if (not !== undefined || notOf !== undefined) return false;
  const entries = (list ?? set ?? '').toLowerCase().replaceAll(/[{}]/g, '').split(',');
  // Of a verdict map those that it lets pass are not what it stopped.
  const stopped = entries.filter((entry) => !/:\s*(?:accept|continue|return)\b/.test(entry));
  const states = stopped.map((entry) => entry.split(':')[0]?.trim() ?? '');
  return states.includes('invalid') && states.every((state) => unknownStates.has(state));
}

const invalidText =
  'The rule is one for packets that connection tracking calls invalid: an answer of which it saw no request. That happens where the request went another way than its answer, past this host, or where the entry of the connection is gone.';

/** What each hook judges, for a reader who never heard of one. */
const hooks: Readonly<Record<string, string>> = {
  bridge: 'which judges what crosses a bridge',
  ingress: 'which judges every frame that comes in by a device',
  egress: 'which judges every frame that goes out by a device',
  prerouting: 'which judges every packet that comes in',
  input: 'which judges what is meant for the host itself',
  forward: 'which judges what the host passes on for others',
  output: 'which judges what programs of the host send',
  postrouting: 'which judges every packet that goes out',
};

const comings: readonly Step['stage'][] = ['bridge', 'ingress', 'egress', 'route'];

/** True where rules of IP judge a packet that only crosses a bridge of their host. */
function isBridged(step: Step, steps: readonly Step[]): boolean {
  const before = steps.slice(0, Math.max(steps.indexOf(step), 0)).findLast(({ stage }) => comings.includes(stage));
  return before?.stage === 'bridge' && before.netns === step.netns && step.stage !== 'bridge';
}

function hookText(step: Step, steps: readonly Step[]): string {
  const { netns, stage, device } = step;
  const bridged = isBridged(step, steps)
    ? `; and what crosses its bridge ${device} as well, since br_netfilter shows that to these rules there (the setting net.bridge.bridge-nf-call-iptables, for IPv6 net.bridge.bridge-nf-call-ip6tables)`
    : '';
  return `the ${stage} hook of ${netnsText(netns)}, ${hooks[stage]}${bridged}`;
}

/** How the kernel's rule trace names it: by what `nft -a list ruleset` shows of it. */
function handleText({ rule }: RuleReference): string {
  const handle = rule?.handle ?? null;
  const counter = rule?.counter ?? null;
  const stood = counter === null ? '' : `; its counter stood at ${counter.packets} when the snapshot was taken`;
  return handle === null
    ? "The kernel's rule trace names it."
    : `The kernel's rule trace names it, by its handle ${handle}${stood}.`;
}

function countedText({ packets }: RuleIncrease): string {
  return `Its counter rose by ${packets} ${packets === 1 ? 'packet' : 'packets'} meanwhile.`;
}

/** The rule, and how it is written. */
function ruleText(
  { rule, step, traced, counted }: Pick<Stop, 'rule' | 'step' | 'traced' | 'counted'>,
  steps: readonly Step[] = [],
): string {
  if (rule === null) {
    return `By the packet's way it stands in ${hookText(step, steps)}. The rules of that hook which can stop a packet are quoted with the hop; which of them it was, this evidence does not say.`;
  }
  const text = rule.rule === null ? `\`${rule.text}\`` : `\`${rule.text.replaceAll('`', "'")}\``;
  const chain = `It stands in ${hookText(step, steps)}.`;
  const heard = [traced === null ? [] : handleText(rule), counted === null ? [] : countedText(counted), chain];
  const told = heard.flat().join(' ');
  return rule.rule === null
    ? `What did so is ${ruleName(rule)}: ${text}. No rule before it let the packet pass. ${told}`
    : `What did so is ${ruleName(rule)}: ${text}. ${told}`;
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

/** What the model said instead of the rule that the kernel named, or that the model alone named it. */
function doubts(context: Context, { traced, kernel }: Stop): string[] {
  const told = traced === null ? null : disagreement(traced, context.journey);
  return [...(told === null ? [] : [told]), ...(traced === null && kernel === null ? [modelOnly(context)] : [])];
}

function base({ step, rule, certainty, namedBy }: Stop): Pick<Finding, 'certainty' | 'where' | 'rule' | 'namedBy'> {
  const { netns, device, stage } = step;
  const named = rule === null ? {} : { rule, namedBy };
  return { certainty, where: { netns, device, stage }, ...named };
}

/** What proves that a firewall did it. */
function proofText({ kernel, traced }: Stop): string {
  if (kernel !== null) return `The kernel dropped the packet in its firewall (${netfilterDrop}).`;
  return traced === null
    ? 'A firewall dropped the packet.'
    : 'The kernel traced the packet through its rules, which dropped it.';
}

/** The packet as the rule saw it: as it was traced, else with what NAT had made of it by then. */
function packetAt({ journey, packet }: Context, { step, traced }: Stop): ModelPacket {
  const { steps = [], forms = [packet] } = journey ?? {};
  const translations = steps
    .slice(0, Math.max(steps.indexOf(step), 0))
    .filter(({ verdict }) => verdict === 'translated');
  const form = forms[Math.min(translations.length, forms.length - 1)] ?? packet;
  if (traced === null) return form;
  const { source, destination } = traced.event.packet;
  return { ...form, source: source.address, destination: destination.address, destinationPort: destination.port };
}

/** Rules that let the packet pass there; the model that tries them has to know what stops it without them. */
function fixesOf(context: Context, stop: Stop): Fix[] {
  const { step, rule, traced } = stop;
  if (rule === null) return [];
  const expected = expectedRule(context.journey);
  const isTried = traced === null || (expected !== null && sameRule(expected, rule));
  return acceptFixes(context, step, rule, packetAt(context, stop)).map((fix) => ({
    ...fix,
    verified: fix.verified && isTried,
  }));
}

const opensFirst =
  'The SYN and its answer get through, so connect() succeeds; the way shown is that of what follows, with which the program says what it wants.';

/** What the rule stopped. */
function packetText(context: Context, { carrier }: Step): string {
  const { connection, stopsAfterOpening } = context;
  const asking = lostInAsking(context);
  const inner =
    asking !== null
      ? { question: 'question for a neighbour', answer: 'answer to the question for a neighbour' }[asking]
      : connection.protocol !== 'tcp'
        ? 'packet'
        : stopsAfterOpening
          ? 'segments after the first one'
          : 'request (SYN)';
  return carrier === undefined ? inner : `packet of VXLAN ${carrier.network} that carried the ${inner}`;
}

/** What of a tunnel's packet was stopped. */
function carrierText({ carrier }: Step): string[] {
  if (carrier === undefined) return [];
  const { source, destination, destinationPort } = carrier.packet;
  return [
    `On this stretch it is inside another packet: one in UDP from ${source} to ${formatEndpoint(destination, destinationPort)}, which carries VXLAN network ${carrier.network}. It is that packet that the rule judged. Its sender is a tunnel's device, so no program hears of it.`,
  ];
}

/** The packet never set out: who has the next hop was asked for in a tunnel, and the question or its answer was lost there. */
function lostInAsking({ connection, journey }: Context): 'question' | 'answer' | null {
  const carries = journey?.steps.at(-1)?.carrier?.carries ?? 'packet';
  return connection.errno === 'EHOSTUNREACH' && carries !== 'packet' ? carries : null;
}

/** A rule, or a chain's policy, swallowed the request without a word, or what followed it. */
export const firewallDropped: Cause = (context) => {
  const { connection, stopsAfterOpening } = context;
  const asking = lostInAsking(context);
  const failed = connection.outcome === 'timeout' || connection.errno === 'EPERM' || asking !== null;
  if (!failed || (wasAnswered(connection) && !stopsAfterOpening)) return null;
  const stop = findStop(context, 'drop');
  if (stop === null) return null;
  const question = `Before it sends the request, its host asks who has the address of the next stretch (${connection.family === 6 ? 'Neighbour Discovery' : 'ARP'}). ${asking === 'answer' ? 'That was heard, and the answer did not come back' : 'Nobody heard that, so nobody answered'}.${errnoSentence(context)}`;
  const heard =
    asking !== null
      ? question
      : connection.errno === 'EPERM'
        ? 'The program was told at once that its own host forbids it (EPERM).'
        : 'No answer is sent, so the program waits until it gives up: it looks like a host that is not there.';
  return {
    ...(stop.rule !== null && takesInvalid(stop.rule) ? { cause: 'conntrack-invalid' } : { cause: 'firewall-drop' }),
    ...base(stop),
    verdict: 'dropped',
    detail: stop.rule === null ? 'a firewall rule dropped it, without an answer' : `${ruleName(stop.rule)} dropped it`,
    evidence: stopEvidence(stop, expectedRule(context.journey)),
    ...(stopsAfterOpening ? { outcome: 'stalled' } : {}),
    summary: `${serverText(context)} ${stopsAfterOpening ? 'accepted the connection and heard nothing more' : asking !== null ? 'could not be reached' : 'did not answer'}: ${who(stop)} dropped the ${packetText(context, stop.step)}.`,
    explanation: [
      askedText(context, stop.step),
      ...(stopsAfterOpening ? [opensFirst] : []),
      ...carrierText(stop.step),
      `${proofText(stop)} ${heard}`,
      ruleText(stop, context.journey?.steps),
      ...doubts(context, stop),
    ],
    fixes: fixesOf(context, stop),
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
  const { kernel, traced } = stop;
  const reset = resetPacket(connection);
  const answer = reset?.frames[0] ?? connection.errors[0]?.frame;
  const expectsReset = journey?.end.kind === 'rejected' && journey.end.reset;
  // An answer of the other kind was made by something else.
  const isModels = stop.rule !== null && traced === null;
  if (isModels && answer !== undefined && expectsReset !== (reset !== null)) return null;
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
      ...stopEvidence(stop, expectedRule(context.journey)),
      ...(answer === undefined ? [] : [frameEvidence(context, answer)]),
    ],
    summary: `${serverText(context)} ${seemed}: ${who(stop)} rejected the ${stopsAfterOpening ? packetText(context, stop.step) : protocol === 'tcp' ? 'connection' : 'packet'} with ${answerText}.`,
    explanation: [
      askedText(context, stop.step),
      ...(stopsAfterOpening ? [opensFirst] : []),
      `${kernel === null ? `A firewall rule rejected the packet with ${answerText}, in the server's name.` : proven} ${looks}`,
      ruleText(stop, context.journey?.steps),
      ...doubts(context, stop),
    ],
    fixes: fixesOf(context, stop),
    alternatives: [],
  };
};

/** Where a request came to whose answer is told of. */
function requestText({ journey, connection }: Context): string {
  if (journey?.end.kind !== 'leaves-view') return 'The rules let the request pass, and a socket takes it.';
  const answered = wasAnswered(connection) ? ' and was answered' : '';
  return `The rules let the request pass. It left what is known of this host,${answered} beyond it.`;
}

/** True when frames show that the answer was made and not heard: behind a client's own device no frame shows a datagram. */
function isSeenLost(context: Context, { seen }: ReplyStop): boolean {
  return seen !== null && (context.connection.protocol === 'tcp' || !answerSeenIn(context, context.clientNetns));
}

/** The request arrived and was answered, and a rule on the way back swallowed the answer. */
export const replyDropped: Cause = (context) => {
  if (context.connection.outcome !== 'timeout') return null;
  const stop = findReplyStop(context);
  if (stop === null) return null;
  const { step, rule, traced, counted, back, seen } = stop;
  const { netns, device, stage } = step;
  const told = traced === null ? null : disagreement(traced, back);
  return {
    ...(takesInvalid(rule) ? { cause: 'conntrack-invalid' } : { cause: 'firewall-drop-reply' }),
    certainty: traced !== null ? 'proven' : isSeenLost(context, stop) ? 'observed' : 'inferred',
    where: { netns, device, stage },
    rule,
    namedBy: traced === null ? 'model' : 'rule-trace',
    direction: 'reply',
    verdict: traced === null ? step.verdict : 'dropped',
    detail: `${ruleName(rule)} dropped the answer`,
    evidence: [
      ...(seen === null ? [] : [seen]),
      ...(traced === null ? [] : tracedEvidence(traced, expectedRule(back))),
      ...countedEvidence(counted),
    ],
    summary: `${serverText(context)} ${seen === null && traced === null ? unheardText(context) : answeredUnheard}: ${ruleName(rule)} ${inNetns(netns)} dropped ${step.carrier === undefined ? 'it' : `the packet of VXLAN ${step.carrier.network} that carried it`}.`,
    explanation: [
      askedText(context),
      ...carrierText(step),
      takesInvalid(rule)
        ? `${requestText(context)} The answer comes by ${netnsText(netns)}, and ends there. ${invalidText}`
        : `${requestText(context)} The answer comes back the other way and is judged as well: a rule that lets requests pass does not let their answers pass by itself. That is what a rule for established connections is for.`,
      ruleText(stop, back?.steps),
      ...(told === null ? [] : [told]),
    ],
    fixes: takesInvalid(rule) ? [] : answerFixes(context, step, rule),
    alternatives: [],
  };
};

/** What the rule trace says of a packet goes before everything that the model, or silence, says of it. */
export const ruleTraced: Cause = (context) => {
  const { request = [], reply = [] } = context.rules ?? {};
  if (stopOf(request) === null && stopOf(reply) === null) return null;
  return firewallReject(context) ?? firewallDropped(context) ?? replyDropped(context);
};
