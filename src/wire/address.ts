/** Addresses as people write them. Each function reads its bytes at `offset`; the caller has checked that they are there. */

import { readUint } from './bytes.ts';

/** Bytes of an Ethernet address. */
export const macLength = 6;
/** Bytes of an IPv4 address. */
export const ipv4Length = 4;
/** Bytes of an IPv6 address. */
export const ipv6Length = 16;

const ipv6GroupLength = 2;
const ipv6Groups = ipv6Length / ipv6GroupLength;

/** `02:42:0a:58:00:01`. */
export function readMac(bytes: Uint8Array, offset: number): string {
  const parts: string[] = [];
  for (let index = offset; index < offset + macLength; index++) {
    parts.push(readUint(bytes, index, 1).toString(16).padStart(2, '0'));
  }
  return parts.join(':');
}

/** `10.88.0.1`. */
export function readIpv4(bytes: Uint8Array, offset: number): string {
  const parts: number[] = [];
  for (let index = offset; index < offset + ipv4Length; index++) parts.push(readUint(bytes, index, 1));
  return parts.join('.');
}

/** The first longest run of two or more zero groups (RFC 5952 section 4.2), as `[start, end)`; empty without one. */
function longestZeroRun(groups: readonly number[]): { start: number; end: number } {
  let best = { start: 0, end: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (groups[index] === 0) continue;
    if (index - start > Math.max(1, best.end - best.start)) best = { start, end: index };
    start = index + 1;
  }
  return best;
}

/** An IPv4 address from its 32 bits. */
export function readIpv4Word(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

/** An IPv6 address from its four 32-bit words. */
export function readIpv6Words(words: ArrayLike<number>): string {
  const bytes = new Uint8Array(ipv6Length);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < words.length; index += 1) {
    view.setInt32(index * Int32Array.BYTES_PER_ELEMENT, words[index] ?? 0);
  }
  return readIpv6(bytes, 0);
}

/** RFC 5952: `fe80::1`, and mixed notation for IPv4-mapped addresses (`::ffff:10.0.0.1`, section 5). */
export function readIpv6(bytes: Uint8Array, offset: number): string {
  const groups: number[] = [];
  for (let index = 0; index < ipv6Groups; index++) {
    groups.push(readUint(bytes, offset + index * ipv6GroupLength, ipv6GroupLength));
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  const zeros = longestZeroRun(groups);
  const ipv4Groups = ipv4Length / ipv6GroupLength;
  if (zeros.start === 0 && zeros.end === ipv6Groups - ipv4Groups - 1 && groups[zeros.end] === 0xffff) {
    return `::ffff:${readIpv4(bytes, offset + ipv6Length - ipv4Length)}`;
  }
  if (zeros.start === zeros.end) return text(groups);
  return `${text(groups.slice(0, zeros.start))}::${text(groups.slice(zeros.end))}`;
}

/** An IPv6 prefix of which only the first `length` bytes are there (at most 16); the others are zero. */
export function readIpv6Prefix(bytes: Uint8Array, offset: number, length: number): string {
  const whole = new Uint8Array(ipv6Length);
  whole.set(bytes.subarray(offset, offset + Math.min(length, ipv6Length)));
  return readIpv6(whole, 0);
}
