/**
 * `predict(question)`: what would become of a packet that nobody sent, by the model alone. It is diagnosed as a
 * connection without frames, by the same causes, and never more than inferred.
 */

import type { Connection } from '../flow/connection.ts';
import type { KernelRoute } from '../host/parse/route-get.ts';
import type { Snapshot } from '../host/snapshot.ts';
import type { HostState } from '../host/state.ts';
import { exchange } from '../model/journey.ts';
import type { ModelPacket } from '../model/step.ts';
import { diagnoseConnection } from './connection-diagnosis.ts';
import type { Context } from './context.ts';
import type { ConnectionDiagnosis, Diagnosis, Outcome, Prediction } from './diagnosis.ts';
import type { Evidence } from './evidence.ts';
import { routeDisagreements } from './kernel-route.ts';
import { missingSentences } from './missing.ts';
import { lostAnswer, lostOutside, outcomeAfterOpening, predictedOutcome, reasonOf } from './predicted-outcome.ts';
import { trackingDoubts } from './tracking-limits.ts';
import { inNetns, serverText } from './words.ts';

/** What is asked. */
export interface Question {
  readonly snapshot: Snapshot;
  /** The snapshot, parsed. */
  readonly host: HostState;
  /** The namespace of the program that would send the packet. */
  readonly netns: string;
  readonly packet: ModelPacket;
  /** The name by which the destination was asked for. */
  readonly name: string | null;
  /**
   * What the kernel itself answers to the look-up in that namespace, with the command that asked it; null when not
   * asked.
   */
  readonly kernelRoute: { readonly command: string; readonly answer: KernelRoute } | null;
}

function isAnswerLost({ journey: way, wayBack }: Context): boolean {
  return way !== null && lostAnswer(way, wayBack) !== null;
}

const untold =
  'No packet was sent: this is what the model of this host says would become of one, told as if it had been.';

/** What an unsettled prediction turns on: the first step, there or back, that the model cannot judge. */
function openPoint({ journey: way, wayBack }: Context): string | null {
  const step = [...(way?.steps ?? []), ...(wayBack?.steps ?? [])].find(({ verdict }) => verdict === 'unknown');
  return step === undefined ? null : `${inNetns(step.netns)}, ${step.stage}: ${step.detail}`;
}

function unsettledText(context: Context, reason: string): string {
  const server = serverText(context);
  const open = openPoint(context);
  if (open === null && context.journey?.end.kind === 'leaves-view') {
    return `Nothing that is known of this host stands in the way of ${server}, and beyond it nothing is known: ${reason}.`;
  }
  const isOfAnswer = open === null && isAnswerLost(context);
  return `Whether ${server} answers is not settled: ${isOfAnswer ? 'on the way back, ' : ''}${open ?? reason}.`;
}

/** One sentence. `reason` is why it ends as it does. */
function summaryOf(context: Context, outcome: Outcome, reason: string): string {
  const { errno } = context.connection;
  const server = serverText(context);
  if (outcome === 'ok') return `Nothing that is known stands in the way of ${server}: ${reason}.`;
  if (outcome === 'stalled') return `${server} would take the connection, and get nothing that follows: ${reason}.`;
  if (outcome === 'refused') return `${server} would refuse: ${reason}.`;
  if (outcome === 'unreachable') return `${server} would not be reached (${errno}): ${reason}.`;
  if (outcome === 'timeout' && isAnswerLost(context)) {
    return `No answer of ${server} would come through: ${reason}.`;
  }
  return outcome === 'timeout' ? `${server} would not answer: ${reason}.` : unsettledText(context, reason);
}

/** Evidence wins: what was built on another way than the kernel's is worth nothing, and is not told. */
function unreliable(told: ConnectionDiagnosis, disagreements: readonly string[]): ConnectionDiagnosis {
  const detail = disagreements.join('; ');
  return {
    ...told,
    outcome: 'unknown',
    errno: null,
    cause: null,
    where: null,
    summary: `What becomes of it is not told, as the kernel's own look-up is another than the model's: ${detail}.`,
    explanation: [untold],
    hops: told.hops.slice(0, 1).map((hop) => ({ ...hop, verdict: 'unknown', detail })),
    fixes: [],
    alternatives: [],
  };
}

function predictConnection(question: Question, evidence: Evidence): ConnectionDiagnosis {
  const { host, netns, packet, name, kernelRoute } = question;
  const { there, back: answer, after } = exchange(host, packet, netns);
  const back = answer ?? lostOutside(host, there);
  const first = predictedOutcome(there, back);
  const goesOn = after === null || first.outcome !== 'ok' ? 'ok' : outcomeAfterOpening(after);
  const [way, wayBack, met] =
    after === null || goesOn === 'ok' ? [there, back, first] : [after, null, { outcome: goesOn, errno: null }];
  const connection: Connection = {
    protocol: packet.protocol,
    family: packet.family,
    client: { address: way.packet.source, port: 0 },
    server: { address: packet.destination, port: packet.destinationPort },
    packets: [],
    errors: [],
    frames: [],
    beganNs: 0n,
    endedNs: 0n,
    translated: null,
    ...met,
  };
  const context: Context = {
    evidence,
    connection,
    host,
    clientNetns: netns,
    packet,
    journey: way,
    stopsAfterOpening: way === after,
    wayBack,
    kernel: null,
    kernelComplete: false,
    rules: null,
    serverName: name,
  };
  const told = diagnoseConnection(context);
  // That no answer was seen means something here: nobody has to have waited for it.
  const outcome = told.outcome === 'stalled' ? told.outcome : met.outcome;
  const ended = told.hops.find(({ index }) => index === told.where?.hop);
  const namespace = host.namespaces.get(netns);
  const disagreements =
    kernelRoute === null || namespace === undefined ? [] : routeDisagreements(namespace, packet, kernelRoute.answer);
  const prediction: Prediction = {
    assumptions: [
      ...way.assumptions,
      ...trackingDoubts(host, way),
      ...(wayBack?.assumptions ?? []).map((one) => `${one}, on the way back`),
    ],
    kernelRoute: kernelRoute && { command: kernelRoute.command, text: kernelRoute.answer.text, disagreements },
  };
  const predicted: ConnectionDiagnosis = {
    ...told,
    source: { ...told.source, port: null },
    destination: { ...told.destination, port: packet.protocol === 'icmp' ? null : packet.destinationPort },
    outcome,
    certainty: 'inferred',
    summary: summaryOf(context, outcome, ended?.detail ?? reasonOf(way, wayBack)),
    explanation: [untold, ...(told.cause === null ? [] : told.explanation)],
    prediction,
  };
  return disagreements.length === 0 ? predicted : unreliable(predicted, disagreements);
}

/** See the file's head. A namespace that is not in the snapshot gives an unsettled prediction. */
export function predict(question: Question): Diagnosis {
  const { snapshot, host } = question;
  const evidence: Evidence = {
    session: null,
    interfaces: [],
    frameCount: 0,
    lastNs: 0n,
    snapshot,
    kernelLines: [],
  };
  const connection = predictConnection(question, evidence);
  return {
    schema: 'nettrace.diagnosis/1',
    command: null,
    evidence: {
      frames: 0,
      engine: null,
      clock: null,
      promiscuous: null,
      snapshot: true,
      kernelEvents: 0,
      ruleTrace: false,
      linkOutages: [],
      missing: missingSentences(
        evidence,
        host,
        connection.hops.flatMap(({ netns }) => netns ?? []),
      ),
    },
    connections: [connection],
  };
}
