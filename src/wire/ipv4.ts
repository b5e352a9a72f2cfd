/** Internet Protocol version 4, RFC 791; differentiated services RFC 2474, ECN RFC 3168. */

import { ipv4Length, readIpv4 } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { addIpv4Options } from './ipv4-options.ts';
import { ipProtocolDecoder, ipProtocolNames } from './numbers.ts';

const at = {
  versionAndHeaderLength: 0,
  services: 1,
  totalLength: 2,
  identification: 4,
  flagsAndOffset: 6,
  timeToLive: 8,
  protocol: 9,
  checksum: 10,
  source: 12,
  destination: 16,
};
const shortLength = 2;
const shortestHeader = at.destination + ipv4Length;

const version = 4;
const versionShift = 4;
const headerLengthMask = 0x0f;
const wordLength = 4;
const dscpShift = 2;
const ecnMask = 0x03;
const reservedMask = 0x8000;
const dontFragmentMask = 0x4000;
const moreFragmentsMask = 0x2000;
const fragmentOffsetMask = 0x1fff;
const fragmentUnit = 8;

/** Decodes an IPv4 header. The payload of a fragment other than the first is `data`. */
export const decodeIpv4: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('ip', 'Internet Protocol Version 4', bytes, offset, end);
  const stop = (error: Decoded['error']): Decoded => ({ layer: header.layer(shortestHeader), payload: null, error });
  const found = header.peek(at.versionAndHeaderLength, 1) >> versionShift;
  header.add('ip.version', 'Version', at.versionAndHeaderLength, 1, found);
  if (header.has(1) && found !== version) return stop(header.badValue('ip.version', version, found));

  const headerLength = (header.peek(at.versionAndHeaderLength, 1) & headerLengthMask) * wordLength;
  header.add('ip.hdr_len', 'Header length', at.versionAndHeaderLength, 1, headerLength, `${headerLength} bytes`);
  const services = header.peek(at.services, 1);
  header.add('ip.dsfield.dscp', 'Differentiated services', at.services, 1, services >> dscpShift);
  header.add('ip.dsfield.ecn', 'Explicit congestion notification', at.services, 1, services & ecnMask);
  const totalLength = header.number('ip.len', 'Total length', at.totalLength, shortLength);
  header.number('ip.id', 'Identification', at.identification, shortLength, (value) => hex(value, 4));
  header.flag('ip.flags.rb', 'Reserved bit', at.flagsAndOffset, shortLength, reservedMask);
  header.flag('ip.flags.df', 'Do not fragment', at.flagsAndOffset, shortLength, dontFragmentMask);
  const more = header.flag('ip.flags.mf', 'More fragments', at.flagsAndOffset, shortLength, moreFragmentsMask);
  const fragment = header.peek(at.flagsAndOffset, shortLength) & fragmentOffsetMask;
  const fragmentText = `${fragment} (byte ${fragment * fragmentUnit})`;
  header.add('ip.frag_offset', 'Fragment offset', at.flagsAndOffset, shortLength, fragment, fragmentText);
  header.number('ip.ttl', 'Time to live', at.timeToLive, 1);
  const protocol = header.number('ip.proto', 'Protocol', at.protocol, 1, named(ipProtocolNames));
  header.number('ip.checksum', 'Header checksum', at.checksum, shortLength, (value) => hex(value, 4));
  header.address('ip.src', 'Source address', at.source, ipv4Length, readIpv4);
  header.address('ip.dst', 'Destination address', at.destination, ipv4Length, readIpv4);

  const short = header.shortage(shortestHeader, context);
  if (short !== null || !header.has(shortestHeader)) return stop(short);
  if (headerLength < shortestHeader) return stop(header.badValue('ip.hdr_len', shortestHeader, headerLength));
  if (headerLength > shortestHeader) {
    const options = headerLength - shortestHeader;
    header.opaque('ip.options', 'Options', shortestHeader, options);
    addIpv4Options(header, shortestHeader, headerLength);
  }
  const layer = header.layer(headerLength);
  const cut = header.shortage(headerLength, context);
  if (cut !== null) return { layer, payload: null, error: cut };
  if (totalLength !== 0 && totalLength < headerLength) {
    return { layer, payload: null, error: header.badValue('ip.len', headerLength, totalLength) };
  }

  // Length 0 is segmentation offload's: the packet was captured before the device cut and measured it.
  const declaredEnd = totalLength === 0 ? end : offset + totalLength;
  return {
    layer,
    payload: {
      protocol: fragment === 0 ? ipProtocolDecoder(protocol) : 'data',
      offset: offset + headerLength,
      end: context.incomplete ? declaredEnd : Math.min(declaredEnd, end),
      limitedBy: totalLength === 0 || declaredEnd > end ? context.limitedBy : 'ip.len',
      incomplete: context.incomplete || more,
    },
    error: header.shortage(totalLength, context),
  };
};
