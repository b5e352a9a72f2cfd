/** Prefixes as the tools print them. */

import { addressBits, unspecifiedAddress } from '../../inet/address.ts';
import { asInteger } from './json.ts';

/** An address and how many of its bits count. */
export interface Prefix {
  readonly prefix: string;
  readonly prefixLength: number;
}

/** `10.0.0.0/8`, an address for itself alone, `default` for everything; null for an impossible length. */
export function parsePrefix(text: string, family: 4 | 6): Prefix | null {
  if (text === 'default' || text === 'all') return { prefix: unspecifiedAddress[family], prefixLength: 0 };
  const [prefix = '', length] = text.split('/');
  const longest = addressBits[family];
  const prefixLength = length === undefined ? longest : asInteger(length);
  return prefixLength === null || prefixLength > longest ? null : { prefix, prefixLength };
}
