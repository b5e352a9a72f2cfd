/**
 * Point-to-Point Protocol, RFC 1661, with and without the address and control of its HDLC framing (RFC 1662); and
 * Cisco's HDLC, which is told apart by its address.
 */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named, type Protocol } from './decoder.ts';
import { ethertypeText } from './ethernet.ts';
import { numberOf } from './fields.ts';
import type { Layer } from './layer.ts';
import { ethertypeDecoder, ethertypeNames } from './numbers.ts';

const at = { address: 0, control: 1 };
const framingLength = at.control + 1;
const allStations = 0xff;
const unnumberedInformation = 0x03;
/** RFC 1661 section 2: the last byte of a protocol number is odd, all others are even. */
const lastByteMask = 0x01;
const shortLength = 2;

const protocols: readonly (readonly [number, string, Protocol])[] = [
  [0x0021, 'IPv4', 'ip'],
  [0x002d, 'Van Jacobson compressed TCP/IP', 'data'],
  [0x002f, 'Van Jacobson uncompressed TCP/IP', 'data'],
  [0x003d, 'multilink', 'data'],
  [0x0057, 'IPv6', 'ipv6'],
  [0x00fd, 'compressed', 'data'],
  [0x0281, 'MPLS', 'mpls'],
  [0x0283, 'MPLS multicast', 'mpls'],
  [0x8021, 'IPCP', 'data'],
  [0x8057, 'IPV6CP', 'data'],
  [0x80fd, 'CCP', 'data'],
  [0x8281, 'MPLSCP', 'data'],
  [0xc021, 'LCP', 'data'],
  [0xc023, 'PAP', 'data'],
  [0xc025, 'LQR', 'data'],
  [0xc223, 'CHAP', 'data'],
  [0xc227, 'EAP', 'data'],
];
const protocolNames = new Map(protocols.map(([number, name]) => [number, name]));
const protocolDecoders = new Map(protocols.map(([number, , protocol]) => [number, protocol]));

function protocolText(value: number): string {
  const name = protocolNames.get(value);
  return name === undefined ? `unknown (${hex(value, 4)})` : `${name} (${hex(value, 4)})`;
}

/** Decodes PPP, its address, control and the first byte of its protocol compressed away or not. */
export const decodePpp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('ppp', 'Point-to-Point Protocol', bytes, offset, end);
  const framed = header.peek(at.address, 1) === allStations && header.peek(at.control, 1) === unnumberedInformation;
  if (framed) {
    header.number('ppp.address', 'Address', at.address, 1, (value) => hex(value, 2));
    header.number('ppp.control', 'Control', at.control, 1, (value) => hex(value, 2));
  }
  const place = framed ? framingLength : 0;
  const protocolLength = (header.peek(place, 1) & lastByteMask) === 0 ? shortLength : 1;
  const protocol = header.number('ppp.protocol', 'Protocol', place, protocolLength, protocolText);
  const length = place + protocolLength;
  return header.decoded(length, context, header.rest(length, protocolDecoders.get(protocol) ?? 'data', context));
};

/** What PPP says when nothing inside it is decoded: `PPP LCP`. */
export function summarizePpp(layer: Layer): string {
  const protocol = numberOf(layer, 'ppp.protocol') ?? 0;
  return `PPP ${protocolNames.get(protocol) ?? `protocol ${hex(protocol, 4)}`}`;
}

const cisco = { address: 0, control: 1, protocol: 2 };
const ciscoLength = cisco.protocol + shortLength;
const ciscoAddresses: ReadonlyMap<number, string> = new Map([
  [0x0f, 'unicast'],
  [0x8f, 'multicast'],
]);

/** On Cisco's HDLC this number is the keep-alive's, elsewhere RARP's. */
const keepAlive = 0x8035;
const ciscoProtocols: ReadonlyMap<number, string> = new Map([
  [0x2000, 'CDP'],
  [keepAlive, 'SLARP'],
]);

function ciscoProtocolText(value: number): string {
  const name = ciscoProtocols.get(value);
  return name === undefined ? ethertypeText(value) : `${name} (${hex(value, 4)})`;
}

/** Decodes Cisco HDLC, or PPP where the address is PPP's (libpcap's link types 50 and 104 are used for both). */
export const decodeCiscoHdlc: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('chdlc', 'Cisco HDLC', bytes, offset, end);
  const address = header.peek(cisco.address, 1);
  if (header.has(1) && !ciscoAddresses.has(address)) return decodePpp(bytes, offset, end, context);
  header.number('chdlc.address', 'Address', cisco.address, 1, named(ciscoAddresses));
  header.number('chdlc.control', 'Control', cisco.control, 1, (value) => hex(value, 2));
  const protocol = header.number('chdlc.protocol', 'Protocol', cisco.protocol, shortLength, ciscoProtocolText);
  const next = ciscoProtocols.has(protocol) ? 'data' : ethertypeDecoder(protocol);
  return header.decoded(ciscoLength, context, header.rest(ciscoLength, next, context));
};

/** What Cisco HDLC says when nothing inside it is decoded: `HDLC SLARP`. */
export function summarizeCiscoHdlc(layer: Layer): string {
  const protocol = numberOf(layer, 'chdlc.protocol') ?? 0;
  const name = ciscoProtocols.get(protocol) ?? ethertypeNames.get(protocol) ?? `protocol ${hex(protocol, 4)}`;
  return `HDLC ${name}`;
}
