/** The journey as hops: each of the model's steps with the frames, state and kernel events that support it. */

import type { Frame } from '../case/evidence.ts';
import { requestPacket, resetPacket } from '../flow/connection.ts';
import type { Quote } from '../host/state.ts';
import type { Step } from '../model/step.ts';
import { dissect } from '../wire/dissect.ts';
import { summarize } from '../wire/summary.ts';
import type { Context } from './context.ts';
import type { EvidenceItem, Hop } from './diagnosis.ts';
import { type KernelRecord, kernelEvidence } from './kernel-reading.ts';

/** Quotes a frame as evidence: what it says and where it was seen. */
export function frameEvidence(context: Context, frame: Frame): EvidenceItem {
  const point = context.evidence.interfaces[frame.interfaceIndex];
  const place = point === undefined ? '?' : `${point.netns === null ? '' : `${point.netns}:`}${point.device}`;
  const info = summarize(dissect(frame.bytes, point?.linkType ?? 1, frame.originalLength));
  return { kind: 'frame', frame: frame.number, text: `${info} (seen at ${place})` };
}

/** Quotes state as evidence. */
export function snapshotEvidence({ netns, command, text }: Quote): EvidenceItem {
  return { kind: 'snapshot', netns, command, text };
}

function framesAt(context: Context, frames: readonly Frame[], step: Step): Frame[] {
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
      if (event.source.address !== client.address || event.device !== step.device) return false;
      return sending ? event.source.port === client.port : event.source.port === 0 && event.protocol === 0;
    })
    .slice(-1);
}

function evidenceOf(context: Context, step: Step, position: number): EvidenceItem[] {
  const { connection } = context;
  const request = requestPacket(connection);
  const items: EvidenceItem[] = [];
  if (deviceStages.includes(step.stage)) {
    items.push(...deviceRecords(context, step).map(kernelEvidence));
    const seen = request === null ? [] : framesAt(context, request.frames, step);
    items.push(...seen.map((frame) => frameEvidence(context, frame)));
  }
  if (step.stage === 'route') items.push(...routeRecords(context, step, position === 0).map(kernelEvidence));
  if (step.stage === 'socket') {
    const { kernel } = context;
    if (kernel?.resetSent != null) items.push(kernelEvidence(kernel.resetSent));
    if (kernel?.drop != null) items.push(kernelEvidence(kernel.drop));
  }
  items.push(...step.quotes.map(snapshotEvidence));
  if (step.stage === 'socket' && step.verdict === 'refused') {
    const reset = resetPacket(connection);
    const first = reset === null ? undefined : (framesAt(context, reset.frames, step)[0] ?? reset.frames[0]);
    if (first !== undefined) items.push(frameEvidence(context, first));
  }
  return items;
}

/** True when the packet was seen, by a frame or by the kernel, behind this step. */
function wentOn(context: Context, steps: readonly Step[], position: number): boolean {
  const request = requestPacket(context.connection);
  const later = steps.slice(position + 1);
  if (later.some((step) => step.stage === 'socket') && context.kernel?.resetSent != null) return true;
  return later.some(
    (step) =>
      deviceStages.includes(step.stage) && request !== null && framesAt(context, request.frames, step).length > 0,
  );
}

/** The hops of the request's journey. What the model could not decide is decided by the evidence where there is any. */
export function requestHops(context: Context): Hop[] {
  const steps = context.journey?.steps ?? [];
  return steps.map((step, position) => {
    const settled = step.verdict === 'unknown' && wentOn(context, steps, position);
    const evidence = evidenceOf(context, step, position);
    const last = position === steps.length - 1;
    return {
      index: position + 1,
      direction: 'request',
      netns: step.netns,
      device: step.device,
      stage: step.stage,
      verdict: settled ? 'passed' : step.verdict,
      detail: settled ? 'rules stand here, and the packet was seen behind them' : step.detail,
      evidence: last ? [...evidence, { kind: 'model', text: `the model of this host says: ${step.detail}` }] : evidence,
    };
  });
}
