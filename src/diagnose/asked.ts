/**
 * What a command asked for, by its own arguments, where nobody saw it ask: a connect() that fails makes no packet, and
 * without kernel events nothing else tells of it; a ping to nobody waits for an address until it gives up. The model says what becomes of such a request; only one that it says
 * fails is told, since of the others the command may have meant something else.
 */

import type { Connection } from '../flow/connection.ts';
import { dnsPort } from '../flow/dns-table.ts';
import type { HostState, NamespaceState } from '../host/state.ts';
import { familyOf, parseAddress, unspecifiedAddress } from '../inet/address.ts';
import { journey, replyJourney } from '../model/journey.ts';
import type { ModelPacket } from '../model/step.ts';
import { isFailure } from './diagnosis.ts';
import { errnoName } from './errno.ts';
import type { Evidence } from './evidence.ts';
import type { KernelRecord } from './kernel-reading.ts';
import { predictedOutcome } from './predicted-outcome.ts';

/** What is asked for: an address or a name, and a port, 0 of a ping. */
export interface Destination {
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly host: string;
  readonly port: number;
}

/** Ports that a URL does not have to name (IANA). */
const schemePorts: Readonly<Record<string, number>> = {
  http: 80,
  https: 443,
  ws: 80,
  wss: 443,
  ftp: 21,
  redis: 6379,
  postgres: 5432,
  postgresql: 5432,
  mysql: 3306,
  mongodb: 27_017,
  amqp: 5672,
};

const urlPattern =
  /^([a-z][a-z0-9+.-]*):\/\/(?:[^/@]*@)?(?:\[([0-9a-f:.]+)\]|([^/:?#[\]]+))(?::(\d{1,5}))?(?:[/?#]|$)/i;
const hostPort = /^(?:\[([0-9a-f:.]+)\]|([^:/[\]]+)):(\d{1,5})$/i;
const portAlone = /^\d{1,5}$/;

function readUrl(argument: string): Destination | null {
  const [, scheme = '', six, name = '', port] = urlPattern.exec(argument) ?? [];
  const number = port === undefined ? schemePorts[scheme.toLowerCase()] : Number(port);
  return number === undefined ? null : { protocol: 'tcp', host: six ?? name, port: number };
}

const pingName = /(?:^|\/)ping[46]?$/;
/** ping's option for the address that it asks from. */
const pingFrom = '-I';

function pinged(argv: readonly string[]): Destination[] {
  const words = argv.filter((word, at) => at > 0 && !word.startsWith('-') && argv[at - 1] !== pingFrom);
  return words.map((host) => ({ protocol: 'icmp', host, port: 0 }));
}

/** RFC 9293, section 3.1: 16 bits. */
const lastPort = 0xffff;

/** The destinations that arguments name: `http://web/`, `10.0.0.1:80`, `10.0.0.1 80`; any word of a ping may be one. */
export function namedDestinations(argv: readonly string[]): Destination[] {
  if (pingName.test(argv[0] ?? '')) return pinged(argv);
  const named = argv.slice(1).flatMap((argument, index): Destination | Destination[] => {
    const url = readUrl(argument);
    if (url !== null) return url;
    const [, six, four = '', port] = hostPort.exec(argument) ?? [];
    if (port !== undefined) return { protocol: 'tcp', host: six ?? four, port: Number(port) };
    const following = argv[index + 2] ?? '';
    return portAlone.test(following) && !portAlone.test(argument)
      ? { protocol: 'tcp', host: argument, port: Number(following) }
      : [];
  });
  return named.filter(({ port }) => port > 0 && port <= lastPort);
}

/** A neighbour is asked three times, a second apart (`mcast_solicit`, `retrans_time_ms`), before a program is told. */
const neighbourPatienceNs = 3_000_000_000n;
const silence = { outcome: 'timeout', errno: null } as const;

/** What is named by an address, or by a name that the namespace's own hosts file has. */
export function knownThere({ hosts }: NamespaceState, { host, ...asked }: Destination): Destination[] {
  if (parseAddress(host) !== null) return [{ ...asked, host }];
  return [...hosts].flatMap(([address, names]) => (names.includes(host) ? [{ ...asked, host: address }] : []));
}

/** What the command asks for by its arguments; the namespace's resolvers, where they name nothing that is known without. */
function askedFor(namespace: NamespaceState, argv: readonly string[]): Destination[] {
  const named = namedDestinations(argv);
  const known = named.flatMap((one) => knownThere(namespace, one));
  if (known.length > 0 || !named.some(({ host }) => /[a-z]/i.test(host))) return known;
  return namespace.resolvers.map((host) => ({ protocol: 'udp', host, port: dnsPort }));
}

/** The errors of the command's own connect() calls, as the kernel told them. */
function connectErrors(records: readonly KernelRecord[]): string[] {
  return records.flatMap(({ source, event }) => {
    const name = event.kind === 'connect-result' && source.scope === 'command' ? errnoName(event.error) : null;
    return name === null ? [] : [name];
  });
}

/**
 * The requests that the command's arguments name and that the model says fail, as connections without packets. Where the
 * kernel was heard, only those whose error is one that it told.
 */
export function askedConnections(
  evidence: Evidence,
  host: HostState | null,
  records: readonly KernelRecord[],
): Connection[] {
  const { session } = evidence;
  const command = session?.command ?? null;
  const namespace = host?.namespaces.get(command?.netns ?? '');
  if (session === null || command === null || host === null || namespace === undefined) return [];
  if (command.exitCode === 0) return [];
  const errors = session.kernelEvents ? connectErrors(records) : null;
  const told = new Map<string, Connection>();
  for (const { protocol, host: address, port } of askedFor(namespace, command.argv)) {
    const family = familyOf(address);
    const source = unspecifiedAddress[family];
    const packet: ModelPacket = {
      protocol,
      family,
      source,
      destination: address,
      destinationPort: port,
      ...command.credentials,
    };
    const way = journey(host, packet, namespace.name);
    const gaveUp = way.end.kind === 'unanswered' && command.endedNs - command.startedNs < neighbourPatienceNs;
    const met = gaveUp ? silence : predictedOutcome(way, replyJourney(host, way));
    if (!isFailure(met.outcome)) continue;
    // IPv4's look-ups of routes are traced: a datagram that was sent would have been told by its own.
    if (protocol === 'udp' && errors !== null && family === 4) continue;
    // What a ping asks for after its connect() makes no error that the kernel tells of.
    if (protocol === 'tcp' && errors !== null && (met.errno === null || !errors.includes(met.errno))) continue;
    const nothing = { packets: [], errors: [], frames: [], translated: null };
    const ends = { client: { address: way.packet.source, port: 0 }, server: { address, port } };
    const times = { beganNs: command.startedNs, endedNs: command.endedNs };
    told.set(`${address} ${port}`, { protocol, family, ...ends, ...nothing, ...times, ...met });
  }
  return [...told.values()];
}

/** Said where connections are told by arguments. */
export const askedSentence =
  'No packet of the command was seen, and nothing tells what it asked the kernel for: what its arguments name, or who is to be asked for such a name, is told, by the state of the host.';
