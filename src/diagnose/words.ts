/** Phrases that several causes use. */

import type { Listener } from '../host/state.ts';
import { formatEndpoint } from '../model/deliver.ts';
import type { Context } from './context.ts';
import type { Hop } from './diagnosis.ts';
import { requestHops } from './hops.ts';

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
  const place = context.clientNetns === null ? '' : ` ${inNetns(context.clientNetns)}`;
  return `${program ?? 'A program'}${place}`;
}

/** `10.88.0.1:19001 (host.containers.internal)`. */
export function serverText(context: Context): string {
  const { server } = context.connection;
  const name = context.serverName === null ? '' : ` (${context.serverName})`;
  return `${formatEndpoint(server.address, server.port)}${name}`;
}

/** A namespace in a sentence: `the host`, or its name. */
export function netnsText(netns: string): string {
  return netns === 'host' ? 'the host' : netns;
}

/** Where something is or runs: `on the host`, `in web`. */
export function inNetns(netns: string): string {
  return netns === 'host' ? 'on the host' : `in ${netns}`;
}

function clause({ netns: name, device, stage }: Hop, first: boolean): string | null {
  const netns = netnsText(name);
  if (stage === 'egress' && device === 'lo') return `stayed ${inNetns(name)}, on its loopback device lo`;
  if (stage === 'egress') return first ? `left ${netns} by ${device}` : `was sent on by ${device} of ${netns}`;
  if (stage === 'bridge') return `came into ${netns} by ${device}, a port of a bridge there (a switch in software),`;
  return stage === 'ingress' ? `reached ${netns} at ${device}` : null;
}

/** One sentence of clauses, of which one may end with a comma of its own. */
function chain(clauses: readonly string[]): string {
  const told = clauses.map((text, index) => {
    if (index === clauses.length - 1) return text.replace(/,$/, '');
    const glue = index === clauses.length - 2 ? ' and ' : text.endsWith(',') ? ' ' : ', ';
    return `${text}${glue}`;
  });
  return told.join('');
}

/** The way in one sentence, as far as the model follows it and nothing on it is undecided. */
export function wayText(context: Context, subject = 'The packet'): string | null {
  const passed = requestHops(context).filter(({ verdict }) => verdict === 'passed');
  const first = passed.findIndex(({ stage }) => stage === 'egress');
  const clauses = passed.map((hop, index) => clause(hop, first === index)).filter((text) => text !== null);
  return clauses.length === 0 ? null : `${subject} ${chain(clauses)}.`;
}
