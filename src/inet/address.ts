/** Addresses and prefixes as text and as numbers: IPv4 (RFC 791) in 32 bits, IPv6 (RFC 4291) in 128. */

/** Bits of an address, by its family. */
export const addressBits = { 4: 32, 6: 128 } as const;

/** No address, or any, by its family (RFC 1122, section 3.2.1.3; RFC 4291, section 2.5.2). */
export const unspecifiedAddress = { 4: '0.0.0.0', 6: '::' } as const;

/** An address as a number, most significant byte first. */
export interface NumericAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

function parse4(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    // No leading zeros: some programs read them as octal (RFC 6943, section 3.1.1).
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = value * 256 + Number(part);
  }
  return BigInt(value);
}

const groups6 = 8;

function parse6(text: string): bigint | null {
  const dotted = text.lastIndexOf('.') === -1 ? null : parse4(text.slice(text.lastIndexOf(':') + 1));
  const plain =
    dotted === null
      ? text
      : `${text.slice(0, text.lastIndexOf(':') + 1)}${(dotted >> 16n).toString(16)}:${(dotted & 0xffffn).toString(16)}`;
  const halves = plain.split('::');
  if (halves.length > 2) return null;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const gap = groups6 - head.length - tail.length;
  if (halves.length === 2 ? gap < 1 : gap !== 0) return null;
  const groups = [...head, ...Array<string>(gap).fill('0'), ...tail];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}

/** The family of what is an address. */
export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

function readAddress(text: string): NumericAddress | null {
  const family = familyOf(text);
  const value = family === 6 ? parse6(text) : parse4(text);
  return value === null ? null : { family, value };
}

/** A host has few addresses, and every look-up compares with all of them. */
const mostKept = 4096;
const kept = new Map<string, NumericAddress | null>();

/** Reads an address without zone or prefix length, or returns null for what is none. */
export function parseAddress(text: string): NumericAddress | null {
  const known = kept.get(text);
  if (known !== undefined) return known;
  const address = readAddress(text);
  if (kept.size >= mostKept) kept.clear();
  kept.set(text, address);
  return address;
}

/** True when two texts name one address (`::1` and `0:0:0:0:0:0:0:1`). */
export function sameAddress(a: string, b: string): boolean {
  if (a === b) return true;
  const [first, second] = [parseAddress(a), parseAddress(b)];
  return first !== null && second !== null && first.family === second.family && first.value === second.value;
}

/** How many of the last bits of an address tell hosts apart; null for an impossible prefix length. */
function hostBitsOf(family: 4 | 6, length: number): bigint | null {
  const bits = addressBits[family];
  return Number.isInteger(length) && length >= 0 && length <= bits ? BigInt(bits - length) : null;
}

/** True when the address lies in `prefix/length`; it lies in no prefix of the other family or of an impossible length. */
export function inPrefix(address: string, prefix: string, length: number): boolean {
  const [inner, outer] = [parseAddress(address), parseAddress(prefix)];
  if (inner === null || outer === null || inner.family !== outer.family) return false;
  const hostBits = hostBitsOf(inner.family, length);
  return hostBits !== null && inner.value >> hostBits === outer.value >> hostBits;
}

/** The first and the last address of `prefix/length`, whatever bits `prefix` has behind its length; null for none. */
export function prefixRange(prefix: string, length: number): { readonly low: bigint; readonly high: bigint } | null {
  const parsed = parseAddress(prefix);
  const hostBits = parsed === null ? null : hostBitsOf(parsed.family, length);
  if (parsed === null || hostBits === null) return null;
  const low = (parsed.value >> hostBits) << hostBits;
  return { low, high: low | ((1n << hostBits) - 1n) };
}

/** 0.0.0.0 or `::`: no address, or any. */
export function isUnspecified(address: string): boolean {
  return parseAddress(address)?.value === 0n;
}

/** 127.0.0.0/8 (RFC 1122, section 3.2.1.3) or `::1`. */
export function isLoopback(address: string): boolean {
  return inPrefix(address, '127.0.0.0', 8) || inPrefix(address, '::1', 128);
}

/** 255.255.255.255: everybody on the link, and nobody beyond (RFC 919, section 7). */
export function isLimitedBroadcast(address: string): boolean {
  return sameAddress(address, '255.255.255.255');
}

/** 224.0.0.0/4 (RFC 5771) or ff00::/8. */
export function isMulticast(address: string): boolean {
  return inPrefix(address, '224.0.0.0', 4) || inPrefix(address, 'ff00::', 8);
}

/** fe80::/10: names a host on one link alone. */
export function isLinkLocal6(address: string): boolean {
  return inPrefix(address, 'fe80::', 10);
}

/** How many leading bits two addresses of one family share; 0 for two of different families. */
export function commonPrefixLength(a: string, b: string): number {
  const [first, second] = [parseAddress(a), parseAddress(b)];
  if (first === null || second === null || first.family !== second.family) return 0;
  const bits = addressBits[first.family];
  return bits - (first.value ^ second.value).toString(2).padStart(bits, '0').replace(/^0*/, '').length;
}

/** The first longest run of two or more zero groups (RFC 5952, section 4.2), as `[start, end)`; empty without one. */
function longestZeroRun(groups: readonly number[]): { start: number; end: number } {
  let best = { start: 0, end: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index += 1) {
    if (groups[index] === 0) continue;
    if (index - start > Math.max(1, best.end - best.start)) best = { start, end: index };
    start = index + 1;
  }
  return best;
}

/** An IPv4 address from its 32 bits, signed or not. */
export function formatIpv4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 0xff}.${(word >>> 8) & 0xff}.${word & 0xff}`;
}

/** The groups in front of the last 32 bits. */
const groupsBefore4 = groups6 - 2;

/**
 * An IPv6 address from its eight groups of 16 bits, as RFC 5952 writes it: `fe80::1`, and with a dotted end where it holds
 * an address of IPv4 (`::ffff:10.0.0.1`, section 5).
 */
export function formatIpv6(groups: readonly number[]): string {
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  const zeros = longestZeroRun(groups);
  if (zeros.start === 0 && zeros.end === groupsBefore4 - 1 && groups[zeros.end] === 0xffff) {
    return `::ffff:${formatIpv4(((groups[groupsBefore4] ?? 0) << 16) | (groups[groupsBefore4 + 1] ?? 0))}`;
  }
  if (zeros.start === zeros.end) return text(groups);
  return `${text(groups.slice(0, zeros.start))}::${text(groups.slice(zeros.end))}`;
}

/** An IPv6 address from its four words of 32 bits, signed or not. */
export function formatIpv6Words(words: ArrayLike<number>): string {
  return formatIpv6(Array.from(words).flatMap((word) => [word >>> 16, word & 0xffff]));
}

/** The address as text: dotted, or as RFC 5952 writes IPv6. */
export function formatAddress({ family, value }: NumericAddress): string {
  const word = (index: number): number => Number(BigInt.asUintN(32, value >> BigInt(32 * index)));
  return family === 4 ? formatIpv4(word(0)) : formatIpv6Words([word(3), word(2), word(1), word(0)]);
}

/** The address as it stands in front of a port: IPv6 in brackets (RFC 5952, section 6). */
export function formatHost(address: string): string {
  return familyOf(address) === 6 ? `[${address}]` : address;
}

/** `10.88.0.1:80`, `[::1]:80`. */
export function formatEndpoint(address: string, port: number | string): string {
  return `${formatHost(address)}:${port}`;
}
