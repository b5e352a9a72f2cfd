/** Phrases that several causes use. */

import type { Listener } from '../host/state.ts';
import { formatEndpoint } from '../model/journey.ts';
import type { Step } from '../model/step.ts';
import type { Context } from './context.ts';

/** `ssh (pid 812)`, or what can be said without a process. */
export function ownerText(listener: Listener): string {
  return listener.process === null
    ? 'a process that could not be named'
    : `${listener.process.name} (pid ${listener.process.pid})`;
}

/** `127.0.0.1:19001`, `[::]:80`. */
export function listenerText(listener: Listener): string {
  return formatEndpoint(listener.address, listener.port);
}

/** `a`, `a and b`, `a, b and c`. */
export function joinWords(words: readonly string[]): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} and ${last}`;
}

/** The program's name: what the command was, else "The client". */
export function clientText(context: Context): string {
  const program = context.evidence.session?.command?.argv[0]?.split('/').at(-1);
  const place = context.clientNetns === null ? '' : ` in ${context.clientNetns}`;
  return `${program ?? 'A program'}${place}`;
}

/** `10.88.0.1:19001 (host.containers.internal)`. */
export function serverText(context: Context): string {
  const { server } = context.connection;
  const name = context.serverName === null ? '' : ` (${context.serverName})`;
  return `${formatEndpoint(server.address, server.port)}${name}`;
}

function clause(step: Step, first: boolean): string | null {
  const place = `${step.netns}`;
  switch (step.stage) {
    case 'egress':
      return first ? `left ${place} by ${step.device}` : `was sent on by ${step.device} of ${place}`;
    case 'bridge':
      return `came into ${place} by ${step.device}, a port of a bridge there,`;
    case 'ingress':
      return `reached ${place} at ${step.device}`;
    default:
      return null;
  }
}

/** The way in one sentence, as far as the model follows it. */
export function wayText(context: Context): string | null {
  const steps = context.journey?.steps ?? [];
  const passed = steps.filter(({ verdict }) => verdict === 'passed');
  const clauses = passed.map((step, index) => clause(step, passed.findIndex((s) => s.stage === 'egress') === index));
  const said = clauses.filter((text) => text !== null);
  if (said.length === 0) return null;
  return `The packet ${joinWords(said)}.`;
}
