/** ICMPv6, RFC 4443; length of the quoted packet RFC 4884. */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { addIcmpExtensions, quoteEnd } from './icmp-extensions.ts';
import { icmpv6Codes, icmpv6Type, icmpv6Types } from './icmpv6-names.ts';
import { addListenerMessage, isListenerMessage } from './multicast-listener.ts';
import { addDiscovery } from './neighbour-discovery.ts';

const at = { type: 0, code: 1, checksum: 2, rest: 4, lowHalf: 6 };
const shortLength = 2;
const longLength = 4;
const headerLength = at.rest + longLength;
/** RFC 4884 counts the quoted packet in 64-bit words. */
const quoteUnit = 8;

const { unreachable, packetTooBig, timeExceeded, parameterProblem, echoRequest, echoReply } = icmpv6Type;
const errorTypes: ReadonlySet<number> = new Set([unreachable, packetTooBig, timeExceeded, parameterProblem]);
const lengthTypes: ReadonlySet<number> = new Set([unreachable, timeExceeded]);

/** Decodes an ICMPv6 message; an error's payload is the packet that it quotes, and so is a redirect's. */
export const decodeIcmpv6: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('icmpv6', 'Internet Control Message Protocol v6', bytes, offset, end);
  const quote = { protocol: 'ipv6', limitedBy: 'icmpv6', incomplete: true, quoted: true } as const;
  const total = end - offset;
  const type = header.number('icmpv6.type', 'Type', at.type, 1, named(icmpv6Types));
  header.number('icmpv6.code', 'Code', at.code, 1, named(icmpv6Codes.get(type) ?? new Map()));
  header.number('icmpv6.checksum', 'Checksum', at.checksum, shortLength, (value) => hex(value, 4));

  const discovery = addDiscovery(header, type, total);
  if (discovery !== null) {
    const { fixedLength, redirected } = discovery;
    const packet = redirected && { ...quote, offset: offset + redirected.start, end: offset + redirected.end };
    const layer = header.layer(Math.max(fixedLength, redirected?.start ?? total));
    return { layer, payload: packet, error: header.shortage(fixedLength, context) };
  }
  if (isListenerMessage(type)) {
    const needed = addListenerMessage(header, type, total);
    return { layer: header.layer(Math.max(needed, total)), payload: null, error: header.shortage(needed, context) };
  }
  if (type === echoRequest || type === echoReply) {
    header.number('icmpv6.echo.identifier', 'Identifier', at.rest, shortLength);
    header.number('icmpv6.echo.sequence_number', 'Sequence number', at.lowHalf, shortLength);
  } else if (type === packetTooBig) header.number('icmpv6.mtu', 'MTU of the next hop', at.rest, longLength);
  else if (type === parameterProblem) header.number('icmpv6.pointer', 'Offending byte', at.rest, longLength);
  if (!errorTypes.has(type)) {
    return header.decoded(headerLength, context, header.rest(headerLength, 'data', context));
  }

  const words = lengthTypes.has(type) ? header.peek(at.rest, 1) : 0;
  if (words !== 0) header.number('icmpv6.length', 'Length of the quoted packet', at.rest, 1);
  const quoted = quoteEnd(header, headerLength, words * quoteUnit, total);
  addIcmpExtensions(header, quoted, total);
  return header.decoded(headerLength, context, { ...quote, offset: offset + headerLength, end: offset + quoted });
};
