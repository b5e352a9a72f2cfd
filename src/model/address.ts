/** Addresses and prefixes as numbers: IPv4 (RFC 791) in 32 bits, IPv6 (RFC 4291) in 128. */

/** An address as a number, most significant byte first. */
export interface NumericAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

function parse4(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0n;
  for (const part of parts) {
    // No leading zeros: some programs read them as octal (RFC 6943, section 3.1.1).
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    value = (value << 8n) | BigInt(part);
  }
  return value;
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
  let value = 0n;
  for (const group of [...head, ...Array<string>(gap).fill('0'), ...tail]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return value;
}

function readAddress(text: string): NumericAddress | null {
  const family = text.includes(':') ? 6 : 4;
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

/** True when the address lies in `prefix/length`; it lies in no prefix of the other family or of an impossible length. */
export function inPrefix(address: string, prefix: string, length: number): boolean {
  const [inner, outer] = [parseAddress(address), parseAddress(prefix)];
  if (inner === null || outer === null || inner.family !== outer.family) return false;
  const bits = inner.family === 4 ? 32 : 128;
  if (!Number.isInteger(length) || length < 0 || length > bits) return false;
  const hostBits = BigInt(bits - length);
  return inner.value >> hostBits === outer.value >> hostBits;
}

/** 0.0.0.0 or `::`: no address, or any. */
export function isUnspecified(address: string): boolean {
  return parseAddress(address)?.value === 0n;
}

/** 127.0.0.0/8 (RFC 1122, section 3.2.1.3) or `::1`. */
export function isLoopback(address: string): boolean {
  return inPrefix(address, '127.0.0.0', 8) || inPrefix(address, '::1', 128);
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
  const bits = first.family === 4 ? 32 : 128;
  return bits - (first.value ^ second.value).toString(2).padStart(bits, '0').replace(/^0*/, '').length;
}

/** The hexadecimal groups of an IPv6 address, the longest run of zeros (two at least, the first of equals) as `::`. */
function format6(value: bigint): string {
  const groups = Array.from({ length: groups6 }, (_, index) =>
    ((value >> BigInt(16 * (groups6 - 1 - index))) & 0xffffn).toString(16),
  );
  let run = { start: 0, length: 1 };
  for (let start = 0; start < groups6; start += 1) {
    let end = start;
    while (groups[end] === '0') end += 1;
    if (end - start > run.length) run = { start, length: end - start };
  }
  if (run.length < 2) return groups.join(':');
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`;
}

/** The address as text: dotted, or as RFC 5952 (section 4) writes IPv6. */
export function formatAddress({ family, value }: NumericAddress): string {
  if (family === 6) return format6(value);
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.');
}
