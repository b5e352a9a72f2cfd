/** Everything that is known about one connection, gathered for the causes to judge. */

import type { CaptureInterface, Credentials, Frame } from '../case/evidence.ts';
import {
  type Connection,
  fromClient,
  onlyOpened,
  requestPacket,
  segmentAfterOpening,
  serverPackets,
  wasAnswered,
} from '../flow/connection.ts';
import type { Ends } from '../flow/translated.ts';
import type { HostState } from '../host/state.ts';
import { exchange, journey } from '../model/journey.ts';
import { ownsAddress } from '../model/neighbour.ts';
import type { Journey, ModelPacket } from '../model/step.ts';
import { answererOf } from './answered-by.ts';
import type { Evidence } from './evidence.ts';
import { destinationTold, type KernelReading, type KernelRecord, readKernelFor } from './kernel-reading.ts';
import { timeToLiveOf } from './payload.ts';
import type { RuleReading, RuleRecords } from './rule-trace.ts';
import { departureDevice } from './sent-by.ts';

/** See the file's head. */
export interface Context {
  readonly evidence: Evidence;
  readonly connection: Connection;
  readonly host: HostState | null;
  /** The namespace that the client sent from; null when nothing tells. */
  readonly clientNetns: string | null;
  readonly packet: ModelPacket;
  readonly journey: Journey | null;
  /**
   * The connection opens, and then rules stop what follows: `journey` is that of the segment after the SYN and its
   * answer.
   */
  readonly stopsAfterOpening: boolean;
  /** The way of the answer by the model, where no packet was seen and so nothing else tells of it; else null. */
  readonly wayBack: Journey | null;
  /** Null where the kernel was not asked. */
  readonly kernel: KernelReading | null;
  /** The kernel was asked and nothing that it said was lost: that it did not say a thing is evidence too. */
  readonly kernelComplete: boolean;
  /** Null where no rules were traced, or not those packets that were stopped: of TCP, SYN and SYN-ACK are. */
  readonly rules: RuleReading | null;
  /** The name by which the command asked for the server. */
  readonly serverName: string | null;
}

const noSocket = 'NO_SOCKET';

/**
 * The kernel's word that no socket took the packet: why it sent its RST, or why it dropped the packet's buffer. A reset
 * names both ends, so it is of this very destination; a drop does not, and where rules may have given the packet another
 * destination it may be of that one.
 */
export function kernelFoundNoSocket({ kernel, journey }: Pick<Context, 'kernel' | 'journey'>): boolean {
  const sent = kernel?.resetSent?.event;
  if (sent?.kind === 'send-reset' && (sent.reason === noSocket || sent.reason === null)) return true;
  const drop = kernel?.drop?.event;
  return drop?.kind === 'drop' && drop.reason === noSocket && journey?.mayBeRedirected !== true;
}

/** The namespaces that have an address. */
export function ownersOf(host: HostState, address: string): string[] {
  const owners = [...host.namespaces.values()].filter((namespace) => ownsAddress(namespace, address));
  return owners.map(({ name }) => name);
}

/** The namespace that owns an address, when exactly one does. */
export function ownerOf(host: HostState, address: string): string | null {
  const [owner, ...others] = ownersOf(host, address);
  return owner === undefined || others.length > 0 ? null : owner;
}

/** True where the packet, sent in that namespace, would by the model come by the place where it was first seen. */
function comesBy(host: HostState, packet: ModelPacket, netns: string, seen: CaptureInterface | undefined): boolean {
  return journey(host, packet, netns).steps.some((step) => step.netns === seen?.netns && step.device === seen.device);
}

/**
 * Where the client sent from: the command's namespace if the address is there, else the one that owns it. Of several in
 * networks that know nothing of each other, the one where the request was seen, or that sends it by where it was.
 */
function findClientNetns(
  { session, interfaces }: Evidence,
  connection: Connection,
  host: HostState | null,
  packet: ModelPacket,
): string | null {
  if (host === null) return null;
  const command = session?.command ?? null;
  // Without a frame it is an attempt of the command's.
  if (connection.frames.length === 0) return command?.netns ?? null;
  const owners = ownersOf(host, connection.client.address);
  if (command !== null && owners.includes(command.netns)) return command.netns;
  if (owners.length < 2) return owners[0] ?? null;
  const seen = (connection.packets[0]?.frames ?? []).map(({ interfaceIndex }) => interfaces[interfaceIndex]);
  const seenIn = owners.filter((name) => seen.some((point) => point?.netns === name));
  const possible = seenIn.length > 0 ? seenIn : owners.filter((name) => comesBy(host, packet, name, seen[0]));
  return possible.length === 1 ? (possible[0] ?? null) : null;
}

/** A name that stands in the command's arguments and that its hosts file gives the server's address. */
function findServerName(evidence: Evidence, connection: Connection, host: HostState | null): string | null {
  const command = evidence.session?.command ?? null;
  if (command === null || host === null) return null;
  const names = host.namespaces.get(command.netns)?.hosts.get(connection.server.address) ?? [];
  const words = new Set(command.argv.flatMap((argument) => argument.split(/[/:@\s=]+/)));
  return names.find((name) => words.has(name)) ?? null;
}

/**
 * The connection as its client met it. A datagram's answer that was seen elsewhere, and at none of the client's own
 * devices though every one was captured, was lost before it: the program waits in vain. Frames of TCP say so themselves.
 */
function asHeard(
  evidence: Evidence,
  connection: Connection,
  host: HostState | null,
  client: string | null,
): Connection {
  const links = host?.namespaces.get(client ?? '')?.links ?? [];
  if (connection.protocol === 'tcp' || connection.outcome !== 'ok' || links.length === 0) return connection;
  const isHere = (frame: Frame): boolean => evidence.interfaces[frame.interfaceIndex]?.netns === client;
  const isCaptured = (device: string): boolean =>
    evidence.interfaces.some((point) => point.netns === client && point.device === device);
  const ways = links.filter(({ kind, up, master }) => kind !== 'loopback' && up && master === null);
  const own = connection.packets.filter((packet) => fromClient(connection, packet));
  const answers = serverPackets(connection);
  const isSent = own.some(({ frames }) => frames.some(isHere));
  const isHeard = answers.some(({ frames }) => frames.some(isHere));
  if (!isSent || isHeard || !ways.every(({ name }) => isCaptured(name))) return connection;
  return { ...connection, outcome: 'timeout', errno: null };
}

/** The ends of the connection where its request is as the model says; without a port of its own it has the client's. */
function endsAs({ client }: Connection, { source, sourcePort, destination, destinationPort }: ModelPacket): Ends {
  return {
    client: { address: source, port: sourcePort ?? client.port },
    server: { address: destination, port: destinationPort },
  };
}

/** The ends that NAT gives the connection on its way, as they were seen and as the model says. */
function otherEnds(connection: Connection, way: Journey | null): Ends[] {
  const { translated } = connection;
  const modelled = (way?.forms.slice(1) ?? []).map((form) => endsAs(connection, form));
  return translated === null ? modelled : [translated, ...modelled];
}

/** The destinations that rules may have given the request, where each of its ways has one; none where they leave nothing open. */
function possibleDestinations(connection: Connection, way: Journey | null): Ends[] {
  if (way === null || way.alternatives.length === 0) return [];
  // Ways that end alike are told as the first of them.
  const isFork = way.end.kind === 'undetermined' && way.end.isFork === true;
  const possible = [...(isFork ? [] : [way]), ...way.alternatives].map(({ arrived }) => endsAs(connection, arrived));
  const { server } = connection;
  const isRedirected = possible.every(
    (ends) => ends.server.address !== server.address || ends.server.port !== server.port,
  );
  return isRedirected ? possible : [];
}

/** Somebody's socket, or the lack of one, answered it: it came through whatever stands on its way. */
function cameThrough(connection: Connection, kernel: KernelReading | null): boolean {
  return wasAnswered(connection) || (kernel?.resetSent ?? null) !== null;
}

/** The hook at which a rule stops the packet, by the model. */
function stoppedByRule({ steps }: Journey): string | null {
  const last = steps.at(-1);
  const stops = last?.verdict === 'dropped' || last?.verdict === 'rejected';
  return stops && last.rule !== undefined ? `${last.netns} ${last.stage}` : null;
}

/**
 * The way of what follows the answer, where rules stop it: by the model, of a connection that failed and whose server is
 * not seen to have heard anything but the SYN.
 */
function stoppedAfterOpening(host: HostState, connection: Connection, packet: ModelPacket, start: string) {
  if (connection.outcome === 'ok' || !onlyOpened(connection)) return null;
  const { after } = exchange(host, packet, start);
  return after !== null && stoppedByRule(after) !== null ? after : null;
}

/** Its hops that were left when the client's own host sent it; null where it was not seen there. */
function sentTimeToLive(evidence: Evidence, connection: Connection, clientNetns: string | null): number | null {
  const frame = requestPacket(connection)?.frames.find(
    ({ interfaceIndex }) => evidence.interfaces[interfaceIndex]?.netns === clientNetns,
  );
  return clientNetns === null || frame === undefined ? null : timeToLiveOf(evidence, frame);
}

/** The request as the model takes it, before it is known who sent it. */
function packetOf({ protocol, family, client, server, translated }: Connection): ModelPacket {
  const isPing = protocol === 'icmp';
  const seen = translated?.server;
  return {
    protocol,
    family,
    source: client.address,
    destination: server.address,
    destinationPort: isPing ? 0 : server.port,
    ...(client.port > 0 && !isPing ? { sourcePort: client.port } : {}),
    ...(seen === undefined ? {} : { redirectedTo: { address: seen.address, port: isPing ? 0 : seen.port } }),
  };
}

/**
 * Gathers a connection's context.
 *
 * @param sender Whose program sent its requests; null: not known.
 */
export function gatherContext(
  evidence: Evidence,
  told: Connection,
  host: HostState | null,
  records: readonly KernelRecord[],
  rules: RuleRecords | null,
  sender: Credentials | null = null,
): Context {
  const { session } = evidence;
  const asked = packetOf(told);
  const clientNetns = findClientNetns(evidence, told, host, asked);
  const connection = asHeard(evidence, told, host, clientNetns);
  const timeToLive = host === null ? null : sentTimeToLive(evidence, connection, clientNetns);
  const sent: ModelPacket = { ...asked, ...(timeToLive === null ? {} : { timeToLive }), ...sender };
  const follow = (packet: ModelPacket): Journey | null =>
    host === null || clientNetns === null ? null : journey(host, packet, clientNetns);
  const open = follow(sent);
  const kernelAsked = session?.kernelEvents === true;
  const kernelComplete = kernelAsked && session.kernelEventsLost === 0;
  const redirectedTo = destinationTold(connection, possibleDestinations(connection, open), records, kernelComplete);
  const redirected: ModelPacket = redirectedTo === null ? sent : { ...sent, redirectedTo };
  const usual = redirectedTo === null ? open : follow(redirected);
  const device = host === null || usual === null ? null : departureDevice(evidence, connection, host, usual);
  const bound: ModelPacket = device === null ? redirected : { ...redirected, boundDevice: device };
  const known = device === null ? usual : follow(bound);
  const answeredBy = host === null ? null : answererOf(evidence, connection, host, known);
  const packet: ModelPacket = answeredBy === null ? bound : { ...bound, answeredBy };
  const way = answeredBy === null ? known : follow(packet);
  const deviceOf = (interfaceIndex: number): string => evidence.interfaces[interfaceIndex]?.device ?? '';
  const after =
    host === null || clientNetns === null ? null : stoppedAfterOpening(host, connection, packet, clientNetns);
  const read = (way: Journey | null): KernelReading | null => {
    if (!kernelAsked) return null;
    const followed = after === null ? (connection.packets[0] ?? null) : segmentAfterOpening(connection);
    return readKernelFor(connection, followed, otherEnds(connection, way), records, { clock: session.clock, deviceOf });
  };
  const kernel = read(way);
  const stoppedIn = way !== null && cameThrough(connection, kernel) ? stoppedByRule(way) : null;
  const believed =
    host === null || clientNetns === null || stoppedIn === null
      ? way
      : journey(host, packet, clientNetns, new Set([stoppedIn]));
  return {
    evidence,
    connection,
    host,
    clientNetns,
    packet,
    journey: after ?? believed,
    stopsAfterOpening: after !== null,
    wayBack: null,
    kernel: believed === way ? kernel : read(believed),
    kernelComplete,
    rules: after === null ? (rules?.of(connection, otherEnds(connection, believed)) ?? null) : null,
    serverName: findServerName(evidence, connection, host),
  };
}
