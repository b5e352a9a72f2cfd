/** Addresses as people write them. Each function reads its bytes at `offset`; the caller has checked that they are there. */

import { formatIpv4, formatIpv6 } from '../inet/address.ts';
import { readUint } from './bytes.ts';

/** Bytes of an Ethernet address. */
export const macLength = 6;
/** Bytes of an IPv4 address. */
export const ipv4Length = 4;
/** Bytes of an IPv6 address. */
export const ipv6Length = 16;

const ipv6GroupLength = 2;

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
  return formatIpv4(readUint(bytes, offset, ipv4Length));
}

/** `fe80::1`; see `formatIpv6`. */
export function readIpv6(bytes: Uint8Array, offset: number): string {
  const groups: number[] = [];
  for (let index = offset; index < offset + ipv6Length; index += ipv6GroupLength) {
    groups.push(readUint(bytes, index, ipv6GroupLength));
  }
  return formatIpv6(groups);
}

/** An IPv6 prefix of which only the first `length` bytes are there (at most 16); the others are zero. */
export function readIpv6Prefix(bytes: Uint8Array, offset: number, length: number): string {
  const whole = new Uint8Array(ipv6Length);
  whole.set(bytes.subarray(offset, offset + Math.min(length, ipv6Length)));
  return readIpv6(whole, 0);
}
