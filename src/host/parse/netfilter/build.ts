/** Small builders of the rule form, shared by both parsers. */

import type { Atom, Elements, Expression, IcmpError, Operand, RejectWith, Value, Verdict } from '../../netfilter.ts';

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

/** ICMP destination unreachable. */
export function unreachable4(code: number): IcmpError {
  return { type: 3, code };
}

/** ICMPv6 destination unreachable. */
export function unreachable6(code: number): IcmpError {
  return { type: 1, code };
}

/** What nftables calls icmpx: one reason in either version's codes (linux/netfilter/nf_tables.h, nft_reject_icmpx). */
export const icmpxReasons: Readonly<Record<string, RejectWith>> = {
  'no-route': { four: unreachable4(0), six: unreachable6(0) },
  'port-unreachable': { four: unreachable4(3), six: unreachable6(4) },
  'host-unreachable': { four: unreachable4(1), six: unreachable6(3) },
  'admin-prohibited': { four: unreachable4(13), six: unreachable6(1) },
};
