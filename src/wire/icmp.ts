/**
 * Internet Control Message Protocol, RFC 792; address masks RFC 950, path MTU RFC 1191, router discovery RFC 1256, length
 * of the quoted packet RFC 4884, extended echo RFC 8335.
 */

import { ipv4Length, readIpv4 } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { addIcmpExtensions, quoteEnd } from './icmp-extensions.ts';
import { fragmentationNeeded, icmpCodes, icmpType, icmpTypes } from './icmp-names.ts';

const at = { type: 0, code: 1, checksum: 2, rest: 4, quoteLength: 5, lowHalf: 6 };
const shortLength = 2;
const longLength = 4;
const headerLength = at.lowHalf + shortLength;
const times = { originate: headerLength, receive: headerLength + longLength, transmit: headerLength + 2 * longLength };
/** RFC 4884 counts the quoted packet in 32-bit words. */
const quoteUnit = 4;

/** Of a router advertisement. */
const router = { count: 4, entrySize: 5, lifetime: 6, preference: 4 };

/** Of extended echo: the sequence number has one byte, flags the next. */
const extended = { sequence: 6, flags: 7 };
const extendedMask = { local: 0x01, state: 0xe0, active: 0x04, ipv4: 0x02, ipv6: 0x01 };

const { echoReply, echoRequest, timestampRequest, timestampReply, maskRequest, maskReply } = icmpType;
const identified: ReadonlySet<number> = new Set([
  echoReply,
  echoRequest,
  timestampRequest,
  timestampReply,
  icmpType.informationRequest,
  icmpType.informationReply,
  maskRequest,
  maskReply,
]);
const errorTypes: ReadonlySet<number> = new Set([
  icmpType.unreachable,
  icmpType.sourceQuench,
  icmpType.redirect,
  icmpType.timeExceeded,
  icmpType.parameterProblem,
]);
const lengthTypes: ReadonlySet<number> = new Set([
  icmpType.unreachable,
  icmpType.timeExceeded,
  icmpType.parameterProblem,
]);

function addRouters(header: Header): number {
  const count = header.number('icmp.num_addrs', 'Addresses', router.count, 1);
  const words = header.number('icmp.addr_entry_size', 'Address entry size', router.entrySize, 1);
  header.number('icmp.lifetime', 'Lifetime', router.lifetime, shortLength, (value) => `${value} s`);
  const entryLength = words * longLength;
  if (entryLength < router.preference + longLength) return headerLength;
  for (let index = 0; index < count; index++) {
    const place = headerLength + index * entryLength;
    header.address('icmp.router_address', 'Router', place, ipv4Length, readIpv4);
    const preference = header.peek(place + router.preference, longLength) | 0;
    header.add('icmp.pref_level', 'Preference', place + router.preference, longLength, preference);
  }
  return headerLength + count * entryLength;
}

function addTimes(header: Header): number {
  const text = (value: number): string => `${value} ms since midnight UTC`;
  header.number('icmp.originate_timestamp', 'Originate timestamp', times.originate, longLength, text);
  header.number('icmp.receive_timestamp', 'Receive timestamp', times.receive, longLength, text);
  header.number('icmp.transmit_timestamp', 'Transmit timestamp', times.transmit, longLength, text);
  return times.transmit + longLength;
}

function addExtendedEcho(header: Header, type: number): void {
  header.number('icmp.ident', 'Identifier', at.rest, shortLength);
  header.number('icmp.ext.echo.seq', 'Sequence number', extended.sequence, 1);
  if (type === icmpType.extendedEchoRequest) {
    header.flag('icmp.ext.echo.req.local', 'Local', extended.flags, 1, extendedMask.local);
    return;
  }
  header.bits('icmp.ext.echo.rsp.state', 'State', extended.flags, 1, extendedMask.state);
  header.flag('icmp.ext.echo.rsp.active', 'Active', extended.flags, 1, extendedMask.active);
  header.flag('icmp.ext.echo.rsp.ipv4', 'IPv4', extended.flags, 1, extendedMask.ipv4);
  header.flag('icmp.ext.echo.rsp.ipv6', 'IPv6', extended.flags, 1, extendedMask.ipv6);
}

/** Adds what a message of this type has of its own; gives the length of its fixed part. */
function addMessage(header: Header, type: number, code: number): number {
  if (identified.has(type)) {
    header.number('icmp.ident', 'Identifier', at.rest, shortLength);
    header.number('icmp.seq', 'Sequence number', at.lowHalf, shortLength);
  }
  switch (type) {
    case icmpType.unreachable:
      if (code === fragmentationNeeded) header.number('icmp.mtu', 'MTU of the next hop', at.lowHalf, shortLength);
      return headerLength;
    case icmpType.redirect:
      header.address('icmp.redir_gw', 'Better gateway', at.rest, ipv4Length, readIpv4);
      return headerLength;
    case icmpType.parameterProblem:
      header.number('icmp.pointer', 'Offending byte', at.rest, 1);
      return headerLength;
    case icmpType.routerAdvertisement:
      return addRouters(header);
    case timestampRequest:
    case timestampReply:
      return addTimes(header);
    case maskRequest:
    case maskReply:
      header.address('icmp.address_mask', 'Address mask', headerLength, ipv4Length, readIpv4);
      return headerLength + ipv4Length;
    case icmpType.extendedEchoRequest:
    case icmpType.extendedEchoReply:
      addExtendedEcho(header, type);
      return headerLength;
    default:
      return headerLength;
  }
}

/** Decodes an ICMP message; an error's payload is the packet that it quotes. */
export const decodeIcmp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('icmp', 'Internet Control Message Protocol', bytes, offset, end);
  const type = header.number('icmp.type', 'Type', at.type, 1, named(icmpTypes));
  const code = header.number('icmp.code', 'Code', at.code, 1, named(icmpCodes.get(type) ?? new Map()));
  header.number('icmp.checksum', 'Checksum', at.checksum, shortLength, (value) => hex(value, 4));
  const length = addMessage(header, type, code);
  if (!errorTypes.has(type)) return header.decoded(length, context, header.rest(length, 'data', context));

  const words = lengthTypes.has(type) ? header.peek(at.quoteLength, 1) : 0;
  if (words !== 0) header.number('icmp.length', 'Length of the quoted packet', at.quoteLength, 1);
  const quoted = quoteEnd(header, length, words * quoteUnit, end - offset);
  addIcmpExtensions(header, quoted, end - offset);
  return header.decoded(length, context, {
    protocol: 'ip',
    offset: offset + length,
    end: offset + quoted,
    limitedBy: 'icmp',
    incomplete: true,
    quoted: true,
  });
};
