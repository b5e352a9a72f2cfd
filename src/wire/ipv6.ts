/**
 * Internet Protocol version 6, RFC 8200: the header and the extension headers that follow it (hop-by-hop, routing,
 * fragment, destination options), all as one layer.
 */

import { ipv6Length, readIpv6 } from './address.ts';
import { hex } from './bytes.ts';
import { type Context, type Decoded, type Decoder, Header, named } from './decoder.ts';
import type { DecodeError } from './layer.ts';
import { ipProtocolDecoder, ipProtocolNames } from './numbers.ts';

const at = { versionClassFlow: 0, payloadLength: 4, nextHeader: 6, hopLimit: 7, source: 8, destination: 24 };
const shortLength = 2;
const longLength = 4;
const headerLength = at.destination + ipv6Length;

const version = 6;
const versionShift = 28;
const trafficClassShift = 20;
const trafficClassMask = 0xff;
const flowMask = 0xfffff;

/** Within an extension header; its length field counts 8-byte units beyond the first. */
const extension = { nextHeader: 0, length: 1, routingType: 2, segmentsLeft: 3, fragment: 2, identification: 4 };
const extensionUnit = 8;
const fragmentOffsetShift = 3;
const moreFragmentsMask = 0x0001;

const fragmentHeader = 44;
const extensionNames: ReadonlyMap<number, string> = new Map([
  [0, 'hopopts'],
  [43, 'routing'],
  [fragmentHeader, 'fraghdr'],
  [60, 'dstopts'],
]);

interface Walk {
  readonly nextHeader: number;
  /** Bytes of all headers so far. */
  readonly length: number;
  readonly fragmentOffset: number;
  readonly moreFragments: boolean;
  readonly error: DecodeError | null;
}

function walkExtensions(header: Header, first: number, context: Context): Walk {
  let nextHeader = first;
  let length = headerLength;
  let fragmentOffset = 0;
  let moreFragments = false;
  for (;;) {
    const name = fragmentOffset > 0 ? undefined : extensionNames.get(nextHeader);
    if (name === undefined) return { nextHeader, length, fragmentOffset, moreFragments, error: null };
    const units = nextHeader === fragmentHeader ? 0 : header.peek(length + extension.length, 1);
    const prefix = `ipv6.${name}`;
    const following = header.number(
      `${prefix}.nxt`,
      'Next header',
      length + extension.nextHeader,
      1,
      named(ipProtocolNames),
    );
    if (name === 'fraghdr') {
      const place = length + extension.fragment;
      fragmentOffset = header.peek(place, shortLength) >> fragmentOffsetShift;
      header.add('ipv6.fraghdr.offset', 'Fragment offset', place, shortLength, fragmentOffset);
      moreFragments = header.flag('ipv6.fraghdr.more', 'More fragments', place, shortLength, moreFragmentsMask);
      header.number('ipv6.fraghdr.ident', 'Identification', length + extension.identification, longLength, (value) =>
        hex(value, 8),
      );
    } else {
      header.add(`${prefix}.len`, 'Length', length + extension.length, 1, units);
    }
    if (name === 'routing') {
      header.number('ipv6.routing.type', 'Routing type', length + extension.routingType, 1);
      header.number('ipv6.routing.segleft', 'Segments left', length + extension.segmentsLeft, 1);
    }
    const next = length + (units + 1) * extensionUnit;
    if (!header.has(next)) {
      return { nextHeader, length: next, fragmentOffset, moreFragments, error: header.shortage(next, context) };
    }
    length = next;
    nextHeader = following;
  }
}

/** Decodes an IPv6 header and its extension headers. The payload of a fragment other than the first is `data`. */
export const decodeIpv6: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('ipv6', 'Internet Protocol Version 6', bytes, offset, end);
  const word = header.peek(at.versionClassFlow, longLength);
  const found = word >>> versionShift;
  header.add('ipv6.version', 'Version', at.versionClassFlow, 1, found);
  if (header.has(1) && found !== version) {
    return { layer: header.layer(headerLength), payload: null, error: header.badValue('ipv6.version', version, found) };
  }
  const trafficClass = (word >>> trafficClassShift) & trafficClassMask;
  header.add('ipv6.tclass', 'Traffic class', at.versionClassFlow, longLength, trafficClass);
  const flow = word & flowMask;
  header.add('ipv6.flow', 'Flow label', at.versionClassFlow, longLength, flow, hex(flow, 5));
  const payloadLength = header.number('ipv6.plen', 'Payload length', at.payloadLength, shortLength);
  const first = header.number('ipv6.nxt', 'Next header', at.nextHeader, 1, named(ipProtocolNames));
  header.number('ipv6.hlim', 'Hop limit', at.hopLimit, 1);
  header.address('ipv6.src', 'Source address', at.source, ipv6Length, readIpv6);
  header.address('ipv6.dst', 'Destination address', at.destination, ipv6Length, readIpv6);
  const short = header.shortage(headerLength, context);
  if (short !== null || !header.has(headerLength)) {
    return { layer: header.layer(headerLength), payload: null, error: short };
  }

  // Length 0 is a jumbogram's (RFC 2675) or segmentation offload's: the outer layer sets the end.
  const declaredEnd = payloadLength === 0 ? end : offset + headerLength + payloadLength;
  const walk = walkExtensions(header, first, context);
  const layer = header.layer(walk.length);
  if (walk.error !== null || !header.has(walk.length)) return { layer, payload: null, error: walk.error };
  return {
    layer,
    payload: {
      protocol: walk.fragmentOffset === 0 ? ipProtocolDecoder(walk.nextHeader) : 'data',
      offset: offset + walk.length,
      end: context.incomplete ? declaredEnd : Math.min(declaredEnd, end),
      limitedBy: payloadLength === 0 || declaredEnd > end ? context.limitedBy : 'ipv6.plen',
      incomplete: context.incomplete || walk.moreFragments,
    },
    error: header.shortage(headerLength + payloadLength, context),
  };
};
