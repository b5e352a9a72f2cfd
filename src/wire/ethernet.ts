/** Ethernet II and IEEE 802.3 framing (IEEE 802.3-2022 section 3.2). Padding and trailers are no layer of their own. */

import { macLength, readMac } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
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

/** Decodes an Ethernet frame. */
export const decodeEthernet: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('eth', 'Ethernet', bytes, offset, end);
  header.address('eth.dst', 'Destination', at.destination, macLength, readMac);
  header.address('eth.src', 'Source', at.source, macLength, readMac);
  const type = header.peek(at.type, typeLength);
  if (type > longestLength) header.number('eth.type', 'Type', at.type, typeLength, ethertypeText);
  else header.number('eth.len', 'Length', at.type, typeLength);
  const layer = header.layer(headerLength);
  const error = header.shortage(headerLength, context);
  if (error !== null || !header.has(headerLength)) return { layer, payload: null, error };
  const start = offset + headerLength;
  if (type > longestLength) {
    return { layer, payload: { ...context, protocol: ethertypeDecoder(type), offset: start, end }, error };
  }
  const payload = { ...context, protocol: 'data', offset: start, end: Math.min(end, start + type) } as const;
  return { layer, payload: { ...payload, limitedBy: 'eth.len' }, error };
};
