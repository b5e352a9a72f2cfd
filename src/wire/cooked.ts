/**
 * Link layers that are not Ethernet's: Linux cooked capture v1 and v2 (LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2), BSD
 * loopback (LINKTYPE_NULL, LINKTYPE_LOOP), and none at all (LINKTYPE_RAW), as tcpdump.org's link-layer header pages lay them out.
 */

import { macLength, readMac } from './address.ts';
import { readHex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named, type Protocol } from './decoder.ts';
import { ethertypeText } from './ethernet.ts';
import { ethertypeDecoder } from './numbers.ts';

interface CookedLayout {
  readonly protocol: number;
  readonly packetType: number;
  readonly packetTypeLength: number;
  readonly hardwareType: number;
  readonly addressLength: number;
  readonly addressLengthLength: number;
  readonly address: number;
  readonly interfaceIndex: number | null;
  readonly length: number;
}

const cookedV1: CookedLayout = {
  packetType: 0,
  packetTypeLength: 2,
  hardwareType: 2,
  addressLength: 4,
  addressLengthLength: 2,
  address: 6,
  protocol: 14,
  interfaceIndex: null,
  length: 16,
};

const cookedV2: CookedLayout = {
  protocol: 0,
  interfaceIndex: 4,
  hardwareType: 8,
  packetType: 10,
  packetTypeLength: 1,
  addressLength: 11,
  addressLengthLength: 1,
  address: 12,
  length: 20,
};

/** Bytes kept for the address, whatever its length. */
const cookedAddressRoom = 8;
const shortLength = 2;
const longLength = 4;

/** What Linux puts in the place of an EtherType for a frame with LLC (ETH_P_802_2). */
const logicalLinkControl = 0x0004;

const packetTypes: ReadonlyMap<number, string> = new Map([
  [0, 'to this host'],
  [1, 'broadcast'],
  [2, 'multicast'],
  [3, 'to another host'],
  [4, 'sent by this host'],
]);

function cooked(layout: CookedLayout, title: string): Decoder {
  return (bytes, offset, end, context): Decoded => {
    const header = new Header('sll', title, bytes, offset, end);
    header.number('sll.pkttype', 'Packet type', layout.packetType, layout.packetTypeLength, named(packetTypes));
    header.number('sll.hatype', 'Link-layer address type', layout.hardwareType, shortLength);
    const size = header.number('sll.halen', 'Address length', layout.addressLength, layout.addressLengthLength);
    if (size === macLength) header.address('sll.src.eth', 'Source', layout.address, macLength, readMac);
    else if (size > 0) {
      const length = Math.min(size, cookedAddressRoom);
      header.address('sll.src.other', 'Source', layout.address, length, (all, from) =>
        readHex(all, from, from + length),
      );
    }
    if (layout.interfaceIndex !== null) {
      header.number('sll.ifindex', 'Interface index', layout.interfaceIndex, longLength);
    }
    const type = header.number('sll.etype', 'Protocol', layout.protocol, shortLength, ethertypeText);
    const protocol = type === logicalLinkControl ? 'llc' : ethertypeDecoder(type);
    return header.decoded(layout.length, context, header.rest(layout.length, protocol, context));
  };
}

/** Decodes a Linux cooked header, version 1. */
export const decodeCookedV1 = cooked(cookedV1, 'Linux cooked capture v1');

/** Decodes a Linux cooked header, version 2. */
export const decodeCookedV2 = cooked(cookedV2, 'Linux cooked capture v2');

/** AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 28 or 30 on the BSDs and macOS. */
const families: ReadonlyMap<number, { readonly name: string; readonly protocol: Protocol }> = new Map([
  [2, { name: 'IPv4', protocol: 'ip' }],
  [10, { name: 'IPv6', protocol: 'ipv6' }],
  [24, { name: 'IPv6', protocol: 'ipv6' }],
  [28, { name: 'IPv6', protocol: 'ipv6' }],
  [30, { name: 'IPv6', protocol: 'ipv6' }],
]);
const familyNames = new Map([...families].map(([number, { name }]) => [number, name]));
const familyAt = 0;

function loopback(familyOf: (header: Header) => number): Decoder {
  return (bytes, offset, end, context): Decoded => {
    const header = new Header('null', 'Null/Loopback', bytes, offset, end);
    const family = familyOf(header);
    header.add('null.family', 'Family', familyAt, longLength, family, named(familyNames)(family));
    const protocol = families.get(family)?.protocol ?? 'data';
    return header.decoded(longLength, context, header.rest(longLength, protocol, context));
  };
}

/** Decodes BSD loopback's header: an address family in the byte order of the host that captured it. */
export const decodeNull = loopback((header) => {
  const big = header.peek(familyAt, longLength);
  const high = header.peek(familyAt, shortLength);
  // Families are small numbers: when the high half is in use, the number is little-endian.
  const swapped = ((big >>> 24) | ((big >>> 8) & 0xff00) | ((big << 8) & 0xff0000) | (big << 24)) >>> 0;
  return high === 0 ? big : swapped;
});

/** Decodes OpenBSD's loopback header: the same family, always in network byte order. */
export const decodeLoop = loopback((header) => header.peek(familyAt, longLength));

const versionShift = 4;
const versions: ReadonlyMap<number, Protocol> = new Map([
  [4, 'ip'],
  [6, 'ipv6'],
]);

/** Finds which IP a frame without a link layer holds, by its version; `data` for neither. */
export function rawProtocol(bytes: Uint8Array): Protocol {
  return versions.get((bytes.at(0) ?? 0) >> versionShift) ?? 'data';
}
