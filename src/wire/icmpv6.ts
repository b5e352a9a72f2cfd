/** ICMPv6, RFC 4443; Neighbour Discovery, RFC 4861; length of the quoted packet RFC 4884. */

import { ipv6Length, macLength, readIpv6, readMac } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';

const at = { type: 0, code: 1, checksum: 2, rest: 4, lowHalf: 6, target: 8 };
const shortLength = 2;
const longLength = 4;
const headerLength = at.rest + longLength;
const targetEnd = at.target + ipv6Length;
/** RFC 4884 counts the quoted packet in 64-bit words. */
const quoteUnit = 8;

const type = {
  unreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  parameterProblem: 4,
  echoRequest: 128,
  echoReply: 129,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
};

const types: ReadonlyMap<number, string> = new Map([
  [type.unreachable, 'destination unreachable'],
  [type.packetTooBig, 'packet too big'],
  [type.timeExceeded, 'time exceeded'],
  [type.parameterProblem, 'parameter problem'],
  [type.echoRequest, 'echo request'],
  [type.echoReply, 'echo reply'],
  [130, 'multicast listener query'],
  [131, 'multicast listener report'],
  [132, 'multicast listener done'],
  [133, 'router solicitation'],
  [134, 'router advertisement'],
  [type.neighbourSolicitation, 'neighbour solicitation'],
  [type.neighbourAdvertisement, 'neighbour advertisement'],
  [137, 'redirect'],
  [143, 'multicast listener report v2'],
]);

const codes: ReadonlyMap<number, ReadonlyMap<number, string>> = new Map([
  [
    type.unreachable,
    new Map([
      [0, 'no route to destination'],
      [1, 'administratively prohibited'],
      [2, 'beyond scope of source address'],
      [3, 'address unreachable'],
      [4, 'port unreachable'],
      [5, 'source address failed policy'],
      [6, 'route to destination rejected'],
    ]),
  ],
  [
    type.timeExceeded,
    new Map([
      [0, 'hop limit exceeded'],
      [1, 'fragment reassembly time exceeded'],
    ]),
  ],
]);

const errorTypes: ReadonlySet<number> = new Set([
  type.unreachable,
  type.packetTooBig,
  type.timeExceeded,
  type.parameterProblem,
]);
const lengthTypes: ReadonlySet<number> = new Set([type.unreachable, type.timeExceeded]);

const flagMask = { router: 0x80, solicited: 0x40, override: 0x20 };

/** Within a Neighbour Discovery option; its length counts 8-byte units. */
const option = { type: 0, length: 1, value: 2 };
const optionUnit = 8;
const linkAddressOptions: ReadonlySet<number> = new Set([1, 2]);

/** What a message says: its code's name where that says more, else its type's. */
export function icmpv6Text(messageType: number, code: number): string {
  return codes.get(messageType)?.get(code) ?? types.get(messageType) ?? `type ${messageType} code ${code}`;
}

/** Adds the target and the link-layer address options of a solicitation or advertisement; gives the message's length. */
function addNeighbour(header: Header, messageType: number, messageLength: number): number {
  if (messageType === type.neighbourSolicitation) {
    header.address('icmpv6.nd.ns.target_address', 'Target address', at.target, ipv6Length, readIpv6);
  } else {
    header.flag('icmpv6.nd.na.flag.r', 'Router', at.rest, 1, flagMask.router);
    header.flag('icmpv6.nd.na.flag.s', 'Solicited', at.rest, 1, flagMask.solicited);
    header.flag('icmpv6.nd.na.flag.o', 'Override', at.rest, 1, flagMask.override);
    header.address('icmpv6.nd.na.target_address', 'Target address', at.target, ipv6Length, readIpv6);
  }
  let place = targetEnd;
  while (header.has(place + option.value)) {
    const length = header.peek(place + option.length, 1) * optionUnit;
    // RFC 4861 section 4.6: an option of length 0 makes the packet invalid.
    if (length === 0 || place + length > messageLength) break;
    if (linkAddressOptions.has(header.peek(place + option.type, 1))) {
      header.address('icmpv6.opt.linkaddr', 'Link-layer address', place + option.value, macLength, readMac);
    }
    place += length;
  }
  return Math.max(targetEnd, messageLength);
}

/** Decodes an ICMPv6 message; an error's payload is the packet that it quotes. */
export const decodeIcmpv6: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('icmpv6', 'Internet Control Message Protocol v6', bytes, offset, end);
  const messageType = header.number('icmpv6.type', 'Type', at.type, 1, named(types));
  header.number('icmpv6.code', 'Code', at.code, 1, (value) =>
    named(codes.get(messageType) ?? new Map<number, string>())(value),
  );
  header.number('icmpv6.checksum', 'Checksum', at.checksum, shortLength, (value) => hex(value, 4));
  if (messageType === type.neighbourSolicitation || messageType === type.neighbourAdvertisement) {
    const length = addNeighbour(header, messageType, end - offset);
    return { layer: header.layer(length), payload: null, error: header.shortage(targetEnd, context) };
  }
  if (messageType === type.echoRequest || messageType === type.echoReply) {
    header.number('icmpv6.echo.identifier', 'Identifier', at.rest, shortLength);
    header.number('icmpv6.echo.sequence_number', 'Sequence number', at.lowHalf, shortLength);
  } else if (messageType === type.packetTooBig) {
    header.number('icmpv6.mtu', 'MTU of the next hop', at.rest, longLength);
  }
  const words = lengthTypes.has(messageType) ? header.peek(at.rest, 1) : 0;
  if (words !== 0) header.number('icmpv6.length', 'Length of the quoted packet', at.rest, 1);

  const layer = header.layer(headerLength);
  const error = header.shortage(headerLength, context);
  if (error !== null || !header.has(headerLength)) return { layer, payload: null, error };
  const start = offset + headerLength;
  if (!errorTypes.has(messageType)) {
    return { layer, payload: { ...context, protocol: 'data', offset: start, end }, error };
  }
  const quoteEnd = words === 0 ? end : Math.min(end, start + words * quoteUnit);
  const quote = { protocol: 'ipv6', offset: start, end: quoteEnd, limitedBy: 'icmpv6', incomplete: true } as const;
  return { layer, payload: { ...quote, quoted: true }, error };
};
