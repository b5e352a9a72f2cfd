/** User Datagram Protocol, RFC 768. */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header } from './decoder.ts';
import { portText } from './numbers.ts';
import { udpPayloadDecoder } from './ports.ts';

const at = { sourcePort: 0, destinationPort: 2, length: 4, checksum: 6 };
const shortLength = 2;
const headerLength = at.checksum + shortLength;

/** Decodes a UDP header. Its payload ends where `udp.length` says; 0 means the IP length rules (RFC 2675 section 4). */
export const decodeUdp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('udp', 'User Datagram Protocol', bytes, offset, end);
  const sourcePort = header.number('udp.srcport', 'Source port', at.sourcePort, shortLength, portText);
  const destinationPort = header.number('udp.dstport', 'Destination port', at.destinationPort, shortLength, portText);
  const length = header.number('udp.length', 'Length', at.length, shortLength);
  header.number('udp.checksum', 'Checksum', at.checksum, shortLength, (value) => hex(value, 4));
  const layer = header.layer(headerLength);
  const short = header.shortage(headerLength, context);
  if (short !== null || !header.has(headerLength)) return { layer, payload: null, error: short };
  if (length !== 0 && length < headerLength) {
    return { layer, payload: null, error: header.badValue('udp.length', headerLength, length) };
  }
  const start = offset + headerLength;
  const payloadEnd = length === 0 ? end : Math.min(offset + length, end);
  const limitedBy = length === 0 || offset + length > end ? context.limitedBy : 'udp.length';
  const protocol = udpPayloadDecoder(sourcePort, destinationPort);
  return {
    layer,
    payload: { ...context, protocol, offset: start, end: payloadEnd, limitedBy },
    error: header.shortage(length, context),
  };
};
