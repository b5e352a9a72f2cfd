/**
 * QUIC's long headers: RFC 8999 (what every version shares), RFC 9000 section 17.2, version 2 RFC 9369. What they
 * protect stays encrypted, and short headers say nothing without their connection.
 */

import { hex, readUint } from './bytes.ts';
import { type Decoded, type Decoder, Header } from './decoder.ts';
import { numberOf, valuesOf } from './fields.ts';
import type { Layer } from './layer.ts';

const at = { first: 0, version: 1, destinationLength: 5, destination: 6 };
const longLength = 4;

const formMask = 0x80;
const fixedMask = 0x40;
const typeMask = 0x30;
const typeShift = 4;

const versionNegotiation = 0;
const version2 = 0x6b3343cf;
const versionNames: ReadonlyMap<number, string> = new Map([
  [versionNegotiation, 'version negotiation'],
  [1, '1'],
  [version2, '2'],
]);
/** The drafts that servers ran before RFC 9000; their long headers are version 1's. */
const draft = { first: 0xff00001d, last: 0xff000022, number: 0xff };

/** RFC 9000 section 17.2: more is another version's, or no QUIC. */
const longestConnectionId = 20;
/** A list of versions that is longer than any server's ends here. */
const mostVersions = 64;
/** Of a Retry packet, behind its token. */
const integrityTagLength = 16;

type PacketType = 'Initial' | '0-RTT' | 'Handshake' | 'Retry';
const typesOfVersion1: readonly PacketType[] = ['Initial', '0-RTT', 'Handshake', 'Retry'];
/** RFC 9369 section 3.2. */
const typesOfVersion2: readonly PacketType[] = ['Retry', 'Initial', '0-RTT', 'Handshake'];

function isDraft(version: number): boolean {
  return version >= draft.first && version <= draft.last;
}

/** True for a version whose long headers have the layout of RFC 9000. */
function isKnown(version: number): boolean {
  return version !== versionNegotiation && (versionNames.has(version) || isDraft(version));
}

/** `1`, `2`, `draft-29`, or the number in hex. */
function versionText(version: number): string {
  if (isDraft(version)) return `draft-${version & draft.number}`;
  return versionNames.get(version) ?? `unknown (${hex(version, 8)})`;
}

const integerLengths = [1, 2, 4, 8];
const integerLengthShift = 6;
const integerMask = 0x3f;

/** A variable-length integer, RFC 9000 section 16; beyond 2^53, which no packet is long, it is not exact. */
function readInteger(header: Header, place: number): { value: number; length: number } {
  const first = header.peek(place, 1);
  const length = integerLengths[first >> integerLengthShift] ?? 1;
  let value = first & integerMask;
  for (let index = 1; index < length; index++) value = value * 0x100 + header.peek(place + index, 1);
  return { value, length };
}

function addConnectionId(header: Header, side: 'd' | 's', label: string, place: number): number {
  const length = header.number(`quic.${side}cil`, `${label} connection ID length`, place, 1);
  if (length > 0) header.opaque(`quic.${side}cid`, `${label} connection ID`, place + 1, length);
  return place + 1 + length;
}

function addVersions(header: Header, start: number, end: number): void {
  const last = Math.min(end, start + mostVersions * longLength);
  for (let place = start; place + longLength <= last; place += longLength) {
    header.number('quic.supported_version', 'Supported version', place, longLength, versionText);
  }
}

function addRetry(header: Header, start: number, end: number): void {
  const tag = Math.max(start, end - integrityTagLength);
  header.opaque('quic.retry_token', 'Retry token', start, tag - start);
  header.opaque('quic.retry_integrity_tag', 'Retry integrity tag', tag, end - tag);
}

/** Adds an Initial's token. Gives where it ends. */
function addToken(header: Header, place: number): number {
  const token = readInteger(header, place);
  header.add('quic.token_length', 'Token length', place, token.length, token.value);
  const start = place + token.length;
  if (token.value > 0) header.opaque('quic.token', 'Token', start, token.value);
  return start + token.value;
}

/** What the packet type's bits mean in a version. */
function typeOf(version: number, bits: number): PacketType {
  return (version === version2 ? typesOfVersion2 : typesOfVersion1)[bits] ?? 'Initial';
}

/** Decodes one packet with a long header, its protected bytes included; another one may follow in the datagram. */
export const decodeQuic: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('quic', 'QUIC', bytes, offset, end);
  const whole = end - offset;
  header.add('quic.header_form', 'Header form', at.first, 1, 1, 'long (1)');
  header.flag('quic.fixed_bit', 'Fixed bit', at.first, 1, fixedMask);
  const version = header.number('quic.version', 'Version', at.version, longLength, versionText);
  const bits = (header.peek(at.first, 1) & typeMask) >> typeShift;
  const type = typeOf(version, bits);
  const known = isKnown(version);
  if (known) {
    const field = version === version2 ? 'quic.long.packet_type_v2' : 'quic.long.packet_type';
    header.add(field, 'Packet type', at.first, 1, bits, `${type} (${bits})`);
  }
  const source = addConnectionId(header, 'd', 'Destination', at.destinationLength);
  const after = addConnectionId(header, 's', 'Source', source);
  const short = header.shortage(after, context);
  if (short !== null || !header.has(after)) return { layer: header.layer(whole), payload: null, error: short };
  if (version === versionNegotiation) addVersions(header, after, whole);
  else if (known && type === 'Retry') addRetry(header, after, whole);
  if (!known || type === 'Retry') return { layer: header.layer(whole), payload: null, error: null };

  const place = type === 'Initial' ? addToken(header, after) : after;
  const length = readInteger(header, place);
  header.add('quic.length', 'Length', place, length.length, length.value);
  const start = place + length.length;
  const next = start + length.value;
  const layer = header.layer(next);
  const error = header.shortage(header.has(start) ? next : start, context);
  if (error !== null || !header.has(next) || next === whole) return { layer, payload: null, error };
  const protocol = isQuic(bytes, offset + next, end) ? 'quic' : 'data';
  return { layer, payload: { ...context, protocol, offset: offset + next, end }, error };
};

/** True for a payload with a long header of a version that exists and connection IDs that fit. */
export function isQuic(bytes: Uint8Array, start: number, end: number): boolean {
  return isKnown(readUint(bytes, start + at.version, longLength)) && isLongHeader(bytes, start, end);
}

/** True for a payload of QUIC's port with a long header of any version, also of one made up to exercise negotiation. */
export function isLongHeader(bytes: Uint8Array, start: number, end: number): boolean {
  const first = bytes[start] ?? 0;
  // Version negotiation leaves the other bits to chance (RFC 9000 section 17.2.1).
  const negotiation = readUint(bytes, start + at.version, longLength) === versionNegotiation;
  if ((first & formMask) === 0 || ((first & fixedMask) === 0 && !negotiation)) return false;
  const destination = bytes[start + at.destinationLength] ?? 0;
  const source = bytes[start + at.destination + destination] ?? 0;
  const after = start + at.destination + destination + 1 + source;
  return destination <= longestConnectionId && source <= longestConnectionId && after <= end;
}

/** One line about the packets of a datagram: `QUIC Initial, Handshake version 1`, `QUIC version negotiation 1, 2`. */
export function quicSummary(layers: readonly Layer[]): string {
  const [first] = layers;
  const version = first && numberOf(first, 'quic.version');
  if (first === undefined || version === null || version === undefined) return 'QUIC';
  if (version === versionNegotiation) {
    const versions = valuesOf(first, 'quic.supported_version').map((value) => versionText(Number(value)));
    return `QUIC version negotiation ${versions.join(', ')}`;
  }
  const types = layers.flatMap((layer) => {
    const bits = numberOf(layer, 'quic.long.packet_type') ?? numberOf(layer, 'quic.long.packet_type_v2');
    return bits === null ? [] : [typeOf(version, bits)];
  });
  return `QUIC ${types.length === 0 ? 'long header' : types.join(', ')} version ${versionText(version)}`;
}
