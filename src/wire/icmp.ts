/** Internet Control Message Protocol, RFC 792; path MTU RFC 1191, length of the quoted packet RFC 4884. */

import { ipv4Length, readIpv4 } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';

const at = { type: 0, code: 1, checksum: 2, rest: 4, quoteLength: 5, lowHalf: 6 };
const shortLength = 2;
const headerLength = at.lowHalf + shortLength;
/** RFC 4884 counts the quoted packet in 32-bit words. */
const quoteUnit = 4;

const type = { echoReply: 0, unreachable: 3, redirect: 5, echoRequest: 8, timeExceeded: 11, parameterProblem: 12 };
const fragmentationNeeded = 4;

const types: ReadonlyMap<number, string> = new Map([
  [type.echoReply, 'echo reply'],
  [type.unreachable, 'destination unreachable'],
  [4, 'source quench'],
  [type.redirect, 'redirect'],
  [type.echoRequest, 'echo request'],
  [9, 'router advertisement'],
  [10, 'router solicitation'],
  [type.timeExceeded, 'time exceeded'],
  [type.parameterProblem, 'parameter problem'],
  [13, 'timestamp request'],
  [14, 'timestamp reply'],
]);

const codes: ReadonlyMap<number, ReadonlyMap<number, string>> = new Map([
  [
    type.unreachable,
    new Map([
      [0, 'network unreachable'],
      [1, 'host unreachable'],
      [2, 'protocol unreachable'],
      [3, 'port unreachable'],
      [fragmentationNeeded, 'fragmentation needed'],
      [5, 'source route failed'],
      [6, 'network unknown'],
      [7, 'host unknown'],
      [9, 'network administratively prohibited'],
      [10, 'host administratively prohibited'],
      [11, 'network unreachable for this service'],
      [12, 'host unreachable for this service'],
      [13, 'administratively prohibited'],
    ]),
  ],
  [
    type.redirect,
    new Map([
      [0, 'redirect for network'],
      [1, 'redirect for host'],
    ]),
  ],
  [
    type.timeExceeded,
    new Map([
      [0, 'time to live exceeded'],
      [1, 'fragment reassembly time exceeded'],
    ]),
  ],
]);

const errorTypes: ReadonlySet<number> = new Set([
  type.unreachable,
  4,
  type.redirect,
  type.timeExceeded,
  type.parameterProblem,
]);
const lengthTypes: ReadonlySet<number> = new Set([type.unreachable, type.timeExceeded, type.parameterProblem]);

/** What a message says: its code's name where that says more, else its type's. */
export function icmpText(messageType: number, code: number): string {
  return codes.get(messageType)?.get(code) ?? types.get(messageType) ?? `type ${messageType} code ${code}`;
}

/** Decodes an ICMP message; an error's payload is the packet that it quotes. */
export const decodeIcmp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('icmp', 'Internet Control Message Protocol', bytes, offset, end);
  const messageType = header.number('icmp.type', 'Type', at.type, 1, named(types));
  const code = header.number('icmp.code', 'Code', at.code, 1, (value) =>
    named(codes.get(messageType) ?? new Map<number, string>())(value),
  );
  header.number('icmp.checksum', 'Checksum', at.checksum, shortLength, (value) => hex(value, 4));
  if (messageType === type.echoRequest || messageType === type.echoReply) {
    header.number('icmp.ident', 'Identifier', at.rest, shortLength);
    header.number('icmp.seq', 'Sequence number', at.lowHalf, shortLength);
  } else if (messageType === type.unreachable && code === fragmentationNeeded) {
    header.number('icmp.mtu', 'MTU of the next hop', at.lowHalf, shortLength);
  } else if (messageType === type.redirect) {
    header.address('icmp.redir_gw', 'Better gateway', at.rest, ipv4Length, readIpv4);
  }
  const words = lengthTypes.has(messageType) ? header.peek(at.quoteLength, 1) : 0;
  if (words !== 0) header.number('icmp.length', 'Length of the quoted packet', at.quoteLength, 1);

  const layer = header.layer(headerLength);
  const error = header.shortage(headerLength, context);
  if (error !== null || !header.has(headerLength)) return { layer, payload: null, error };
  const start = offset + headerLength;
  if (!errorTypes.has(messageType)) {
    return { layer, payload: { ...context, protocol: 'data', offset: start, end }, error };
  }
  const quoteEnd = words === 0 ? end : Math.min(end, start + words * quoteUnit);
  const quote = { protocol: 'ip', offset: start, end: quoteEnd, limitedBy: 'icmp', incomplete: true } as const;
  return { layer, payload: { ...quote, quoted: true }, error };
};
