/**
 * ICMP errors (RFC 792, RFC 1812, RFC 4443): which one says what, and what a program hears of it, as `icmp_err_convert`
 * (net/ipv4/icmp.c) and `icmpv6_err_convert` (net/ipv6/icmp.c) translate it.
 */

/** An error's numbers. */
export interface IcmpError {
  readonly type: number;
  readonly code: number;
}

/** Type 3 of ICMP and type 1 of ICMPv6: destination unreachable. */
const unreachableType = { 4: 3, 6: 1 } as const;

/** Codes of destination unreachable; ICMPv6 calls a network that is not reachable "no route". */
const codes = {
  4: { network: 0, host: 1, port: 3, prohibited: 13 },
  6: { network: 0, host: 3, port: 4, prohibited: 1 },
} as const;

const timeExceeded = { 4: { type: 11, code: 0 }, 6: { type: 3, code: 0 } } as const;

const packetTooBig = { 4: { type: 3, code: 4 }, 6: { type: 2, code: 0 } } as const;

/** Types of echo messages. */
export const echoType = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

/** What a packet could not get to. */
export type Unreachable = keyof (typeof codes)[4];

/** The error "destination unreachable" with any code. */
export function unreachableBy(code: number, family: 4 | 6): IcmpError {
  return { type: unreachableType[family], code };
}

/** The error "destination unreachable" of an IP version. */
export function unreachable(what: Unreachable, family: 4 | 6): IcmpError {
  return unreachableBy(codes[family][what], family);
}

/** The error of a router where the time to live (the hop limit) is used up. */
export function exceeded(family: 4 | 6): IcmpError {
  return timeExceeded[family];
}

/** The error of a router that would have to cut the packet: fragmentation needed (RFC 792), packet too big (RFC 4443). */
export function tooBig(family: 4 | 6): IcmpError {
  return packetTooBig[family];
}

/** What an error means to a socket, and its words where a firewall sends it; `soft` is not told to a UDP socket. */
interface Meaning {
  readonly errno: string;
  readonly soft?: true;
  readonly name?: string;
}

/** By type and code. */
const meanings: Readonly<Record<4 | 6, Readonly<Record<string, Meaning>>>> = {
  4: {
    '3/0': { errno: 'ENETUNREACH', soft: true, name: 'network unreachable' },
    '3/1': { errno: 'EHOSTUNREACH', soft: true, name: 'host unreachable' },
    '3/2': { errno: 'ENOPROTOOPT', name: 'protocol unreachable' },
    '3/3': { errno: 'ECONNREFUSED', name: 'port unreachable' },
    '3/5': { errno: 'EOPNOTSUPP', soft: true },
    '3/6': { errno: 'ENETUNREACH' },
    '3/7': { errno: 'EHOSTDOWN' },
    '3/8': { errno: 'ENONET' },
    '3/9': { errno: 'ENETUNREACH', name: 'network prohibited' },
    '3/10': { errno: 'EHOSTUNREACH', name: 'host prohibited' },
    '3/11': { errno: 'ENETUNREACH', soft: true },
    '3/12': { errno: 'EHOSTUNREACH', soft: true },
    '3/13': { errno: 'EHOSTUNREACH', name: 'administratively prohibited' },
    '3/14': { errno: 'EHOSTUNREACH' },
    '3/15': { errno: 'EHOSTUNREACH' },
    '11/0': { errno: 'EHOSTUNREACH', soft: true },
  },
  6: {
    '1/0': { errno: 'ENETUNREACH', soft: true, name: 'no route' },
    '1/1': { errno: 'EACCES', name: 'administratively prohibited' },
    '1/2': { errno: 'EHOSTUNREACH', soft: true },
    '1/3': { errno: 'EHOSTUNREACH', soft: true, name: 'address unreachable' },
    '1/4': { errno: 'ECONNREFUSED', name: 'port unreachable' },
    '1/5': { errno: 'EACCES', name: 'source address failed policy' },
    '1/6': { errno: 'EACCES', name: 'route rejected' },
    '3/0': { errno: 'EHOSTUNREACH', soft: true },
  },
};

function meaningOf({ type, code }: IcmpError, family: 4 | 6): Meaning | undefined {
  return meanings[family][`${type}/${code}`];
}

/** The errno that the error gives a socket; null when it gives none. A soft error is not told to a UDP socket. */
export function icmpErrno(error: IcmpError, family: 4 | 6, hearsSoft: boolean): string | null {
  const meaning = meaningOf(error, family);
  return meaning === undefined || (meaning.soft === true && !hearsSoft) ? null : meaning.errno;
}

/** What connect() gives when the error comes back. */
export function errnoOf(error: IcmpError, family: 4 | 6): string {
  return icmpErrno(error, family, true) ?? 'EHOSTUNREACH';
}

/** The error in the words of its RFC. */
export function icmpName(error: IcmpError, family: 4 | 6): string {
  return meaningOf(error, family)?.name ?? `type ${error.type}, code ${error.code}`;
}
