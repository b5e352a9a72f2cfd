/** Values of rules and sets: texts and numbers as tools print them become numbers, intervals and name patterns. */

import { parseAddress } from '../../../inet/address.ts';
import type { Atom, Value } from '../../netfilter.ts';
import { isNamed, lookUp, symbolsByType } from './symbols.ts';

const macPattern = /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i;

/** A MAC address as a number; null for what is none. */
export function macNumber(text: string): bigint | null {
  return macPattern.test(text) ? BigInt(`0x${text.replaceAll(':', '')}`) : null;
}

/** A decimal or hexadecimal number; null for what is none, or is longer than any field of a packet. */
export function numberOf(raw: unknown): bigint | null {
  if (typeof raw === 'number') return Number.isSafeInteger(raw) && raw >= 0 ? BigInt(raw) : null;
  if (typeof raw === 'boolean') return raw ? 1n : 0n;
  if (typeof raw !== 'string') return null;
  // nft 1.0.6 writes `0x50 [invalid type]` for a port of a connection whose protocol it does not see in the rule.
  const text = raw.replace(/ \[invalid type\]$/, '');
  return /^(?:\d{1,39}|0x[0-9a-f]{1,32})$/i.test(text) ? BigInt(text) : null;
}

function symbolOf(raw: string, type: string | null): bigint | null {
  const symbols = type === null ? undefined : lookUp(symbolsByType, type);
  return symbols === undefined ? null : (lookUp(symbols, raw) ?? null);
}

/** A value of that type; null for what cannot be one. Without a type names of numbers are not understood. */
export function valueOf(raw: unknown, type: string | null): Value | null {
  if (type !== null && isNamed(type)) {
    if (typeof raw !== 'string' && typeof raw !== 'number') return null;
    // Both name a frame to this host's own MAC address (PACKET_HOST).
    return type === 'pkt_type' && raw === 'unicast' ? 'host' : String(raw);
  }
  const number = numberOf(raw);
  if (number !== null) return number;
  if (typeof raw !== 'string') return null;
  return symbolOf(raw, type) ?? macNumber(raw) ?? parseAddress(raw)?.value ?? null;
}

/** One number or name as an atom. */
export function atomOf(value: Value): Atom {
  return typeof value === 'bigint' ? { low: value, high: value } : { name: value, prefix: false };
}

/** nft's device pattern: a last `*` stands for any rest, unless a backslash is before it. */
export function nftNamePattern(text: string): Atom {
  if (text.endsWith('\\*')) return { name: `${text.slice(0, -2)}*`, prefix: false };
  return text.endsWith('*') ? { name: text.slice(0, -1), prefix: true } : { name: text, prefix: false };
}
