/** Phrases that several causes use. */

import { wasAnswered } from '../flow/connection.ts';
import { dnsPort } from '../flow/dns-table.ts';
import type { Listener } from '../host/state.ts';
import { formatEndpoint } from '../inet/address.ts';
import type { Context } from './context.ts';
import type { Hop } from './diagnosis.ts';
import { requestHops } from './hops.ts';

/** `ssh (pid 812)`, or what can be said without a process, in the words that fit its place in the sentence. */
export function ownerText(
  listener: Listener,
  unnamed:
    | 'A process that could not be named'
    | 'a process that could not be named' = 'a process that could not be named',
): string {
  return listener.process === null ? unnamed : `${listener.process.name} (pid ${listener.process.pid})`;
}

/** `127.0.0.1:19001`, `[::]:80`. */
export function listenerText(listener: Listener): string {
  return formatEndpoint(listener.address, listener.port);
}

/** `a`, `a and b`, `a, b and c`. */
export function joinWords(words: readonly string[], glue: 'and' | 'or' = 'and'): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} ${glue} ${last}`;
}

/** The program that asked: the command's name, else these words, which are to fit their place in the sentence. */
export function clientText(context: Context, unnamed: 'A program' | 'a program' = 'A program'): string {
  const program = context.evidence.session?.command?.argv[0]?.split('/').at(-1);
  const place = context.clientNetns === null ? '' : ` ${inNetns(context.clientNetns)}`;
  return `${program ?? unnamed}${place}`;
}

/** How to have the kernel's word next time, as a clause: what this case lacked decides. */
export function proofAdvice({ kernel, evidence: { session } }: Context): string {
  // A run is always root's: it lacked the kernel's word because that was left out or not to be had.
  if (kernel === null) return `repeat it with nettrace run, ${session === null ? 'as root' : 'with kernel events'}`;
  return session?.clock === 'user-space'
    ? 'repeat it with nettrace run --engine tcpdump, whose time stamps tell which packet the kernel spoke of'
    : 'repeat it with nettrace run';
}

/** What the kernel did, in its own words: `dropped the request in PLACE, reason REASON`; null where it says of no drop. */
export function dropText({ kernel }: Pick<Context, 'kernel'>): string | null {
  const drop = kernel?.drop?.event;
  if (drop?.kind !== 'drop') return null;
  return `dropped the request in ${drop.location}${drop.reason === null ? '' : `, reason ${drop.reason}`}`;
}

/** `10.88.0.1:19001 (host.containers.internal)`; a ping has no port. */
export function serverText(context: Context): string {
  const { server, protocol } = context.connection;
  const name = context.serverName === null ? '' : ` (${context.serverName})`;
  return `${protocol === 'icmp' ? server.address : formatEndpoint(server.address, server.port)}${name}`;
}

/** A clause at the front of a sentence; one that begins with an address or a device (`fe80::1`, `br0`) is left as it is. */
export function capitalised(text: string): string {
  return /^[a-z]+ /.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text;
}

/** What a server did whose answer was lost. */
export const answeredUnheard = 'answered, and the answer did not come through';

/** What the server did of whose answer the client did not hear, as it was seen. */
export function unheardText({ connection }: Context): string {
  return wasAnswered(connection) ? answeredUnheard : 'did not answer';
}

/** A sentence between the way of the request and that of its answer. */
export const answerArrived = 'The request arrives, and a socket takes it; its answer goes back on a way of its own.';

/** A namespace in a sentence: `the host`, or its name. */
export function netnsText(netns: string): string {
  return netns === 'host' ? 'the host' : netns;
}

/** Where something is or runs: `on the host`, `in web`. */
export function inNetns(netns: string): string {
  return netns === 'host' ? 'on the host' : `in ${netns}`;
}

function clause({ netns: name, device, stage }: Hop, first: boolean): string | null {
  if (name === null) return null;
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

/**
 * Who asked whom, and the way: how every explanation begins.
 *
 * @param end Where the packet ended, if that is short of where the model leads it.
 */
export function askedText(context: Context, end?: Place): string {
  const way = wayText(context, 'The packet', end);
  const asked = context.connection.server.port === dnsPort ? 'the resolver' : 'for';
  return `${clientText(context)} asked ${asked} ${serverText(context)}.${way === null ? '' : ` ${way}`}`;
}

/** A stage at a place. */
type Place = Pick<Hop, 'netns' | 'device' | 'stage'>;

/** The way in one sentence, as far as the model follows it and nothing on it is undecided, and not beyond its `end`. */
export function wayText(context: Context, subject = 'The packet', end?: Place): string | null {
  const hops = requestHops(context);
  const isEnd = ({ netns, device, stage }: Hop): boolean =>
    netns === end?.netns && device === end.device && stage === end.stage;
  const ended = hops.findIndex(isEnd);
  const passed = hops.slice(0, ended < 0 ? hops.length : ended).filter(({ verdict }) => verdict === 'passed');
  const first = passed.findIndex(({ stage }) => stage === 'egress');
  const clauses = passed.map((hop, index) => clause(hop, first === index)).filter((text) => text !== null);
  return clauses.length === 0 ? null : `${subject} ${chain(clauses)}.`;
}
