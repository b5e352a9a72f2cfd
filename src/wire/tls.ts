/**
 * Transport Layer Security: records of RFC 8446 section 5 and RFC 5246 section 6.2, heartbeats RFC 6520. A segment is
 * read by itself: a record that goes on in the next one is read as far as it is here, and whether a record is encrypted
 * is told by what stands before it in the segment, and by its looks.
 */

import { readUint } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import type { DecodeError } from './layer.ts';
import { addHandshake } from './tls-handshake.ts';
import {
  alertDescriptions,
  alertLevels,
  contentType,
  handshakeType,
  handshakeTypes,
  tlsVersions,
} from './tls-numbers.ts';

/** Within a record. */
const at = { type: 0, version: 1, length: 3, content: 5 };
const shortLength = 2;

const contentTypes: ReadonlyMap<number, string> = new Map([
  [contentType.changeCipherSpec, 'change_cipher_spec'],
  [contentType.alert, 'alert'],
  [contentType.handshake, 'handshake'],
  [contentType.applicationData, 'application_data'],
  [contentType.heartbeat, 'heartbeat'],
]);

const majorVersion = 3;
const lastMinorVersion = 4;
/** 2^14 and what encryption may add to it (RFC 5246 section 6.2.3). */
const longestRecord = 0x4000 + 2048;
/** No record of these is shorter than its own fields; an encrypted alert has at least its authentication tag. */
const alertLength = 2;
const shortestEncrypted = 16;
const shortestHeartbeat = 3;

/** A segment that a device has put together, of 64 KiB, with records of 256 bytes; the rest is data. */
const mostRecords = 256;

const heartbeat = { type: 0, length: 1 };
const heartbeatTypes: ReadonlyMap<number, string> = new Map([
  [1, 'request'],
  [2, 'response'],
]);

/** SSL 2.0's hello, which clients sent for compatibility: RFC 5246 appendix E.2. */
const oldHello = { length: 0, type: 2, version: 3, specsLength: 5, sessionLength: 7, challengeLength: 9, body: 11 };
const oldLengthMask = 0x7fff;
const oldLengthFlag = 0x8000;
const oldSpecLength = 3;
const challenge = { least: 16, most: 32 };

/** Reads the header at a place of the frame; null when no record begins there. */
function readRecord(bytes: Uint8Array, start: number, end: number): { type: number; length: number } | null {
  if (start + at.content > Math.min(end, bytes.length)) return null;
  const type = readUint(bytes, start + at.type, 1);
  const minor = readUint(bytes, start + at.version + 1, 1);
  const length = readUint(bytes, start + at.length, shortLength);
  if (!contentTypes.has(type) || readUint(bytes, start + at.version, 1) !== majorVersion) return null;
  return minor <= lastMinorVersion && length <= longestRecord ? { type, length } : null;
}

/** Adds the content of a record, which ends at `end`, unless encryption hides it. */
function addContent(header: Header, type: number, start: number, end: number): void {
  switch (type) {
    case contentType.changeCipherSpec:
      header.add('tls.change_cipher_spec', 'Change cipher spec', start, 1, true, 'set');
      return;
    case contentType.alert:
      if (end - start !== alertLength) {
        header.add('tls.alert_message', 'Alert', start, end - start, true, 'encrypted');
        return;
      }
      header.number('tls.alert_message.level', 'Level', start, 1, named(alertLevels));
      header.number('tls.alert_message.desc', 'Description', start + 1, 1, named(alertDescriptions));
      return;
    case contentType.heartbeat:
      if (!heartbeatTypes.has(header.peek(start + heartbeat.type, 1))) return;
      header.number('tls.heartbeat_message.type', 'Heartbeat', start + heartbeat.type, 1, named(heartbeatTypes));
      header.number(
        'tls.heartbeat_message.payload_length',
        'Heartbeat payload length',
        start + heartbeat.length,
        shortLength,
      );
      return;
    default:
  }
}

function decodeOldHello(header: Header): Decoded {
  const length = header.peek(oldHello.length, shortLength) & oldLengthMask;
  header.add('tls.record.length', 'Record length', oldHello.length, shortLength, length);
  header.number('tls.handshake.type', 'Handshake type', oldHello.type, 1, named(handshakeTypes));
  header.number('tls.handshake.version', 'Version', oldHello.version, shortLength, named(tlsVersions, 4));
  return { layer: header.layer(shortLength + length), payload: null, error: null };
}

/** Decodes the records of a segment. What follows them and is no record is data. */
export const decodeTls: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('tls', 'Transport Layer Security', bytes, offset, end);
  if (readRecord(bytes, offset, end) === null) return decodeOldHello(header);
  const faults: DecodeError[] = [];
  let encrypted = false;
  /** Bytes of a handshake message that earlier records of the segment began. */
  let rest = 0;
  let place = 0;
  for (let count = 0; count < mostRecords; count++) {
    const record = readRecord(bytes, offset + place, end);
    if (record === null) break;
    const content = place + at.content;
    const next = content + record.length;
    header.number('tls.record.content_type', 'Content type', place + at.type, 1, named(contentTypes));
    header.number('tls.record.version', 'Version', place + at.version, shortLength, named(tlsVersions, 4));
    header.number('tls.record.length', 'Record length', place + at.length, shortLength);
    if (record.type !== contentType.handshake) {
      addContent(header, record.type, content, next);
      // What a side sends behind its change of keys is encrypted.
      encrypted ||= record.type === contentType.changeCipherSpec;
    } else if (encrypted) {
      header.add('tls.handshake', 'Handshake', content, record.length, true, 'encrypted');
    } else if (rest >= record.length) rest -= record.length;
    else rest = addHandshake(header, content + rest, next, faults);
    place = next;
  }
  const layer = header.layer(place);
  const error = faults[0] ?? null;
  if (!header.has(place + 1)) return { layer, payload: null, error };
  return { layer, payload: { ...context, protocol: 'data', offset: offset + place, end }, error };
};

function isOldHello(bytes: Uint8Array, start: number, end: number): boolean {
  if (start + oldHello.body > Math.min(end, bytes.length)) return false;
  const short = (place: number): number => readUint(bytes, start + place, shortLength);
  const [specs, session, random] = [
    short(oldHello.specsLength),
    short(oldHello.sessionLength),
    short(oldHello.challengeLength),
  ];
  const length = shortLength + (short(oldHello.length) & oldLengthMask);
  return (
    (short(oldHello.length) & oldLengthFlag) !== 0 &&
    readUint(bytes, start + oldHello.type, 1) === handshakeType.clientHello &&
    tlsVersions.has(short(oldHello.version)) &&
    specs > 0 &&
    specs % oldSpecLength === 0 &&
    random >= challenge.least &&
    random <= challenge.most &&
    length === oldHello.body + specs + session + random
  );
}

/** True for a segment that begins with a record whose length suits its type, and that another record follows, if any. */
export function isTls(bytes: Uint8Array, start: number, end: number): boolean {
  const record = readRecord(bytes, start, end);
  if (record === null) return isOldHello(bytes, start, end);
  const { type, length } = record;
  const suits =
    (type === contentType.changeCipherSpec && length === 1) ||
    (type === contentType.alert && (length === alertLength || length >= shortestEncrypted)) ||
    (type === contentType.handshake && length >= alertLength + shortLength) ||
    (type === contentType.applicationData && length > 0) ||
    (type === contentType.heartbeat && length >= shortestHeartbeat);
  const next = start + at.content + length;
  const isLast = next + at.content > Math.min(end, bytes.length);
  return suits && (isLast || readRecord(bytes, next, end) !== null);
}

/** Bytes of an alert in the clear in a record of its own. */
export const alertRecordLength = at.content + alertLength;
/** Of an alert: the connection ends (RFC 8446, section 6). */
export const fatalLevel = 2;

/** True for bytes that are nothing but a fatal alert in the clear (RFC 8446, section 6). */
export function isFatalAlert(bytes: Uint8Array, start: number, end: number): boolean {
  const record = readRecord(bytes, start, end);
  if (record?.type !== contentType.alert || record.length !== alertLength) return false;
  return end - start === alertRecordLength && bytes[start + at.content] === fatalLevel;
}
