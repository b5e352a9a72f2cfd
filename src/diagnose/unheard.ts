/**
 * Datagrams whose answer came as far as its client's own host, and was stopped there by a rule: a capture point sees it, as
 * that stands before the rules, and the program waits in vain.
 */

import { serverPackets } from '../flow/connection.ts';
import type { Context } from './context.ts';
import { findReplyStop } from './firewall-stop.ts';

/** The context with the outcome that the program met. Frames of TCP say that themselves. */
export function asMetByProgram(context: Context): Context {
  const { connection, evidence, rules, clientNetns } = context;
  if (connection.protocol === 'tcp' || connection.outcome !== 'ok') return context;
  const unheard: Context = { ...context, connection: { ...connection, outcome: 'timeout', errno: null } };
  const answers = serverPackets(connection);
  const dropped = (rules?.reply ?? []).filter(({ event }) => event.verdict === 'drop');
  if (dropped.length > 0) return dropped.length >= answers.length ? unheard : context;
  // A program that is content has heard its answer, whatever the model says.
  if (evidence.session?.command?.exitCode === 0) return context;
  const stop = findReplyStop(unheard);
  const isCertain = stop?.back?.assumptions.length === 0;
  return stop !== null && isCertain && stop.step.netns === clientNetns ? unheard : context;
}
