/** Two ends that do not speak the same: TLS met plain text. */

import { fromClient } from '../flow/connection.ts';
import type { Packet } from '../flow/packet.ts';
import { formatEndpoint } from '../inet/address.ts';
import { fieldValue, numberOf } from '../wire/fields.ts';
import type { Layer } from '../wire/layer.ts';
import type { Context } from './context.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence } from './hops.ts';
import { firstWords, layerOf } from './payload.ts';
import { askedText, serverText } from './words.ts';

const clientHello = 1;
const alertContent = 21;

function isClientHello(layer: Layer | null): boolean {
  return layer !== null && numberOf(layer, 'tls.handshake.type') === clientHello;
}

function said(context: Context, ...packets: readonly (Packet | null)[]): Finding['evidence'] {
  return packets.flatMap((packet) => {
    const frame = packet?.frames[0];
    return frame === undefined ? [] : [frameEvidence(context, frame)];
  });
}

const place = (context: Context): Finding['where'] => {
  const last = context.journey?.end.kind === 'accepted' ? context.journey.steps.at(-1) : undefined;
  return { netns: last?.netns ?? null, device: last?.device ?? null, stage: 'application' };
};

/** The server's bytes begin with this packet: it follows its SYN-ACK (RFC 9293, 3.4). */
function isFirstSegment({ packets, client }: Context['connection'], packet: Packet): boolean {
  const opening = packets.find((one) => !fromClient({ client }, one) && one.facts.tcp?.syn === true);
  const [first, own] = [opening?.facts.tcp?.sequence, packet.facts.tcp?.sequence];
  return first !== undefined && own !== undefined && ((own - first) | 0) === 1;
}

/** The client said a TLS hello, and what came back is no TLS. */
export const tlsToPlaintext: Cause = (context) => {
  if (context.connection.protocol !== 'tcp') return null;
  const [asked, answered] = [firstWords(context, 'client'), firstWords(context, 'server')];
  if (asked === null || answered === null || !isClientHello(layerOf(context, asked, 'tls'))) return null;
  // What comes later in the stream than its beginning says nothing of what is spoken.
  if (layerOf(context, answered, 'tls') !== null || !isFirstSegment(context.connection, answered)) return null;
  const http = layerOf(context, answered, 'http') !== null;
  const spoken = http ? 'plain HTTP' : 'something that is no TLS';
  return {
    cause: 'tls-to-plaintext',
    outcome: 'tls-failed',
    certainty: 'observed',
    where: place(context),
    verdict: 'failed',
    detail: `a TLS hello was answered with ${spoken}`,
    evidence: said(context, asked, answered),
    summary: `${serverText(context)} does not speak TLS: it answered the TLS hello with ${spoken}.`,
    explanation: [
      askedText(context),
      `The connection was accepted. The client began with a TLS hello (https), and the server answered with ${spoken}, so the client gave up: "wrong version number", "packet length too long" and the like. The port serves plain text.`,
      'Ask it without TLS (http:// for https://), or ask the port where TLS is served, or have the service serve TLS on this one.',
    ],
    fixes: [],
    alternatives: [],
  };
};

/** Ports that are served with TLS from the first byte (IANA), and those that people take for it beside them. */
const tlsPorts: ReadonlySet<number> = new Set([443, 465, 636, 853, 989, 990, 993, 995, 5986, 6443, 8443, 9443]);

/** The client spoke plain HTTP, and what came back is a TLS alert; or nothing, on a port that is known for TLS. */
export const plaintextToTls: Cause = (context) => {
  const { connection } = context;
  if (connection.protocol !== 'tcp') return null;
  const [asked, answered] = [firstWords(context, 'client'), firstWords(context, 'server')];
  const request = layerOf(context, asked, 'http');
  if (request === null || fieldValue(request, 'http.request.method') === null) return null;
  const { outcome, server } = connection;
  const tls = layerOf(context, answered, 'tls');
  const alerts = tls !== null && numberOf(tls, 'tls.record.content_type') === alertContent;
  const hangsUp = answered === null && (outcome === 'closed' || outcome === 'reset') && tlsPorts.has(server.port);
  if (!alerts && !hangsUp) return null;
  const how = alerts ? 'with a TLS alert' : 'by hanging up without a word';
  return {
    cause: 'plaintext-to-tls',
    outcome: outcome === 'reset' ? 'reset' : 'closed',
    certainty: alerts ? 'observed' : 'inferred',
    where: place(context),
    verdict: 'failed',
    detail: `plain HTTP was answered ${how}`,
    evidence: said(context, asked, answered),
    summary: alerts
      ? `${serverText(context)} speaks TLS: it answered plain HTTP with a TLS alert.`
      : `${serverText(context)} seems to speak TLS: it was asked in plain HTTP, and hung up without a word.`,
    explanation: [
      askedText(context),
      alerts
        ? 'The connection was accepted. The client asked in plain HTTP, and the server answered with a TLS alert and hung up: the port serves TLS.'
        : `The connection was accepted. The client asked in plain HTTP, and the server hung up without a word. Port ${server.port} is one that is served with TLS, and many servers that expect a TLS hello do just that when something else comes.`,
      'Ask it with TLS (https:// for http://), or ask the port where plain HTTP is served.',
    ],
    fixes: [],
    alternatives: alerts
      ? []
      : [
          {
            cause: 'closed-by-application',
            tellApart: `openssl s_client -connect ${formatEndpoint(server.address, server.port)} shows a certificate if it speaks TLS`,
          },
        ],
  };
};
