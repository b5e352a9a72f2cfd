/** The connection table: for people, and as JSON. What is decided here is wording alone. */

import type { DnsExchange } from '../flow/dns-exchange.ts';
import type { ConnectionSummary, End, SideSummary } from '../flow/summary.ts';
import { formatEndpoint } from '../inet/address.ts';
import { dnsWords, tellExchange } from './dns-words.ts';
import { durationText } from './duration.ts';
import { escapeJson } from './json.ts';

/** A moment: seconds since 1970, UTC, and nanoseconds of that second. */
export interface Moment {
  readonly seconds: number;
  readonly nanoseconds: number;
}

const nanosecondsPerSecond = 1e9;
const nanosecondDigits = 9;

/** Nanoseconds from a second, as a moment. */
export function momentAfter(second: number, ns: number): Moment {
  const seconds = Math.floor(ns / nanosecondsPerSecond);
  return { seconds: second + seconds, nanoseconds: ns - seconds * nanosecondsPerSecond };
}

function decimal({ seconds, nanoseconds }: Moment): string {
  return `${seconds}.${String(nanoseconds).padStart(nanosecondDigits, '0')}`;
}

function endText({ address, port }: End, protocol: ConnectionSummary['protocol']): string {
  if (protocol === 'icmp' || protocol === 'icmpv6') return address;
  return formatEndpoint(address, port);
}

const units = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes in units of 1000, three digits at most: `1.5 kB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

function counted(count: number, one: string, several = `${one}s`): string {
  if (count === 0) return '';
  return `, ${count} ${count === 1 ? one : several}`;
}

function outcomeWords({ outcome, errno, ending, protocol }: ConnectionSummary): string {
  const by = ending === null ? '' : ` by the ${ending.by}`;
  switch (outcome) {
    case 'ok':
      if (protocol !== 'tcp') return 'answered';
      if (ending === null) return 'ok, still open';
      return ending.how === 'reset' ? `ok, reset${by} after a FIN` : `ok, closed${by}`;
    case 'refused':
      return ending === null ? `refused (${errno ?? 'ICMP'})` : `refused${by}`;
    case 'unreachable':
      return `unreachable (${errno ?? 'ICMP'})`;
    case 'timeout':
      return 'no answer';
    case 'reset':
      return `reset${by}${ending?.stage === 'opening' ? ' during the handshake' : ''}`;
    case 'closed':
      return 'closed by the server without an answer';
    case 'dns-failed':
      return 'not resolved';
    case 'unknown':
      break;
  }
  return ending === null ? 'unclear' : `unclear, ${ending.how === 'reset' ? 'reset' : 'closed'}${by}`;
}

/** Outcomes that the exchanges with a resolver tell by themselves. */
const toldByNames: ReadonlySet<ConnectionSummary['outcome']> = new Set(['ok', 'timeout', 'dns-failed']);

function saidWords(connection: ConnectionSummary): string {
  const words = outcomeWords(connection);
  if (connection.dns.length === 0) return words;
  const names = dnsWords(connection.dns, durationText);
  return toldByNames.has(connection.outcome) ? names : `${words}: ${names}`;
}

/** The outcome, and what else was noticed, in words. */
export function connectionWords(connection: ConnectionSummary): string {
  const { request, reply, protocol, translated } = connection;
  const began = protocol === 'tcp' && !connection.openingSeen ? ', began before the capture' : '';
  const noticed =
    counted(request.retransmissions + reply.retransmissions, 'retransmission') +
    counted(request.outOfOrder + reply.outOfOrder, 'segment out of order', 'segments out of order') +
    counted(request.duplicateAcks + reply.duplicateAcks, 'duplicate ACK') +
    counted(request.zeroWindows + reply.zeroWindows, 'zero window') +
    counted(request.keepAlives + reply.keepAlives, 'keep-alive');
  const became =
    translated === null
      ? ''
      : `, translated to ${endText(translated.client, protocol)} > ${endText(translated.server, protocol)}`;
  return saidWords(connection) + began + noticed + became;
}

/** A connection with its number, from 1. */
export interface NumberedConnection {
  readonly number: number;
  readonly connection: ConnectionSummary;
}

function cells({ number, connection }: NumberedConnection, sinceNs: number): string[] {
  const { protocol, client, server, request, reply, firstNs, lastNs } = connection;
  const sideText = ({ packets, bytes }: SideSummary): string => `${packets} / ${bytesText(bytes)}`;
  return [
    String(number),
    ((firstNs - sinceNs) / nanosecondsPerSecond).toFixed(3),
    durationText(lastNs - firstNs),
    protocol,
    endText(client, protocol),
    endText(server, protocol),
    sideText(request),
    sideText(reply),
    connectionWords(connection),
  ];
}

const headings = ['#', 'start', 'duration', 'protocol', 'client', 'server', 'sent', 'received', 'outcome'];
/** Numbers stand to the right. */
const toTheRight: ReadonlySet<number> = new Set([0, 1, 2, 6, 7]);
const gap = '  ';

/** How wide the columns are: what these connections need. */
export function columnWidths(connections: readonly NumberedConnection[], sinceNs: number): readonly number[] {
  const rows = [headings, ...connections.map((connection) => cells(connection, sinceNs))];
  return headings.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
}

function line(row: readonly string[], widths: readonly number[]): string {
  const last = row.length - 1;
  let text = '';
  for (let column = 0; column < last; column += 1) {
    const cell = row[column] ?? '';
    const width = widths[column] ?? 0;
    text += (toTheRight.has(column) ? cell.padStart(width) : cell.padEnd(width)) + gap;
  }
  return `${text}${row[last] ?? ''}\n`;
}

/** The line above the table. */
export function headingLine(widths: readonly number[]): string {
  return line(headings, widths);
}

/**
 * A connection's line.
 *
 * @param sinceNs The moment that starts are counted from, on the clock of `firstNs`.
 */
export function connectionLine(connection: NumberedConnection, sinceNs: number, widths: readonly number[]): string {
  return line(cells(connection, sinceNs), widths);
}

function dnsDocument(exchange: DnsExchange, after: (ns: number) => string): object {
  const { question, rcode, answers } = tellExchange(exchange);
  const { asked, responseNs } = exchange;
  const responseTime = responseNs === null ? null : after(responseNs);
  return { name: question?.name ?? null, type: question?.type ?? null, rcode, answers, responseTime, asked };
}

/**
 * A connection as one line of NDJSON; its fields are in docs/json.md.
 *
 * @param number Counts from 1.
 * @param second The second that `firstNs` counts from.
 */
export function connectionJson(connection: ConnectionSummary, number: number, second: number): string {
  const { protocol, client, server, translated, firstNs, lastNs, handshakeNs, request, reply } = connection;
  const isEcho = protocol === 'icmp' || protocol === 'icmpv6';
  const end = ({ address, port }: End): End | { address: string; port: null } =>
    isEcho ? { address, port: null } : { address, port };
  const after = (ns: number): string => decimal(momentAfter(0, ns));
  const document = {
    number,
    protocol,
    source: end(client),
    destination: end(server),
    ...(isEcho ? { identifier: client.port } : {}),
    translated: translated === null ? null : { source: end(translated.client), destination: end(translated.server) },
    start: decimal(momentAfter(second, firstNs)),
    duration: after(lastNs - firstNs),
    outcome: connection.outcome,
    errno: connection.errno,
    ending: connection.ending,
    beganBeforeCapture: protocol === 'tcp' && !connection.openingSeen,
    handshake: handshakeNs === null ? null : after(handshakeNs),
    sent: request,
    received: reply,
    capturePoints: connection.points,
    firstFrame: connection.firstFrame,
    ...(connection.dns.length > 0 ? { dns: connection.dns.map((exchange) => dnsDocument(exchange, after)) } : {}),
  };
  return `${escapeJson(JSON.stringify(document))}\n`;
}
