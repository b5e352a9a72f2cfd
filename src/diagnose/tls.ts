/** Two ends that do not understand each other: TLS met plain text, or one end ended the handshake with an alert. */

import { fromClient } from '../flow/connection.ts';
import type { Packet } from '../flow/packet.ts';
import { formatEndpoint } from '../inet/address.ts';
import { fieldValue, numberOf } from '../wire/fields.ts';
import type { Layer } from '../wire/layer.ts';
import { alertRecordLength, fatalLevel } from '../wire/tls.ts';
import { alertDescriptions } from '../wire/tls-numbers.ts';
import type { Context } from './context.ts';
import type { Cause, Finding } from './finding.ts';
import { frameEvidence } from './hops.ts';
import { firstWords, layerOf } from './payload.ts';
import { commandsOf } from './what-if.ts';
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

/** What an alert says, by who sent it: a client judges the server's certificate, a server what the client offers. */
const alertTexts: Readonly<Record<'client' | 'server', ReadonlyMap<number, string>>> = {
  client: new Map([
    [40, 'The client wants nothing that the server offers (versions, ciphers, signatures).'],
    [42, "The client takes the server's certificate for broken, or for another name's."],
    [43, 'The client does not know the kind of the certificate.'],
    [44, "The server's certificate was revoked."],
    [45, "The server's certificate has expired, or is not valid yet: compare its dates with the client's clock."],
    [46, "The client does not accept the server's certificate, for a reason that it does not say: its log does."],
    [
      48,
      "The client does not know who signed the server's certificate: it is signed by itself or by a private authority, or the server does not send the certificates in between.",
    ],
    [70, 'The client does not speak the version of TLS that the server chose.'],
    [71, 'The client takes what the server chose for too weak.'],
  ]),
  server: new Map([
    [
      40,
      'The server wants nothing that the client offers (versions, ciphers, signatures), or has no certificate for the name that was asked.',
    ],
    [42, "The server does not accept the client's certificate."],
    [46, "The server does not accept the client's certificate."],
    [48, "The server does not know who signed the client's certificate."],
    [49, 'The server does not let this client in.'],
    [
      70,
      'The server speaks none of the versions of TLS that the client offers: one of the two is old, or set too strictly.',
    ],
    [71, 'The server takes what the client offers for too weak.'],
    [80, 'The server failed: its log says why.'],
    [112, 'The server serves no such name: the name in the request (SNI) is not one of its own.'],
    [116, 'The server wants a certificate of the client, and got none.'],
    [120, 'The server speaks none of the protocols that the client offers inside TLS (ALPN: h2, http/1.1).'],
  ]),
};

/** The first fatal alert in the clear, of the handshake therefore; null without one. */
function alertOf(context: Context): { readonly packet: Packet; readonly description: number } | null {
  for (const packet of context.connection.packets) {
    const layer = packet.facts.payloadLength === alertRecordLength ? layerOf(context, packet, 'tls') : null;
    const description = layer === null ? null : numberOf(layer, 'tls.alert_message.desc');
    if (layer !== null && description !== null && numberOf(layer, 'tls.alert_message.level') === fatalLevel) {
      return { packet, description };
    }
  }
  return null;
}

/** Both ends speak TLS, and one of them ended the handshake with an alert. (Later ones are encrypted.) */
export const tlsAlert: Cause = (context) => {
  const { connection } = context;
  if (connection.protocol !== 'tcp') return null;
  const hello = layerOf(context, firstWords(context, 'client'), 'tls');
  const alert = isClientHello(hello) ? alertOf(context) : null;
  if (hello === null || alert === null) return null;
  const side = fromClient(connection, alert.packet) ? 'client' : 'server';
  const { description } = alert;
  const name = alertDescriptions.get(description) ?? String(description);
  const sni = fieldValue(hello, 'tls.handshake.extensions_server_name');
  const asked = typeof sni === 'string' ? ['-servername', sni] : [];
  const { address, port } = connection.server;
  const [command = null] = commandsOf(['openssl', 's_client', '-connect', formatEndpoint(address, port), ...asked]);
  return {
    cause: 'tls-alert',
    outcome: 'tls-failed',
    certainty: 'observed',
    where: place(context),
    verdict: 'failed',
    detail: `the ${side} ended the TLS handshake: ${name}`,
    evidence: said(context, firstWords(context, 'client'), alert.packet),
    summary: `TLS with ${serverText(context)} failed: the ${side} ended the handshake with the alert ${name}.`,
    explanation: [
      askedText(context),
      `The connection was accepted, and both ends speak TLS. Before they had agreed, the ${side} sent an alert and gave up: ${name}. ${alertTexts[side].get(description) ?? ''}`.trimEnd(),
      `The network is not to blame.${command === null ? '' : ` This shows what the server offers, its certificate and who signed it: ${command}`}`,
    ],
    fixes: [],
    alternatives: [],
  };
};
