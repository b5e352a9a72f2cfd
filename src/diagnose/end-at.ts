/** Where the model ends a connection that failed. */

import { wasAnswered } from '../flow/connection.ts';
import type { Step } from '../model/step.ts';
import type { Context } from './context.ts';

/** The last step of a journey that ended at a stage, if the connection failed in a way that fits. */
export function endAt(context: Context, stage: Step['stage'], ends: readonly string[]): Step | null {
  const { connection, journey: way } = context;
  const failed = connection.outcome === 'unreachable' || connection.outcome === 'timeout';
  if (way === null || !failed || wasAnswered(connection) || !ends.includes(way.end.kind)) return null;
  const last = way.steps.at(-1);
  return last?.stage === stage ? last : null;
}
