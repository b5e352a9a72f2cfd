/** Internet Protocol version 6, RFC 8200: the header and the extension headers that follow it, as one layer. */

import { ipv6Length, readIpv6 } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { addExtensions } from './ipv6-extensions.ts';
import { ipProtocolDecoder, ipProtocolNames } from './numbers.ts';

const at = { versionClassFlow: 0, payloadLength: 4, nextHeader: 6, hopLimit: 7, source: 8, destination: 24 };
const shortLength = 2;
const longLength = 4;
const headerLength = at.destination + ipv6Length;

const version = 6;
const versionMask = 0xf0;
const trafficClassMask = 0x0ff00000;
const flowMask = 0x000fffff;

/** Decodes an IPv6 header and its extension headers. The payload of a fragment other than the first is `data`. */
export const decodeIpv6: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('ipv6', 'Internet Protocol Version 6', bytes, offset, end);
  const found = header.bits('ipv6.version', 'Version', at.versionClassFlow, 1, versionMask);
  if (header.has(1) && found !== version) {
    return { layer: header.layer(headerLength), payload: null, error: header.badValue('ipv6.version', version, found) };
  }
  header.bits('ipv6.tclass', 'Traffic class', at.versionClassFlow, longLength, trafficClassMask);
  header.bits('ipv6.flow', 'Flow label', at.versionClassFlow, longLength, flowMask, (value) => hex(value, 5));
  const payloadLength = header.number('ipv6.plen', 'Payload length', at.payloadLength, shortLength);
  const first = header.number('ipv6.nxt', 'Next header', at.nextHeader, 1, named(ipProtocolNames));
  header.number('ipv6.hlim', 'Hop limit', at.hopLimit, 1);
  header.address('ipv6.src', 'Source address', at.source, ipv6Length, readIpv6);
  header.address('ipv6.dst', 'Destination address', at.destination, ipv6Length, readIpv6);
  const short = header.shortage(headerLength, context);
  if (short !== null || !header.has(headerLength)) {
    return { layer: header.layer(headerLength), payload: null, error: short };
  }

  const extensions = addExtensions(header, first, headerLength, context);
  const layer = header.layer(extensions.length);
  const { jumboLength } = extensions;
  if (extensions.error !== null || !header.has(extensions.length)) {
    return { layer, payload: null, error: extensions.error };
  }
  // Length 0 without a jumbo payload option is segmentation offload's: the outer layer sets the end.
  const [limit, stated] = payloadLength === 0 ? ['ipv6.opt.jumbo', jumboLength] : ['ipv6.plen', payloadLength];
  const declaredEnd = stated === null ? end : offset + headerLength + stated;
  return {
    layer,
    payload: {
      protocol: extensions.fragmentOffset === 0 ? ipProtocolDecoder(extensions.nextHeader) : 'data',
      offset: offset + extensions.length,
      end: context.incomplete ? declaredEnd : Math.min(declaredEnd, end),
      limitedBy: stated === null || declaredEnd > end ? context.limitedBy : limit,
      incomplete: context.incomplete || extensions.moreFragments,
    },
    error: header.shortage(headerLength + (stated ?? 0), context),
  };
};
