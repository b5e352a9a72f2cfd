/** What a rule reads: a value, nothing at all, or something that is not known, with the reason. */

import type { Value } from '../../host/netfilter.ts';

/**
 * - `value`;
 * - `absent`: the packet has no such field, and no match on it holds, a negated one neither (NFT_BREAK);
 * - `unknown`.
 */
export type Reading =
  | { readonly kind: 'value'; readonly value: Value }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly reason: string };

/** Three-valued truth; unknown carries its reason. */
export type Truth = 'yes' | 'no' | { readonly unknown: string };

/** A field that the packet does not have. */
export const absent: Reading = { kind: 'absent' };

/** A value that is there. */
export function known(value: Value | number): Reading {
  return { kind: 'value', value: typeof value === 'number' ? BigInt(value) : value };
}

/** A value that is not known, for a reason. */
export function unknown(reason: string): Reading {
  return { kind: 'unknown', reason };
}

/** The value, or that it is not known: `what` names it. */
export function knownOr(value: Value | number | null, what: string): Reading {
  return value === null ? unknown(`${what} is not known`) : known(value);
}
