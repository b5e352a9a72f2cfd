/** Causes of the program at the other end: it took the connection, and then did not do what it was asked. */

import { fromClient, resetPacket } from '../flow/connection.ts';
import type { Packet } from '../flow/packet.ts';
import type { Context } from './context.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence } from './hops.ts';
import { firstWords, layerOf } from './payload.ts';
import { silenceTells } from './silence.ts';
import { askedText, inNetns, ownerText, serverText } from './words.ts';

/** Where the program is, and what it is called: what the socket look-up of the model found. */
function program({ journey }: Context): { readonly where: Finding['where']; readonly name: string } {
  const last = journey?.steps.at(-1);
  const listener = journey?.end.kind === 'accepted' ? journey.end.listener : null;
  const found = listener !== null && last !== undefined;
  return {
    where: { netns: found ? last.netns : null, device: found ? last.device : null, stage: 'application' },
    name: listener === null ? 'the program that listens there' : ownerText(listener),
  };
}

function quote(context: Context, packet: Packet | null): Finding['evidence'] {
  const frame = packet?.frames.at(-1);
  return frame === undefined ? [] : [frameEvidence(context, frame)];
}

/** True when the server's end acknowledged all that this packet of the client carried (RFC 9293, 3.4). */
function wasAcknowledged({ connection }: Context, packet: Packet): boolean {
  const { tcp, payloadLength } = packet.facts;
  if (tcp === null) return false;
  const end = tcp.sequence + payloadLength;
  return connection.packets.some((one) => {
    const { tcp: told } = one.facts;
    return !fromClient(connection, one) && told?.ack === true && ((told.acknowledgement - end) | 0) >= 0;
  });
}

function lookThere(context: Context): string {
  const { where, name } = program(context);
  return where.netns === null
    ? 'Look into its log, on the machine where it runs.'
    : `Look into the log of ${name} ${inNetns(where.netns)}.`;
}

/** True when the capture has the connection's beginning. */
function wasOpened({ packets }: Context['connection']): boolean {
  return packets.some(({ facts }) => facts.tcp?.syn === true);
}

const middlebox =
  'A firewall or proxy on the way can forge a reset as well; a capture at the server shows whether it was sent there.';

/** Accepted, and then reset from the server's side. */
export const resetByApplication: Cause = (context) => {
  const { connection } = context;
  if (connection.protocol !== 'tcp' || connection.outcome !== 'reset') return null;
  const reset = resetPacket(connection);
  if (reset === null || fromClient(connection, reset)) return null;
  const { where, name } = program(context);
  const asked = firstWords(context, 'client') !== null;
  const when = asked ? 'after the request' : wasOpened(connection) ? 'before anything was asked' : 'later';
  return {
    cause: 'reset-by-application',
    certainty: where.netns === null ? 'inferred' : 'observed',
    where,
    verdict: 'failed',
    detail: `${name} accepted the connection, then reset it`,
    evidence: quote(context, reset),
    summary: `${serverText(context)} accepted the connection and then reset it.`,
    explanation: [
      askedText(context),
      `The connection was accepted, and ${when} a reset (RST) came back, which a program reports as "connection reset by peer". The network carried it; ${name} ended it so: it crashed, it closed the socket with data unread, or it is a proxy whose own connection onwards failed. ${where.netns === null ? middlebox : ''}`.trimEnd(),
      lookThere(context),
    ],
    fixes: [],
    alternatives: [],
  };
};

/** Accepted, and closed without a byte. */
export const closedByApplication: Cause = (context) => {
  const { connection } = context;
  if (connection.outcome !== 'closed') return null;
  const fin = connection.packets.find((packet) => packet.facts.tcp?.fin === true && !fromClient(connection, packet));
  const { where, name } = program(context);
  return {
    cause: 'closed-by-application',
    certainty: 'observed',
    where,
    verdict: 'failed',
    detail: `${name} accepted the connection, then closed it without an answer`,
    evidence: quote(context, fin ?? null),
    summary: `${serverText(context)} accepted the connection and closed it without an answer.`,
    explanation: [
      askedText(context),
      `The connection was accepted and closed in good order (FIN) before a single byte came back; a program reports that as an empty reply. The network carried it; ${name} closed it: it did not like what it was asked, or it is a proxy with nothing behind it.`,
      lookThere(context),
    ],
    fixes: [],
    alternatives: [],
  };
};

/** True for words that want an answer by their protocol, whatever the client does next. */
function wantsAnswer(context: Context, packet: Packet): boolean {
  return layerOf(context, packet, 'http') !== null || layerOf(context, packet, 'tls') !== null;
}

/** Accepted, the request delivered and acknowledged, and nothing came back. */
export const noResponseFromApplication: Cause = (context) => {
  const { connection } = context;
  if (connection.protocol !== 'tcp' || (connection.outcome !== 'timeout' && connection.outcome !== 'ok')) return null;
  const request = firstWords(context, 'client');
  if (request === null || firstWords(context, 'server') !== null) return null;
  // A part of it that is not acknowledged may not have come there: the furthest one speaks for all.
  const end = ({ facts }: Packet): number => (facts.tcp?.sequence ?? 0) + facts.payloadLength;
  const furthest = connection.packets
    .filter((one) => fromClient(connection, one) && one.facts.payloadLength > 0)
    .reduce((one, other) => (((end(other) - end(one)) | 0) > 0 ? other : one), request);
  if (!wasAcknowledged(context, furthest)) return null;
  if (connection.outcome === 'ok' && !wantsAnswer(context, request)) return null;
  if (!silenceTells(context)) return null;
  const { where, name } = program(context);
  return {
    cause: 'no-response-from-application',
    outcome: 'timeout',
    certainty: 'observed',
    where,
    verdict: 'failed',
    detail: `${name} accepted the connection and the request, and did not answer`,
    evidence: quote(context, request),
    summary: `${serverText(context)} took the request and did not answer.`,
    explanation: [
      askedText(context),
      `The connection was accepted, the request was delivered and the kernel of the server acknowledged it; then nothing came back. The network carried it; ${name} has not read the request, or is busy with it, or waits for something itself.`,
      lookThere(context),
    ],
    fixes: [],
    alternatives: [],
  };
};
