/**
 * ICMP errors (RFC 792, RFC 1812, RFC 4443): which one says what, and what a program hears of it, as `icmp_err_convert`
 * (net/ipv4/icmp.c) and `icmpv6_err_convert` (net/ipv6/icmp.c) translate it.
 */

import type { IcmpError } from '../host/netfilter.ts';

/** Type 3 of ICMP and type 1 of ICMPv6: destination unreachable. */
const unreachableType = { 4: 3, 6: 1 } as const;

/** Codes of destination unreachable; ICMPv6 calls a network that is not reachable "no route". */
const codes = {
  4: { network: 0, host: 1, port: 3, prohibited: 13 },
  6: { network: 0, host: 3, port: 4, prohibited: 1 },
} as const;

const timeExceeded = { 4: { type: 11, code: 0 }, 6: { type: 3, code: 0 } } as const;

const packetTooBig = { 4: { type: 3, code: 4 }, 6: { type: 2, code: 0 } } as const;

/** What a packet could not get to. */
export type Unreachable = keyof (typeof codes)[4];

/** The error "destination unreachable" of an IP version. */
export function unreachable(what: Unreachable, family: 4 | 6): IcmpError {
  return { type: unreachableType[family], code: codes[family][what] };
}

/** The error of a router where the time to live (the hop limit) is used up. */
export function exceeded(family: 4 | 6): IcmpError {
  return timeExceeded[family];
}

/** The error of a router that would have to cut the packet: fragmentation needed (RFC 792), packet too big (RFC 4443). */
export function tooBig(family: 4 | 6): IcmpError {
  return packetTooBig[family];
}

/** Errno and words by the code of destination unreachable. */
const meanings = {
  4: new Map([
    [0, ['ENETUNREACH', 'network unreachable']],
    [1, ['EHOSTUNREACH', 'host unreachable']],
    [2, ['ENOPROTOOPT', 'protocol unreachable']],
    [3, ['ECONNREFUSED', 'port unreachable']],
    [9, ['ENETUNREACH', 'network prohibited']],
    [10, ['EHOSTUNREACH', 'host prohibited']],
    [13, ['EHOSTUNREACH', 'administratively prohibited']],
  ]),
  6: new Map([
    [0, ['ENETUNREACH', 'no route']],
    [1, ['EACCES', 'administratively prohibited']],
    [3, ['EHOSTUNREACH', 'address unreachable']],
    [4, ['ECONNREFUSED', 'port unreachable']],
    [5, ['EACCES', 'source address failed policy']],
    [6, ['EACCES', 'route rejected']],
  ]),
} as const satisfies Record<4 | 6, ReadonlyMap<number, readonly [string, string]>>;

/** What connect() gives when the error comes back. */
export function errnoOf({ type, code }: IcmpError, family: 4 | 6): string {
  const told = type === unreachableType[family] ? meanings[family].get(code) : undefined;
  return told?.[0] ?? 'EHOSTUNREACH';
}

/** The error in the words of its RFC. */
export function icmpName({ type, code }: IcmpError, family: 4 | 6): string {
  const told = type === unreachableType[family] ? meanings[family].get(code) : undefined;
  return told?.[1] ?? `type ${type}, code ${code}`;
}
