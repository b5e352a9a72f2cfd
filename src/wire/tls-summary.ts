/** One line about the TLS records of a segment. */

import { fieldValue, numberOf, valuesOf } from './fields.ts';
import type { Field, Layer } from './layer.ts';
import {
  alertDescriptions,
  alertLevels,
  cipherSuites,
  contentType,
  handshakeType,
  handshakeTypes,
  tlsVersions,
} from './tls-numbers.ts';

/** RFC 8446 section 4.1.3: a server's hello with this random asks the client to try again. */
const retryRandom = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';

/** Records that say no more than their type; of the others their content speaks. */
const bareRecords: ReadonlyMap<number, string> = new Map([
  [contentType.changeCipherSpec, 'ChangeCipherSpec'],
  [contentType.applicationData, 'application data'],
  [contentType.heartbeat, 'heartbeat'],
]);

function numberText(names: ReadonlyMap<number, string>, value: number): string {
  return names.get(value) ?? String(value);
}

/** A segment holds one hello, so what the layer says first is the hello's. */
function clientHello(layer: Layer): string {
  const server = fieldValue(layer, 'tls.handshake.extensions_server_name');
  const protocols = valuesOf(layer, 'tls.handshake.extensions_alpn_str');
  const old = fieldValue(layer, 'tls.record.content_type') === null;
  return [
    old ? 'ClientHello of SSL 2.0' : 'ClientHello',
    ...(server === null ? [] : [`SNI ${server}`]),
    ...(protocols.length === 0 ? [] : [`ALPN ${protocols.join(',')}`]),
  ].join(' ');
}

function serverHello(layer: Layer): string {
  const retry = fieldValue(layer, 'tls.handshake.random') === retryRandom;
  const version =
    numberOf(layer, 'tls.handshake.extensions.supported_version') ?? numberOf(layer, 'tls.handshake.version');
  const suite = numberOf(layer, 'tls.handshake.ciphersuite');
  const protocol = fieldValue(layer, 'tls.handshake.extensions_alpn_str');
  return [
    retry ? 'HelloRetryRequest' : 'ServerHello',
    ...(version === null ? [] : [numberText(tlsVersions, version)]),
    ...(suite === null ? [] : [numberText(cipherSuites, suite)]),
    ...(protocol === null ? [] : [`ALPN ${protocol}`]),
  ].join(' ');
}

/** What a field says of its record; null for a field that is a detail. */
function say(layer: Layer, { name, value }: Field): string | null {
  switch (name) {
    case 'tls.record.content_type':
      return bareRecords.get(Number(value)) ?? null;
    case 'tls.handshake.type':
      if (value === handshakeType.clientHello) return clientHello(layer);
      if (value === handshakeType.serverHello) return serverHello(layer);
      return numberText(handshakeTypes, Number(value));
    case 'tls.handshake':
      return 'encrypted handshake';
    case 'tls.alert_message':
      return 'encrypted alert';
    case 'tls.alert_message.level':
      return `alert ${numberText(alertLevels, Number(value))}`;
    default:
      return null;
  }
}

/** `TLS ClientHello SNI example.org ALPN h2,http/1.1`, `TLS alert fatal handshake_failure`. Names are raw. */
export function tlsSummary(layer: Layer): string {
  const said: string[] = [];
  for (const field of layer.fields) {
    if (field.name === 'tls.alert_message.desc') {
      said.push(`${said.pop() ?? 'alert'} ${numberText(alertDescriptions, Number(field.value))}`);
    }
    const text = say(layer, field);
    // Application data comes in many records.
    if (text !== null && text !== said.at(-1)) said.push(text);
  }
  return `TLS ${said.length === 0 ? 'handshake, continued' : said.join(', ')}`;
}
