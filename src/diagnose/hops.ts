/** The journey as hops: each of the model's steps with the frames, state and kernel events that support it. */

import type { Frame } from '../case/evidence.ts';
import { answerPacket, refusalFrames, requestPacket, wasAnswered } from '../flow/connection.ts';
import type { Packet } from '../flow/packet.ts';
import type { Quote } from '../host/state.ts';
import type { Step } from '../model/step.ts';
import { dissect } from '../wire/dissect.ts';
import { summarize } from '../wire/summary.ts';
import { type Context, kernelFoundNoSocket } from './context.ts';
import type { EvidenceItem, Hop } from './diagnosis.ts';
import { type KernelRecord, kernelEvidence } from './kernel-reading.ts';
import { type RuleRecord, ruleEvidence } from './rule-trace.ts';
import { formatTime } from './time.ts';

/** Quotes a frame as evidence: what it says and where it was seen. */
export function frameEvidence(context: Context, frame: Frame): EvidenceItem {
  const point = context.evidence.interfaces[frame.interfaceIndex];
  const place = point === undefined ? '' : `${point.netns === null ? '' : `${point.netns}:`}${point.device}`;
  const info = summarize(dissect(frame.bytes, point?.linkType ?? 1, frame.originalLength));
  return { kind: 'frame', frame: frame.number, text: place === '' ? info : `${info} (seen at ${place})` };
}

/** Quotes state as evidence. */
export function snapshotEvidence({ netns, command, text }: Quote): EvidenceItem {
  return { kind: 'snapshot', netns, command, text };
}

/** Those of the frames that were seen at a device. */
export function framesAt(context: Context, frames: readonly Frame[], step: Pick<Step, 'netns' | 'device'>): Frame[] {
  return frames.filter((frame) => {
    const point = context.evidence.interfaces[frame.interfaceIndex];
    return point?.netns === step.netns && point.device === step.device;
  });
}

const deviceStages: readonly Step['stage'][] = ['egress', 'ingress', 'bridge'];

/**
 * The kernel's device events have no namespace: those of a name that the journey meets twice (two containers' `eth0`)
 * support neither.
 */
function deviceRecords(context: Context, step: Step): KernelRecord[] {
  const steps = context.journey?.steps ?? [];
  const places = new Set(
    steps
      .filter(({ stage, device }) => deviceStages.includes(stage) && device === step.device)
      .map(({ netns }) => netns),
  );
  if (places.size > 1) return [];
  const wanted = step.stage === 'egress' ? 'transmit' : 'receive';
  return (context.kernel?.devices ?? []).filter(
    ({ event }) => event.kind === 'device' && event.device === step.device && event.direction === wanted,
  );
}

/** The look-ups of the request's destination whose answer fits the step: the sender's, or a receiver's. */
function routeRecords(context: Context, step: Step, sending: boolean): KernelRecord[] {
  const { client, server } = context.connection;
  return (context.kernel?.routes ?? [])
    .filter(({ event }) => {
      if (event.kind !== 'route' || event.destination.address !== server.address) return false;
      if (event.error !== 0) return step.verdict === 'failed';
      if (event.source.address !== client.address || event.device !== step.device) return false;
      return sending ? event.source.port === client.port : event.source.port === 0 && event.protocol === 0;
    })
    .slice(-1);
}

/** The rules of NAT that the kernel traced the request to, at a step. */
function natRecords({ rules }: Context, { netns, stage }: Step): RuleRecord[] {
  return (rules?.request ?? [])
    .filter((record) => record.isNat && record.netns === netns && record.stage === stage)
    .filter(({ event }) => event.handle !== null && event.verdict === 'accept')
    .slice(0, 1);
}

/** The frames of a packet that show it at a step: those of the step's device, where it is about one. */
function framesOfStep(context: Context, packet: Packet | null, step: Step): Frame[] {
  return packet !== null && deviceStages.includes(step.stage) ? framesAt(context, packet.frames, step) : [];
}

/** When the first of a step's frames was stamped, by a clock that tells one hop from the next. */
function timeOf(context: Context, [first]: readonly Frame[]): string | null {
  return first === undefined || context.evidence.session?.clock !== 'kernel' ? null : formatTime(first.timeNs);
}

function evidenceOf(context: Context, step: Step, position: number, seen: readonly Frame[]): EvidenceItem[] {
  const { connection } = context;
  const items: EvidenceItem[] = [];
  if (deviceStages.includes(step.stage)) {
    items.push(...deviceRecords(context, step).map(kernelEvidence));
    items.push(...seen.map((frame) => frameEvidence(context, frame)));
  }
  if (step.stage === 'route') items.push(...routeRecords(context, step, position === 0).map(kernelEvidence));
  if (step.verdict === 'translated') items.push(...natRecords(context, step).map(ruleEvidence));
  if (step.stage === 'socket') {
    const { resetSent = null, drop = null } = context.kernel ?? {};
    items.push(...[resetSent, drop].filter((record) => record !== null).map(kernelEvidence));
  }
  items.push(...step.quotes.map(snapshotEvidence));
  if (step.stage === 'socket' && step.verdict === 'refused') {
    const answers = refusalFrames(connection);
    const first = framesAt(context, answers, step)[0] ?? answers[0];
    if (first !== undefined) items.push(frameEvidence(context, first));
  }
  return items;
}

/** How far the evidence, not the model, says that the packet came: the last step that it had reached; -1 for none. */
export function lastReached(context: Context, steps: readonly Step[]): number {
  const { connection } = context;
  const { end } = context.journey ?? {};
  const refusedByKernel = end?.kind === 'refused' && kernelFoundNoSocket(context);
  const taken = end?.kind === 'accepted' && wasAnswered(connection);
  if (refusedByKernel || taken) return steps.length - 1;
  const frames = requestPacket(connection)?.frames ?? [];
  // A packet that never was has passed no device: the route is looked up before it is made.
  if (connection.frames.length === 0) return steps.findIndex(({ stage }) => stage === 'route');
  return steps.findLastIndex((step) => deviceStages.includes(step.stage) && framesAt(context, frames, step).length > 0);
}

const stops: readonly Step['verdict'][] = ['refused', 'dropped', 'rejected', 'failed'];

/** What becomes of the packet at a step, and why: the evidence first, then the model. */
function judge(context: Context, step: Step, position: number, reached: number): Pick<Hop, 'verdict' | 'detail'> {
  const { verdict, detail, quotes } = step;
  if (stops.includes(verdict) && wasAnswered(context.connection) && !context.stopsAfterOpening) {
    if (context.journey?.mayBeRedirected === true) {
      return {
        verdict: 'unknown',
        detail: 'the server answered: rules on the way may have sent it elsewhere than here',
      };
    }
    const told = `the server answered, and the model of this host did not expect it: ${detail}`;
    return { verdict: verdict === 'refused' ? 'delivered' : 'unknown', detail: told };
  }
  if (verdict === 'unknown' && position < reached) {
    if (deviceStages.includes(step.stage)) return { verdict: 'passed', detail: `${detail}; it was seen further on` };
    const rules = quotes.length > 0 ? 'rules stand here' : detail;
    return { verdict: 'passed', detail: `${rules}, and the packet was seen behind them` };
  }
  const steps = context.journey?.steps ?? [];
  const undecided = steps.findIndex((one, at) => one.verdict === 'unknown' && at >= reached);
  if (undecided < 0 || position <= undecided) return { verdict, detail };
  return { verdict: 'unknown', detail: `if it comes this far: ${detail}` };
}

/**
 * The hops of the request's journey. What the model could not decide, or decided wrongly, is decided by the evidence
 * where there is any; what follows an undecided hop is no more than the model's "if".
 */
export function requestHops(context: Context): Hop[] {
  const steps = context.journey?.steps ?? [];
  const reached = lastReached(context, steps);
  const request = requestPacket(context.connection);
  return steps.map((step, position) => {
    const seen = framesOfStep(context, request, step);
    const evidence = evidenceOf(context, step, position, seen);
    const model: EvidenceItem = { kind: 'model', text: `the model of this host says: ${step.detail}` };
    return {
      index: position + 1,
      direction: 'request',
      netns: step.netns,
      device: step.device,
      stage: step.stage,
      ...judge(context, step, position, reached),
      time: timeOf(context, seen),
      evidence: position === steps.length - 1 ? [...evidence, model] : evidence,
    };
  });
}

/**
 * The hops of the way back (`wayBack`), which the model tells of; numbered from `first`. What follows an undecided step, there
 * or back, is no more than its "if". Frames show where the answer was seen.
 */
export function replyHops(context: Context, first: number): Hop[] {
  const { journey, wayBack } = context;
  const answer = answerPacket(context.connection);
  const steps = wayBack?.steps ?? [];
  const doubtful = journey?.steps.some(({ verdict }) => verdict === 'unknown') === true;
  const undecided = steps.findIndex(({ verdict }) => verdict === 'unknown');
  const settled = doubtful ? -1 : undecided < 0 ? steps.length : undecided;
  return steps.map((step, position): Hop => {
    const { netns, device, stage, verdict, detail, quotes } = step;
    const told =
      position <= settled
        ? { verdict, detail }
        : { verdict: 'unknown' as const, detail: `if it comes this far: ${detail}` };
    const seen = framesOfStep(context, answer, step);
    const evidence = [...seen.map((frame) => frameEvidence(context, frame)), ...quotes.map(snapshotEvidence)];
    const time = timeOf(context, seen);
    return { index: first + position, direction: 'reply', netns, device, stage, ...told, time, evidence };
  });
}
