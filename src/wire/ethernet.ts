/** Ethernet II and IEEE 802.3 framing (IEEE 802.3-2022 section 3.2). Padding and trailers are its fields. */

import { macLength, readMac } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named, type Payload } from './decoder.ts';
import type { Layer } from './layer.ts';
import { ethertypeDecoder, ethertypeNames } from './numbers.ts';

const at = { destination: 0, source: macLength, type: 2 * macLength };
const typeLength = 2;
const headerLength = at.type + typeLength;

/** A type field up to here is the length of an 802.3 frame. */
const longestLength = 1500;

const typeText = named(ethertypeNames, 4);

/** The text of an EtherType field: `IPv4 (0x0800)`. */
export function ethertypeText(value: number): string {
  const name = ethertypeNames.get(value);
  return name === undefined ? typeText(value) : `${name} (${hex(value, 4)})`;
}

/** True for a type field that is the length of an 802.3 frame instead, with LLC behind it. */
export function isLength(type: number): boolean {
  return type <= longestLength;
}

/** What follows a type field: an EtherType's protocol, or LLC, which ends where the length in `lengthField` says. */
export function typedPayload(type: number, rest: Payload, lengthField: string): Payload {
  if (!isLength(type)) return { ...rest, protocol: ethertypeDecoder(type) };
  const end = rest.offset + type;
  return end > rest.end ? { ...rest, protocol: 'llc' } : { ...rest, protocol: 'llc', end, limitedBy: lengthField };
}

/** Decodes an Ethernet frame. */
export const decodeEthernet: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('eth', 'Ethernet', bytes, offset, end);
  header.address('eth.dst', 'Destination', at.destination, macLength, readMac);
  header.address('eth.src', 'Source', at.source, macLength, readMac);
  const type = header.peek(at.type, typeLength);
  if (isLength(type)) header.number('eth.len', 'Length', at.type, typeLength);
  else header.number('eth.type', 'Type', at.type, typeLength, ethertypeText);
  return header.decoded(
    headerLength,
    context,
    typedPayload(type, header.rest(headerLength, 'data', context), 'eth.len'),
  );
};

/** Bytes of payload below which a sender fills up (IEEE 802.3-2022 section 3.2.8). */
const leastPayload = 46;

/**
 * An Ethernet layer with what follows its packet, from `start` up to the frame's `end`: zeros that fill a short frame up
 * are padding, any other bytes a trailer. Bytes that were not captured are in neither.
 */
export function withTrailer(layer: Layer, bytes: Uint8Array, start: number, end: number): Layer {
  const header = new Header('eth', layer.title, bytes, layer.offset, end);
  const from = start - layer.offset;
  const length = Math.min(end, bytes.length) - start;
  const wanted = Math.max(0, headerLength + leastPayload - from);
  const padding = wanted <= length && bytes.subarray(start, start + wanted).every((byte) => byte === 0) ? wanted : 0;
  header.opaque('eth.padding', 'Padding', from, padding);
  header.opaque('eth.trailer', 'Trailer', from + padding, length - padding);
  return { ...layer, fields: [...layer.fields, ...header.layer(0).fields] };
}
