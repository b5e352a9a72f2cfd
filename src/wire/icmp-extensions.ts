/**
 * What follows the packet that an ICMP or ICMPv6 error quotes: the extension structure of RFC 4884, with the MPLS labels
 * that a router met the packet with (RFC 4950).
 */

import { hex } from './bytes.ts';
import { type Header, named } from './decoder.ts';

const at = { version: 0, checksum: 2, objects: 4 };
const versionMask = 0xf0;
/** Version 2, in its place under the mask. */
const version = 0x20;
const shortLength = 2;
const longLength = 4;

/** Within an object; its length counts these four bytes too. */
const object = { length: 0, class: 2, type: 3, payload: 4 };
const labelStack = 1;
const classes: ReadonlyMap<number, string> = new Map([
  [labelStack, 'MPLS label stack'],
  [2, 'interface information'],
  [3, 'interface identification'],
  [4, 'extended information'],
  [5, 'node identification'],
]);
const labelMask = { label: 0xfffff000, experimental: 0x00000e00, bottom: 0x00000100, timeToLive: 0x000000ff };

/** RFC 4884 section 5.5: senders of before that document quote exactly so many bytes and state no length. */
const quoteWithoutLength = 128;

const wordMask = 0xffff;
const byteBits = 8;

/** True when the 16-bit one's complement sum of the bytes is that of a correct checksum (RFC 1071). */
function checksumHolds(header: Header, start: number, end: number): boolean {
  let sum = 0;
  for (let place = start; place < end; place += shortLength) {
    const word = place + 1 < end ? header.peek(place, shortLength) : header.peek(place, 1) << byteBits;
    sum += word;
    if (sum > wordMask) sum -= wordMask;
  }
  return sum === wordMask;
}

/**
 * Where the quoted packet ends, counted from the start of the message that ends at `end`.
 *
 * @param start Where the quote starts.
 * @param stated Bytes of the quote by the length field; 0 when it has none. Then only a correct checksum shows that
 *   extensions follow.
 */
export function quoteEnd(header: Header, start: number, stated: number, end: number): number {
  if (stated > 0) return Math.min(end, start + stated);
  const place = start + quoteWithoutLength;
  if (place + at.objects > end || !header.has(end)) return end;
  const isExtension = (header.peek(place, 1) & versionMask) === version && checksumHolds(header, place, end);
  return isExtension ? place : end;
}

function addLabels(header: Header, start: number, end: number): void {
  for (let place = start; place + longLength <= end; place += longLength) {
    header.bits('icmp.mpls.label', 'MPLS label', place, longLength, labelMask.label);
    header.bits('icmp.mpls.exp', 'MPLS traffic class', place, longLength, labelMask.experimental);
    header.flag('icmp.mpls.s', 'MPLS bottom of stack', place, longLength, labelMask.bottom);
    header.bits('icmp.mpls.ttl', 'MPLS time to live', place, longLength, labelMask.timeToLive);
  }
}

/** Adds the fields of the extension structure between `start` and `end`, if there is one of the version known. */
export function addIcmpExtensions(header: Header, start: number, end: number): void {
  if (start + at.objects > end || (header.peek(start, 1) & versionMask) !== version) return;
  header.bits('icmp.ext.version', 'Extension version', start + at.version, 1, versionMask);
  header.number('icmp.ext.checksum', 'Extension checksum', start + at.checksum, shortLength, (value) => hex(value, 4));
  let place = start + at.objects;
  while (place + object.payload <= end && header.has(place + object.payload)) {
    const length = header.number('icmp.ext.length', 'Object length', place + object.length, shortLength);
    const kind = header.number('icmp.ext.class', 'Object class', place + object.class, 1, named(classes));
    header.number('icmp.ext.ctype', 'Object type', place + object.type, 1);
    if (length < object.payload || place + length > end) return;
    if (kind === labelStack) addLabels(header, place + object.payload, place + length);
    place += length;
  }
}
