/**
 * IPv6's extension headers, RFC 8200 section 4: hop-by-hop and destination options, routing (types 0, 2 and 3 of RFC 5095,
 * RFC 6275 and RFC 6554, segment routing of RFC 8754), fragment; and those of other documents: Authentication Header
 * (RFC 4302), mobility (RFC 6275), HIP (RFC 7401) and Shim6 (RFC 5533).
 */

import { ipv6Length, readIpv6 } from './address.ts';
import { hex } from './bytes.ts';
import { type Context, type Header, named } from './decoder.ts';
import { addAuthenticationHeader } from './ipsec.ts';
import { addIpv6Options } from './ipv6-options.ts';
import type { DecodeError } from './layer.ts';
import { ipProtocolNames } from './numbers.ts';

const shortLength = 2;
const longLength = 4;
/** Lengths count 8-byte units beyond the first. */
const unit = 8;

/** Within an extension header. */
const at = { nextHeader: 0, length: 1, options: 2 };
const routing = { type: 2, segmentsLeft: 3, lastEntry: 4, flags: 5, tag: 6, addresses: 8 };
const fragment = { offset: 2, identification: 4 };
const mobility = { type: 2, checksum: 4 };
const hostIdentity = { type: 2, version: 3, checksum: 4 };
const hostIdentityVersionMask = 0xf0;
const shim = { type: 2, checksum: 4 };
const payloadBit = 0x80;

const fragmentOffsetShift = 3;
const moreFragmentsMask = 0x0001;
const packetTypeMask = 0x7f;

const next = {
  hopByHop: 0,
  routing: 43,
  fragment: 44,
  authentication: 51,
  destination: 60,
  mobility: 135,
  hip: 139,
  shim6: 140,
};

/** The fields that name the next header and the length, as Wireshark calls them. */
const lengthFields: ReadonlyMap<number, { readonly next: string; readonly length: string | null }> = new Map([
  [next.hopByHop, { next: 'ipv6.hopopts.nxt', length: 'ipv6.hopopts.len' }],
  [next.routing, { next: 'ipv6.routing.nxt', length: 'ipv6.routing.len' }],
  [next.fragment, { next: 'ipv6.fraghdr.nxt', length: null }],
  [next.destination, { next: 'ipv6.dstopts.nxt', length: 'ipv6.dstopts.len' }],
  [next.mobility, { next: 'mip6.proto', length: 'mip6.hlen' }],
  [next.hip, { next: 'hip.proto', length: 'hip.hdr_len' }],
  [next.shim6, { next: 'shim6.nxt', length: 'shim6.len' }],
]);

const routingType = { source: 0, mobile: 2, segments: 4 };
const routingTypes: ReadonlyMap<number, string> = new Map([
  [routingType.source, 'source route (deprecated)'],
  [routingType.mobile, 'mobile IPv6'],
  [3, 'RPL source route'],
  [routingType.segments, 'segment routing'],
  [5, 'compact 16-bit segments'],
  [6, 'compact 32-bit segments'],
]);

const mobilityTypes: ReadonlyMap<number, string> = new Map([
  [0, 'binding refresh request'],
  [1, 'home test init'],
  [2, 'care-of test init'],
  [3, 'home test'],
  [4, 'care-of test'],
  [5, 'binding update'],
  [6, 'binding acknowledgement'],
  [7, 'binding error'],
]);

const hostIdentityTypes: ReadonlyMap<number, string> = new Map([
  [1, 'I1'],
  [2, 'R1'],
  [3, 'I2'],
  [4, 'R2'],
  [16, 'update'],
  [17, 'notify'],
  [18, 'close'],
  [19, 'close acknowledgement'],
]);

/** Adds the addresses that fill a routing header from `place` up to `end`. */
function addAddresses(header: Header, name: string, label: string, place: number, end: number, most: number): void {
  for (let index = 0; index < most; index++) {
    const start = place + index * ipv6Length;
    if (start + ipv6Length > end) return;
    header.address(name, label, start, ipv6Length, readIpv6);
  }
}

function addRouting(header: Header, place: number, end: number): void {
  const type = header.number('ipv6.routing.type', 'Routing type', place + routing.type, 1, named(routingTypes));
  header.number('ipv6.routing.segleft', 'Segments left', place + routing.segmentsLeft, 1);
  const addresses = place + routing.addresses;
  const most = Math.floor((end - addresses) / ipv6Length);
  if (type === routingType.source) addAddresses(header, 'ipv6.routing.src.addr', 'Address', addresses, end, most);
  else if (type === routingType.mobile) {
    addAddresses(header, 'ipv6.routing.mipv6.home_address', 'Home address', addresses, end, 1);
  } else if (type === routingType.segments) {
    const last = header.number('ipv6.routing.srh.last_entry', 'Last entry', place + routing.lastEntry, 1);
    header.number('ipv6.routing.srh.flags', 'Flags', place + routing.flags, 1, (value) => hex(value, 2));
    header.opaque('ipv6.routing.srh.tag', 'Tag', place + routing.tag, shortLength);
    // Behind the last entry stand options, not segments.
    addAddresses(header, 'ipv6.routing.srh.addr', 'Segment', addresses, end, last + 1);
  }
}

function addMobility(header: Header, place: number): void {
  header.number('mip6.mhtype', 'Mobility type', place + mobility.type, 1, named(mobilityTypes));
  header.number('mip6.csum', 'Checksum', place + mobility.checksum, shortLength, (value) => hex(value, 4));
}

function addHostIdentity(header: Header, place: number): void {
  const type = place + hostIdentity.type;
  header.bits('hip.packet_type', 'Packet type', type, 1, packetTypeMask, named(hostIdentityTypes));
  header.bits('hip.version', 'Version', place + hostIdentity.version, 1, hostIdentityVersionMask);
  header.number('hip.checksum', 'Checksum', place + hostIdentity.checksum, shortLength, (value) => hex(value, 4));
}

function addShim6(header: Header, place: number): void {
  // With the bit, the header stands before a payload and holds nothing but a context tag.
  if (header.flag('shim6.p', 'Payload', place + shim.type, 1, payloadBit)) return;
  header.bits('shim6.type', 'Message type', place + shim.type, 1, packetTypeMask);
  header.number('shim6.checksum', 'Checksum', place + shim.checksum, shortLength, (value) => hex(value, 4));
}

/** What a chain of extension headers leads to. */
export interface Extensions {
  readonly nextHeader: number;
  /** Bytes of all headers so far, counted from the start of the IPv6 header. */
  readonly length: number;
  /** In 8-byte units. */
  readonly fragmentOffset: number;
  readonly moreFragments: boolean;
  /** The payload length of a jumbogram (RFC 2675); null for any other packet. */
  readonly jumboLength: number | null;
  readonly error: DecodeError | null;
}

/** Adds the fields of the extension headers from `start` on. What follows a fragment that is not the first is data. */
export function addExtensions(header: Header, first: number, start: number, context: Context): Extensions {
  let found: Extensions = {
    nextHeader: first,
    length: start,
    fragmentOffset: 0,
    moreFragments: false,
    jumboLength: null,
    error: null,
  };
  for (;;) {
    const { nextHeader, length: place, fragmentOffset } = found;
    const names = lengthFields.get(nextHeader);
    if (fragmentOffset > 0 || (names === undefined && nextHeader !== next.authentication)) return found;

    let end = place + unit;
    if (names === undefined) end = Math.max(end, place + addAuthenticationHeader(header, place));
    else {
      header.number(names.next, 'Next header', place + at.nextHeader, 1, named(ipProtocolNames));
      if (names.length !== null) end += header.number(names.length, 'Length', place + at.length, 1) * unit;
    }
    if (nextHeader === next.fragment) {
      const offset = header.peek(place + fragment.offset, shortLength) >> fragmentOffsetShift;
      header.add('ipv6.fraghdr.offset', 'Fragment offset', place + fragment.offset, shortLength, offset);
      const more = place + fragment.offset;
      const moreFragments = header.flag('ipv6.fraghdr.more', 'More fragments', more, shortLength, moreFragmentsMask);
      header.number('ipv6.fraghdr.ident', 'Identification', place + fragment.identification, longLength, (value) =>
        hex(value, 8),
      );
      found = { ...found, fragmentOffset: offset, moreFragments };
    } else if (nextHeader === next.hopByHop) {
      found = { ...found, jumboLength: addIpv6Options(header, place + at.options, end) };
    } else if (nextHeader === next.destination) addIpv6Options(header, place + at.options, end);
    else if (nextHeader === next.routing) addRouting(header, place, end);
    else if (nextHeader === next.mobility) addMobility(header, place);
    else if (nextHeader === next.hip) addHostIdentity(header, place);
    else if (nextHeader === next.shim6) addShim6(header, place);

    if (!header.has(end)) return { ...found, length: end, error: header.shortage(end, context) };
    found = { ...found, length: end, nextHeader: header.peek(place + at.nextHeader, 1) };
  }
}
