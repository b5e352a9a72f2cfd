/** Where the model ends a connection that failed. */

import { serverPackets, wasAnswered, wasUnheard } from '../flow/connection.ts';
import { outsideReply, replyJourney } from '../model/journey.ts';
import type { Journey, Step } from '../model/step.ts';
import type { Context } from './context.ts';
import { silenceTells } from './silence.ts';

/** The last step of a journey that ended at a stage, if the connection failed in a way that fits. */
export function endAt(context: Context, stage: Step['stage'], ends: readonly string[]): Step | null {
  const { connection, journey: way } = context;
  const failed = connection.outcome === 'unreachable' || connection.outcome === 'timeout';
  if (way === null || !failed || wasAnswered(connection) || !ends.includes(way.end.kind)) return null;
  const last = way.steps.at(-1);
  return last?.stage === stage ? last : null;
}

/** The model's way of an answer, of who takes the request or from beyond the host's view; null where it knows of none. */
export function answerJourney({ host, journey: way, wayBack }: Context): Journey | null {
  if (wayBack !== null || host === null || way === null) return wayBack;
  if (way.end.kind === 'leaves-view') return outsideReply(host, way);
  return way.end.kind === 'accepted' ? replyJourney(host, way) : null;
}

/**
 * The way of the answer by the model, where a socket takes the request and the client is not known to have heard one; null
 * where an answer need not have been due.
 */
export function answerWay(context: Context): Journey | null {
  const { connection, host, clientNetns, journey: way } = context;
  if (host === null || way?.end.kind !== 'accepted' || connection.outcome !== 'timeout') return null;
  if (wasAnswered(connection) && !wasUnheard(connection)) return null;
  // Of a prediction there are no frames, and nobody has to have waited.
  if (connection.packets.length > 0 && !silenceTells(context)) return null;
  const back = answerJourney(context);
  const last = back?.steps.at(-1);
  // It came further than the model says.
  return last !== undefined && last.netns !== clientNetns && answerSeenIn(context, clientNetns) ? null : back;
}

/** True when an answer was seen at a device of the namespace. */
export function answerSeenIn({ evidence, connection }: Context, netns: string | null): boolean {
  return serverPackets(connection).some(({ frames }) =>
    frames.some(({ interfaceIndex }) => evidence.interfaces[interfaceIndex]?.netns === netns),
  );
}
