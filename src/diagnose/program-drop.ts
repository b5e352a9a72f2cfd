/** A program that was loaded into the kernel (eBPF, traffic control) dropped the packet: the kernel alone knows, and says so. */

import { requestPacket, wasAnswered } from '../flow/connection.ts';
import type { Step } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Fix, Stage } from './diagnosis.ts';
import type { Cause } from './finding.ts';
import { framesAt } from './hops.ts';
import { kernelEvidence } from './kernel-reading.ts';
import { commandsOf } from './what-if.ts';
import { askedText, inNetns, netnsText, serverText } from './words.ts';

/** What one of the kernel's reasons means (include/net/dropreason-core.h). */
interface Meaning {
  /** Where the program is asked. */
  readonly stage: Extract<Stage, 'ingress' | 'egress' | 'output' | 'socket'>;
  readonly what: string;
  /** The command that lists such programs. */
  readonly listing: (device: string) => readonly string[];
}

const meanings = new Map<string, Meaning>([
  [
    'XDP',
    { stage: 'ingress', what: 'an XDP program', listing: (device) => ['ip', '-d', 'link', 'show', 'dev', device] },
  ],
  [
    'TC_INGRESS',
    {
      stage: 'ingress',
      what: 'a filter of traffic control (tc)',
      listing: (device) => ['tc', 'filter', 'show', 'dev', device, 'ingress'],
    },
  ],
  [
    'TC_EGRESS',
    {
      stage: 'egress',
      what: 'a filter of traffic control (tc)',
      listing: (device) => ['tc', 'filter', 'show', 'dev', device, 'egress'],
    },
  ],
  [
    'BPF_CGROUP_EGRESS',
    { stage: 'output', what: "a program of the sender's control group", listing: () => ['bpftool', 'cgroup', 'tree'] },
  ],
  [
    'SOCKET_FILTER',
    {
      stage: 'socket',
      what: "a filter of the receiving socket, of the receiver's control group or of a security module",
      listing: () => ['bpftool', 'cgroup', 'tree'],
    },
  ],
]);

const comesIn = ({ stage }: Step): boolean => stage === 'ingress' || stage === 'bridge';

/**
 * The device's step at which such a program may have dropped it: behind where the packet was last seen, and before where it
 * was looked for in vain. Frames are captured before a program is asked that sees what comes in, and behind one that sees
 * what leaves. Of several, the one at whose device the snapshot shows a program; null where that does not tell.
 */
function deviceStep(context: Context, stage: 'ingress' | 'egress'): Step | null {
  const { journey, connection, evidence } = context;
  const steps = journey?.steps ?? [];
  const frames = requestPacket(connection)?.frames ?? [];
  const isOfDevice = (step: Step): boolean => comesIn(step) || step.stage === 'egress';
  const isLookedAt = ({ netns, device }: Step): boolean =>
    evidence.interfaces.some((point) => point.netns === netns && point.device === device);
  const reached = steps.findLastIndex((step) => isOfDevice(step) && framesAt(context, frames, step).length > 0);
  const candidates: Step[] = [];
  for (const [at, step] of steps.entries()) {
    if (at < reached) continue;
    const isMissed = at > reached && isOfDevice(step) && isLookedAt(step);
    const isAsked = stage === 'egress' ? at > reached && step.stage === 'egress' : comesIn(step) && !isMissed;
    if (isAsked) candidates.push(step);
    if (isMissed) break;
  }
  const known = candidates.filter(({ asksProgram }) => asksProgram === true);
  const [only = null, ...others] = known.length > 0 ? known : candidates;
  return others.length === 0 ? only : null;
}

/** The step at which such a program is asked; null where the model has none, or it is not known which of several. */
function placeOf(context: Context, { stage }: Meaning): Step | null {
  const steps = context.journey?.steps ?? [];
  if (stage === 'ingress' || stage === 'egress') return deviceStep(context, stage);
  if (stage === 'output') return steps.find((step) => step.stage === 'route') ?? null;
  return steps.findLast((step) => step.stage === 'socket') ?? null;
}

function listingFix({ listing }: Meaning, netns: string, device: string): Fix {
  return {
    summary: 'Find out what is attached there, and by whom; what it lets pass is in its own settings. This lists it.',
    commands: commandsOf(listing(device)),
    netns,
    verified: false,
    onlyShows: true,
  };
}

/** See the file's head. */
export const programDropped: Cause = (context) => {
  const { connection, kernel } = context;
  const drop = kernel?.drop ?? null;
  const reason = drop?.event.kind === 'drop' ? drop.event.reason : null;
  const meaning = meanings.get(reason ?? '');
  const failed = connection.outcome === 'timeout' || connection.outcome === 'unreachable';
  if (drop === null || reason === null || meaning === undefined || !failed || wasAnswered(connection)) return null;
  const step = placeOf(context, meaning);
  if (step === null) return null;
  const { netns, device } = step;
  const way = meaning.stage === 'egress' ? 'was to leave' : 'came in';
  const isOfDevice = meaning.stage === 'ingress' || meaning.stage === 'egress';
  const place = isOfDevice ? `${netnsText(netns)}, where it ${way} by ${device}` : netnsText(netns);
  const detail = `${meaning.what} dropped it`;
  return {
    cause: 'bpf-drop',
    certainty: 'proven',
    where: { netns, device, stage: step.stage },
    verdict: 'dropped',
    detail,
    evidence: [kernelEvidence(drop)],
    summary: `${serverText(context)} did not answer: ${meaning.what} ${inNetns(netns)} dropped the request.`,
    explanation: [
      askedText(context, step),
      `The kernel says why it dropped the packet: ${reason}. That is ${meaning.what} of ${place}. Network plugins (Cilium, Calico), protection against attacks and limits of a service manager load such programs. They are asked beside the firewall: no rule of nftables or iptables shows them.`,
    ],
    fixes: [listingFix(meaning, netns, device ?? '')],
    alternatives: [],
  };
};
