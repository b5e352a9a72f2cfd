/** Handshake messages of TLS: RFC 8446 section 4, RFC 5246 section 7.4. */

import { type Header, named } from './decoder.ts';
import type { DecodeError } from './layer.ts';
import { addExtensions, type Side } from './tls-extensions.ts';
import { cipherSuites, handshakeType, handshakeTypes, tlsVersions } from './tls-numbers.ts';
import { addNumbers, addVector, type Body } from './tls-vector.ts';

/** Within a message. */
const at = { type: 0, length: 1, body: 4 };
const lengthSize = 3;
const shortLength = 2;
const longLength = 4;
/** Within a hello. */
const hello = { version: 0, random: 2, session: 34 };
const randomLength = hello.session - hello.random;

/** Longer than any chain of certificates; a "length" beyond it is ciphertext. */
const longestMessage = 0x2_0000;

const suiteText = named(cipherSuites, 4);
const compressionMethods: ReadonlyMap<number, string> = new Map([
  [0, 'null'],
  [1, 'DEFLATE'],
]);

function addHello(body: Body, start: number, side: Side): void {
  const { header } = body;
  header.number('tls.handshake.version', 'Version', start + hello.version, shortLength, named(tlsVersions, 4));
  header.opaque('tls.handshake.random', 'Random', start + hello.random, randomLength);
  const session = addVector(body, 'tls.handshake.session_id_length', 'Session ID length', start + hello.session, 1);
  if (session.end > session.start) {
    header.opaque('tls.handshake.session_id', 'Session ID', session.start, session.end - session.start);
  }
  if (side === 'server') {
    const compression = session.end + shortLength;
    header.number('tls.handshake.ciphersuite', 'Cipher suite', session.end, shortLength, suiteText);
    header.number('tls.handshake.comp_method', 'Compression method', compression, 1, named(compressionMethods));
    addExtensions(body, compression + 1, side);
    return;
  }
  const suitesField = 'tls.handshake.cipher_suites_length';
  const suites = addVector(body, suitesField, 'Cipher suites length', session.end, shortLength);
  addNumbers(body, 'tls.handshake.ciphersuite', 'Cipher suite', suites, shortLength, suiteText);
  const methodsField = 'tls.handshake.comp_methods_length';
  const methods = addVector(body, methodsField, 'Compression methods length', suites.end, 1);
  const methodText = named(compressionMethods);
  addNumbers(body, 'tls.handshake.comp_method', 'Compression method', methods, 1, methodText);
  addExtensions(body, methods.end, side);
}

/** A certificate in the clear is TLS 1.2's or older: each one after its length, without extensions. */
function addCertificates(body: Body, start: number): void {
  const { header } = body;
  const list = addVector(body, 'tls.handshake.certificates_length', 'Certificates length', start, lengthSize);
  for (let place = list.start; place < list.end && header.has(place + lengthSize); ) {
    const length = 'tls.handshake.certificate_length';
    place = addVector({ ...body, end: list.end }, length, 'Certificate length', place, lengthSize).end;
  }
}

function addBody(body: Body, type: number, start: number): void {
  switch (type) {
    case handshakeType.clientHello:
      addHello(body, start, 'client');
      return;
    case handshakeType.serverHello:
      addHello(body, start, 'server');
      return;
    case handshakeType.certificate:
      addCertificates(body, start);
      return;
    case handshakeType.newSessionTicket:
      if (body.end - start < longLength) return;
      body.header.number('tls.handshake.session_ticket_lifetime_hint', 'Ticket lifetime in seconds', start, longLength);
      return;
    default:
  }
}

/** A message in the clear says what it is and is no longer than messages are; ciphertext seldom does. */
function isMessage(header: Header, place: number, end: number): boolean {
  const type = header.peek(place + at.type, 1);
  const length = header.peek(place + at.length, lengthSize);
  if (type === handshakeType.helloRequest) return length === 0 && end - place === at.body;
  return handshakeTypes.has(type) && length <= longestMessage && header.has(place + at.body);
}

/**
 * Adds the messages of one record, from `start` up to `end`. What is ciphertext, or the middle of a message that an
 * earlier segment began, is named as such.
 *
 * @param faults Takes the lengths that lead out of their message.
 * @returns Bytes of the last message that are in the records to come.
 */
export function addHandshake(whole: Header, start: number, end: number, faults: DecodeError[]): number {
  const header = whole.upTo(end);
  let place = start;
  while (place < end && header.has(place + 1)) {
    if (!isMessage(header, place, end)) {
      const length = end - place;
      whole.add('tls.handshake', 'Handshake', place, length, true, 'encrypted, or the middle of a message');
      return 0;
    }
    const type = header.number('tls.handshake.type', 'Handshake type', place + at.type, 1, named(handshakeTypes));
    const length = header.number('tls.handshake.length', 'Handshake length', place + at.length, lengthSize);
    const messageEnd = place + at.body + length;
    addBody({ header: header.upTo(messageEnd), end: messageEnd, faults }, type, place + at.body);
    place = messageEnd;
  }
  return Math.max(0, place - end);
}
