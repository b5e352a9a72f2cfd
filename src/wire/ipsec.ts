/** IPsec: Authentication Header, RFC 4302, and Encapsulating Security Payload, RFC 4303. */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { textOf } from './fields.ts';
import type { Layer } from './layer.ts';
import { ipProtocolDecoder, ipProtocolNames } from './numbers.ts';

const longLength = 4;
/** Of the Authentication Header. */
const at = { nextHeader: 0, length: 1, parameters: 4, sequence: 8, integrity: 12 };
/** RFC 4302 section 2.2: the length counts 32-bit words, less two. */
const wordLength = 4;
const uncountedWords = 2;

function spiText(value: number): string {
  return hex(value, 8);
}

/**
 * Adds the fields of an Authentication Header at a place, in IPv6 that of an extension header. Gives its length, less
 * than its fixed part when the header contradicts itself.
 */
export function addAuthenticationHeader(header: Header, place: number): number {
  header.number('ah.next_header', 'Next header', place + at.nextHeader, 1, named(ipProtocolNames));
  const words = header.number('ah.length', 'Length', place + at.length, 1);
  header.number('ah.spi', 'Security parameters index', place + at.parameters, longLength, spiText);
  header.number('ah.sequence', 'Sequence number', place + at.sequence, longLength);
  const length = (words + uncountedWords) * wordLength;
  header.opaque('ah.icv', 'Integrity check value', place + at.integrity, length - at.integrity);
  return length;
}

/** Decodes an Authentication Header that is IPv4's payload, and goes on to what it authenticates. */
export const decodeAuthenticationHeader: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('ah', 'Authentication Header', bytes, offset, end);
  const length = addAuthenticationHeader(header, 0);
  if (header.has(at.integrity) && length < at.integrity) {
    const least = at.integrity / wordLength - uncountedWords;
    const error = header.badValue('ah.length', least, length / wordLength - uncountedWords);
    return { layer: header.layer(at.integrity), payload: null, error };
  }
  const protocol = ipProtocolDecoder(header.peek(at.nextHeader, 1));
  return header.decoded(Math.max(length, at.integrity), context, header.rest(length, protocol, context));
};

const encapsulated = { parameters: 0, sequence: 4 };
const encapsulatedLength = encapsulated.sequence + longLength;

/** Decodes the part of ESP that is not encrypted; the rest is data. */
export const decodeEncapsulatedSecurity: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('esp', 'Encapsulating Security Payload', bytes, offset, end);
  header.number('esp.spi', 'Security parameters index', encapsulated.parameters, longLength, spiText);
  header.number('esp.sequence', 'Sequence number', encapsulated.sequence, longLength);
  return header.decoded(encapsulatedLength, context, header.rest(encapsulatedLength, 'data', context));
};

/** `ESP 10.0.0.1 > 10.0.0.2 spi 0x00001001 seq 7`. */
export function summarizeIpsec(layer: Layer, ends: string): string {
  const { protocol } = layer;
  const spi = layer.fields.find(({ name }) => name === `${protocol}.spi`)?.text ?? '?';
  return `${protocol.toUpperCase()} ${ends} spi ${spi} seq ${textOf(layer, `${protocol}.sequence`)}`;
}
