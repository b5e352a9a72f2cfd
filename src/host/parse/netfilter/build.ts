/** Small builders of the rule form, shared by both parsers. */

import { type Unreachable, unreachable } from '../../../inet/icmp.ts';
import type { Atom, Elements, Expression, Operand, RejectWith, Value, Verdict } from '../../netfilter.ts';

/** A field, named in nft's words. */
export function field(name: string): Operand {
  return { kind: 'field', name };
}

/** A constant. */
export function constant(value: Value): Operand {
  return { kind: 'constant', value };
}

/** The bits of an operand that a mask leaves; the operand itself without one. */
export function masked(operand: Operand, mask: bigint | null): Operand {
  return mask === null ? operand : { kind: 'operation', operator: 'and', left: operand, right: constant(mask) };
}

/** Elements of one atom each. */
function anyOf(atoms: readonly Atom[]): Elements {
  return { kind: 'elements', elements: atoms.map((atom) => ({ key: [atom], data: null })) };
}

/** A match of one operand with any of the atoms. */
export function match(operand: Operand, atoms: readonly Atom[], negated = false): Expression {
  return { kind: 'match', key: [operand], negated, among: anyOf(atoms) };
}

/** A match of one operand with one number. */
export function equals(operand: Operand, value: bigint, negated = false): Expression {
  return match(operand, [{ low: value, high: value }], negated);
}

/** A match that holds when any bit of the mask is set. */
export function anyBit(operand: Operand, mask: bigint, negated = false): Expression {
  return equals(masked(operand, mask), 0n, !negated);
}

/** An expression that ends the rule. */
export function verdict(ending: Verdict): Expression {
  return { kind: 'verdict', verdict: ending };
}

function inEither(what: Unreachable): RejectWith {
  return { four: unreachable(what, 4), six: unreachable(what, 6) };
}

/** What nftables calls icmpx: one reason in either version's codes (linux/netfilter/nf_tables.h, nft_reject_icmpx). */
export const icmpxReasons: Readonly<Record<string, RejectWith>> = {
  'no-route': inEither('network'),
  'port-unreachable': inEither('port'),
  'host-unreachable': inEither('host'),
  'admin-prohibited': inEither('prohibited'),
};
