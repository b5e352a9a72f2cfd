/**
 * What the command asked the kernel for, by the trace of its own system calls: every TCP connect(), and every datagram's
 * and ping's route look-up, also those that never became a packet (no route, a link that is down, a neighbour that does not answer,
 * a rule in the output hook).
 *
 * A TCP connect() looks up its route twice or more (`ip_route_connect`, net/ipv4/route.h): first without a source, then
 * with the source address, then with the port. What happened in an interrupt is left out: there the current task is
 * whoever was running.
 */

import type { Connection } from '../flow/connection.ts';
import { dnsPort } from '../flow/dns-table.ts';
import type { End } from '../flow/summary.ts';
import { isUnspecified, sameAddress } from '../inet/address.ts';
import { ipProtocol } from '../inet/protocol.ts';
import { errnoName, inProgress } from './errno.ts';
import type { KernelRecord } from './kernel-reading.ts';

/** One connect(), or the datagrams of one socket, or the pings, to one address. */
export interface Attempt {
  readonly protocol: Connection['protocol'];
  readonly family: 4 | 6;
  /** As far as the look-ups came: `0.0.0.0` or `::` and 0 when no source was chosen. */
  readonly source: End;
  readonly destination: End;
  readonly beganNs: bigint;
  /** What connect() returned: a positive errno, 0 for success, null when the trace does not hold it. */
  readonly result: number | null;
}

type Growing = { -readonly [Key in keyof Attempt]: Attempt[Key] };

const transports: Readonly<Record<number, Attempt['protocol']>> = {
  [ipProtocol.icmp]: 'icmp',
  [ipProtocol.tcp]: 'tcp',
  [ipProtocol.udp]: 'udp',
};

function isUnchosen({ address, port }: End): boolean {
  return port === 0 && isUnspecified(address);
}

/** What a record of a command's own says of an attempt: its ends; null when it says nothing of one. */
function asked({ source, line, event }: KernelRecord): Omit<Attempt, 'result'> | null {
  if (source.scope !== 'command' || line.interrupt) return null;
  if (event.kind === 'route') {
    const protocol = transports[event.protocol];
    if (protocol === undefined || (event.destination.port === 0 && protocol !== 'icmp')) return null;
    const ends = { source: event.source, destination: event.destination };
    return { protocol, family: 4, ...ends, beganNs: source.timeNs };
  }
  // IPv6 look-ups are not traced; its sockets' states are (`inet_sock_set_state` prints both ends).
  if (event.kind !== 'socket-state' || event.protocol !== 'IPPROTO_TCP' || !event.remote.address.includes(':')) {
    return null;
  }
  return { protocol: 'tcp', family: 6, source: event.local, destination: event.remote, beganNs: source.timeNs };
}

function refines(attempt: Attempt, found: Omit<Attempt, 'result'>): boolean {
  const { source, destination } = attempt;
  return (
    attempt.protocol === found.protocol &&
    destination.address === found.destination.address &&
    destination.port === found.destination.port &&
    (source.port === 0 || source.port === found.source.port) &&
    (isUnspecified(source.address) || source.address === found.source.address)
  );
}

/** The attempts of the command and its children, in the order in which they began. */
export function findAttempts(records: readonly KernelRecord[]): Attempt[] {
  const attempts: Growing[] = [];
  const open = new Map<number, Growing>();
  for (const record of records) {
    const { source, line, event } = record;
    if (source.scope === 'command' && event.kind === 'connect-result') {
      const attempt = open.get(line.pid);
      if (attempt?.result === null) attempt.result = event.error;
      continue;
    }
    const found = asked(record);
    if (found === null) continue;
    const last = open.get(line.pid);
    if (last?.result === null && refines(last, found)) {
      last.source = isUnchosen(found.source) ? last.source : found.source;
      continue;
    }
    // The state of a socket that was connected earlier (it closes) begins nothing.
    if (attempts.some((one) => one.source.port !== 0 && refines(one, found))) continue;
    const attempt: Growing = { ...found, result: null };
    attempts.push(attempt);
    open.set(line.pid, attempt);
  }
  return attempts;
}

/** True when the kernel told the address that the attempt was sent from. */
export function knowsItsSource({ source }: Attempt): boolean {
  return !isUnspecified(source.address);
}

/** True when the connection is what the attempt asked for; a port or address that it does not know fits any. */
export function isAttemptOf(attempt: Attempt, { protocol, client, server }: Connection): boolean {
  const { source, destination } = attempt;
  // The look-up of a ping does not have its identifier, nor any port.
  const samePort = protocol === 'icmp' || destination.port === server.port;
  return (
    attempt.protocol === protocol &&
    samePort &&
    sameAddress(destination.address, server.address) &&
    (source.port === 0 || source.port === client.port) &&
    (!knowsItsSource(attempt) || sameAddress(source.address, client.address))
  );
}

const refused = 'ECONNREFUSED';
const timedOut = 'ETIMEDOUT';

function met(attempt: Attempt, records: readonly KernelRecord[]): Pick<Connection, 'outcome' | 'errno'> {
  const { source, destination, result } = attempt;
  // A socket of IPv6 begins to connect before it has a port, and an address.
  const ofSocket = records.filter(
    ({ event, source: { timeNs } }) =>
      (event.kind === 'socket-error' || event.kind === 'socket-state') &&
      timeNs >= attempt.beganNs &&
      (source.port === 0 || event.local.port === source.port) &&
      (!knowsItsSource(attempt) || event.local.address === source.address) &&
      event.remote.port === destination.port &&
      event.remote.address === destination.address,
  );
  const later = ofSocket.map(({ event }) => (event.kind === 'socket-error' ? event.error : 0)).find((e) => e !== 0);
  // That a datagram's connect() succeeds says nothing of its datagrams.
  const isOpen = result === null || result === inProgress || (result === 0 && attempt.protocol === 'udp');
  const error = isOpen ? (later ?? null) : result;
  if (error === null) {
    // A report without an errno is an ICMP error that the socket took for itself: the program did hear of something.
    const heard = ofSocket.some(({ event }) => event.kind === 'socket-error');
    const opened = ofSocket.some(({ event }) => event.kind === 'socket-state' && event.to === 'TCP_ESTABLISHED');
    return { outcome: heard || opened ? 'unknown' : 'timeout', errno: null };
  }
  const errno = errnoName(error);
  if (errno === refused) return { outcome: 'refused', errno };
  return { outcome: errno === timedOut ? 'timeout' : error === 0 ? 'unknown' : 'unreachable', errno };
}

/** The same is asked of a resolver again and again: one is told. */
function isSameQuestion(a: Attempt, b: Attempt): boolean {
  return a.protocol === 'udp' && b.protocol === 'udp' && sameAddress(a.destination.address, b.destination.address);
}

/**
 * The attempts of which no frame was seen, as connections without packets. A UDP connect() sends nothing: name look-ups
 * use it to compare addresses, and ping to learn its own; who connects to a resolver asks it.
 */
export function unseenConnections(
  attempts: readonly Attempt[],
  seen: readonly Connection[],
  records: readonly KernelRecord[],
): Connection[] {
  return attempts
    .filter(({ protocol, destination }) => protocol !== 'udp' || destination.port === dnsPort)
    .filter((attempt) => !seen.some((connection) => isAttemptOf(attempt, connection)))
    .filter((attempt, at, unseen) => unseen.findIndex((one) => one === attempt || isSameQuestion(one, attempt)) === at)
    .map((attempt) => {
      const { protocol, family, source: client, destination: server, beganNs } = attempt;
      const nothing = { packets: [], errors: [], frames: [], translated: null };
      return { protocol, family, client, server, ...nothing, beganNs, endedNs: beganNs, ...met(attempt, records) };
    });
}
