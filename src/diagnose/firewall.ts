/** The firewall's causes. Which rule it was is not told: the hook is, and the rules that stand there. */

import { resetPacket, wasAnswered } from '../flow/connection.ts';
import { mayDo } from '../model/firewall.ts';
import type { Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Cause } from './finding.ts';
import { frameEvidence } from './hops.ts';
import { type KernelReading, kernelEvidence } from './kernel-reading.ts';
import { askedText, inNetns, netnsText, proofAdvice, serverText } from './words.ts';

const netfilterDrop = 'NETFILTER_DROP';

/** The hooks on the way at which a rule may drop or reject. */
function stepsThat(act: 'mayDrop' | 'mayReject', context: Context): Step[] {
  const { host, journey, packet } = context;
  return (journey?.steps ?? []).filter((step) => {
    const namespace = host?.namespaces.get(step.netns);
    return namespace !== undefined && mayDo(act, namespace, step.stage, packet.family);
  });
}

/** True when the packet's route was looked up between its last device and its drop: it had passed prerouting. */
function droppedAfterRouting(kernel: KernelReading): boolean {
  const { drop, devices, routes } = kernel;
  const last = devices.at(-1)?.source.timeNs;
  if (drop === null || last === undefined) return false;
  return routes.some(({ source }) => source.timeNs >= last && source.timeNs <= drop.source.timeNs);
}

/** The kernel's word that a firewall swallowed the request, when no socket of this host answered it. */
function firewallDrop(context: Context): KernelReading | null {
  const { kernel } = context;
  if (kernel === null || kernel.resetSent !== null || kernel.drop?.event.kind !== 'drop') return null;
  return kernel.drop.event.reason === netfilterDrop ? kernel : null;
}

function findHook(candidates: readonly Step[], kernel: KernelReading | null): Step | null {
  if (kernel === null) return candidates[0] ?? null;
  const stages: readonly string[] = droppedAfterRouting(kernel) ? ['input', 'forward'] : ['prerouting'];
  const fitting = candidates.filter(({ stage }) => stages.includes(stage));
  const last = kernel.devices.at(-1)?.event;
  const there = fitting.find(({ device }) => last?.kind === 'device' && device === last.device);
  return there ?? fitting[0] ?? candidates[0] ?? null;
}

/** What each hook judges, for a reader who never heard of one. */
const hooks: Readonly<Record<string, string>> = {
  prerouting: 'which judges every packet that comes in',
  input: 'which judges what is meant for the host itself',
  forward: 'which judges what the host passes on for others',
  output: 'which judges what programs of the host send',
  postrouting: 'which judges every packet that goes out',
};

const whichRule =
  'The rules of that hook which can stop a packet are quoted with the hop; which of them it was, this evidence does not say.';

/** A rule, or a chain's policy, swallowed the request without a word. */
export const firewallDropped: Cause = (context) => {
  const { connection } = context;
  const kernel = firewallDrop(context);
  if (connection.outcome !== 'timeout' || wasAnswered(connection) || kernel?.drop === null) return null;
  const hook = findHook(stepsThat('mayDrop', context), kernel);
  if (kernel === null || hook === null) return null;
  return {
    cause: 'firewall-drop',
    certainty: 'proven',
    where: { netns: hook.netns, device: hook.device, stage: hook.stage },
    verdict: 'dropped',
    detail: 'a firewall rule dropped it, without an answer',
    evidence: [kernelEvidence(kernel.drop)],
    summary: `${serverText(context)} did not answer: a firewall rule of ${netnsText(hook.netns)} (in its ${hook.stage} hook) dropped the ${connection.protocol === 'tcp' ? 'request (SYN)' : 'packet'}.`,
    explanation: [
      askedText(context),
      `The kernel dropped the packet in its firewall (${netfilterDrop}) and sent no answer, so the program waits until it gives up: it looks like a host that is not there. By the packet's way, the rule stands in the ${hook.stage} hook of ${netnsText(hook.netns)}, ${hooks[hook.stage]}.`,
      whichRule,
    ],
    fixes: [],
    alternatives: [],
  };
};

/** A rule answered in the server's name, with an RST or an ICMP error. */
export const firewallReject: Cause = (context) => {
  const { connection, journey } = context;
  if (connection.outcome !== 'refused' && connection.outcome !== 'unreachable') return null;
  const kernel = firewallDrop(context);
  const hook = findHook(stepsThat('mayReject', context), kernel);
  if (hook === null) return null;
  // Without the kernel's word only a rejecting rule explains a refusal by a port that has a listener.
  if (kernel === null && journey?.end.kind !== 'accepted') return null;
  const reset = resetPacket(connection);
  const answer = reset?.frames[0] ?? connection.errors[0]?.frame;
  const answerText = reset === null ? 'an ICMP error' : 'a reset (RST)';
  const { protocol } = connection;
  const listens = journey?.end.kind === 'accepted' ? ', although a socket there would take it' : '';
  const drop = kernel?.drop ?? null;
  const noReset = protocol === 'tcp' && context.kernelComplete ? ' no TCP socket of this host sent a reset,' : '';
  const refused = connection.outcome === 'refused';
  return {
    cause: 'firewall-reject',
    certainty: kernel === null ? 'inferred' : 'proven',
    where: { netns: hook.netns, device: hook.device, stage: hook.stage },
    verdict: 'rejected',
    detail: `a firewall rule answered with ${answerText}`,
    evidence: [
      ...(drop === null ? [] : [kernelEvidence(drop)]),
      ...(answer === undefined ? [] : [frameEvidence(context, answer)]),
    ],
    summary: `A firewall rule of ${netnsText(hook.netns)} (in its ${hook.stage} hook) rejected the ${protocol === 'tcp' ? 'connection' : 'packet'} to ${serverText(context)} with ${answerText}${listens}.`,
    explanation: [
      askedText(context),
      kernel === null
        ? `It was refused, and yet a socket listens for exactly this. What can refuse in its place is a firewall rule that rejects, and such rules stand in the ${hook.stage} hook of ${netnsText(hook.netns)}, ${hooks[hook.stage]}. Kernel events would prove it: ${proofAdvice(context)}.`
        : `The kernel dropped the packet in its firewall (${netfilterDrop}),${noReset} and ${answerText} came back all the same: a rule made it, in the server's name. ${refused ? 'To the program it looks like a closed port.' : 'To the program it looks like a network that cannot be reached.'} By the packet's way, the rule stands in the ${hook.stage} hook of ${netnsText(hook.netns)}, ${hooks[hook.stage]}.`,
      whichRule,
    ],
    fixes: [],
    alternatives:
      kernel === null
        ? [
            {
              cause: 'no-listener',
              tellApart: `${inNetns(journey?.steps.at(-1)?.netns ?? hook.netns)}, at the time of the request: ss -${protocol === 'tcp' ? 't' : 'u'}ln 'sport = :${connection.server.port}'`,
            },
          ]
        : [],
  };
};
