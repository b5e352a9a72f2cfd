/** Operands and sets, three-valued. */

import {
  type Atom,
  anyNumber,
  type Elements,
  type Operand,
  type Operator,
  type RuleTable,
  type SetElement,
  type Value,
} from '../../host/netfilter.ts';
import { readField, type View } from './fields.ts';
import { readFib, readReversePath } from './look-up.ts';
import { absent, known, type Reading, type Truth, unknown } from './reading.ts';

/** Deeper than rules nest; a guard against texts that nobody's tool printed. */
const deepest = 32;

/** What a register of nft and a mark hold. */
const register = { bits: 32n, all: 0xffff_ffffn };

function combine(operator: Operator, left: bigint, right: bigint): bigint | null {
  switch (operator) {
    case 'add':
      return left + right;
    case 'mod':
      return right === 0n ? null : left % right;
    case 'and':
      return left & right;
    case 'or':
      return left | right;
    case 'xor':
      return left ^ right;
    case 'shl':
      return right < register.bits ? (left << right) & register.all : null;
    case 'shr':
    default:
      return left >> right;
  }
}

/** What an operand gives: one value, or several where a map gives an address with a port. */
export function readAll(operand: Operand, view: View, table: RuleTable, depth = 0): readonly Reading[] {
  if (depth > deepest) return [unknown('the rule is nested too deeply')];
  switch (operand.kind) {
    case 'constant':
      return [known(operand.value)];
    case 'field':
      return [readField(operand.name, view)];
    case 'fib':
      return [readFib(operand, view, table.engine)];
    case 'reverse-path':
      return [readReversePath(operand, view)];
    case 'one-of':
      if (operand.low === operand.high) return [known(operand.low)];
      return [unknown(`the kernel takes one of ${operand.low} to ${operand.high}`)];
    case 'map':
      return readMap(operand, view, table, depth);
    case 'operation':
      return [readOperation(operand, view, table, depth)];
    case 'unknown':
    default:
      return [unknown(`${operand.text} is not understood`)];
  }
}

/** The one value that an operand gives. */
export function read(operand: Operand, view: View, table: RuleTable, depth = 0): Reading {
  return readAll(operand, view, table, depth)[0] ?? absent;
}

/** A mark, or some of its bits. */
function isMark(operand: Operand): boolean {
  if (operand.kind === 'operation') return isMark(operand.left);
  return operand.kind === 'field' && (operand.name === 'meta mark' || operand.name === 'ct mark');
}

function readOperation(
  operand: Extract<Operand, { kind: 'operation' }>,
  view: View,
  table: RuleTable,
  depth: number,
): Reading {
  const left = read(operand.left, view, table, depth + 1);
  if (left.kind !== 'value') return left;
  const right = read(operand.right, view, table, depth + 1);
  if (right.kind !== 'value') return right;
  if (typeof left.value === 'string' || typeof right.value === 'string') return unknown('a name has no bits');
  // Of what is shorter than a mark, or longer, it is not modelled what falls off to the left.
  if (operand.operator === 'shl' && !isMark(operand.left)) return unknown('a shift to the left of what is no mark');
  const result = combine(operand.operator, left.value, right.value);
  return result === null ? unknown('the rule cannot be computed') : known(result);
}

function readMap(
  operand: Extract<Operand, { kind: 'map' }>,
  view: View,
  table: RuleTable,
  depth: number,
): readonly Reading[] {
  const found = candidates(operand.key, operand.among, view, table, depth);
  if (found.kind === 'absent') return [absent];
  const [first, second] = found.elements;
  if (found.reason !== null && (first !== undefined || found.open)) return [unknown(found.reason)];
  if (first === undefined || second !== undefined) return [absent];
  const { data } = first;
  if (data === null || 'kind' in data) return [absent];
  return data.map((part) => read(part, view, table, depth + 1));
}

function matchesAtom(atom: Atom, value: Value): boolean {
  if ('name' in atom) {
    if (typeof value !== 'string') return false;
    return atom.prefix ? value.startsWith(atom.name) : value === atom.name;
  }
  return typeof value === 'bigint' && atom.low <= value && value <= atom.high;
}

function isAnyNumber(atom: Atom): boolean {
  return 'low' in atom && atom.low <= anyNumber.low && atom.high >= anyNumber.high;
}

function matchesElement({ key }: SetElement, readings: readonly Reading[]): 'yes' | 'no' | 'unknown' {
  let truth: 'yes' | 'unknown' = 'yes';
  for (const [index, atom] of key.entries()) {
    const reading = readings[index];
    if (reading === undefined) return 'no';
    if (reading.kind === 'unknown') truth = isAnyNumber(atom) ? truth : 'unknown';
    else if (reading.kind === 'absent' || !matchesAtom(atom, reading.value)) return 'no';
  }
  return truth;
}

/** Those of the elements that hold one of some numbers, and whether each of the numbers has one (a set's do not overlap). */
function elementsWithin(
  { low, high }: Extract<Operand, { kind: 'one-of' }>,
  elements: readonly SetElement[],
): { readonly elements: readonly SetElement[]; readonly isWhole: boolean } {
  let held = 0n;
  const within = elements.filter(({ key: [atom] }) => {
    if (atom === undefined || 'name' in atom) return false;
    const [first, last] = [atom.low > low ? atom.low : low, atom.high < high ? atom.high : high];
    if (first > last) return false;
    held += last - first + 1n;
    return true;
  });
  return { elements: within, isWhole: held === high - low + 1n };
}

/** The elements that a key may stand for. */
export type Candidates =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'found';
      /** Those it may be; without a reason the one that it is, or none. */
      readonly elements: readonly SetElement[];
      /** Why it is not known which; null when it is. */
      readonly reason: string | null;
      /** It may also be none of them. */
      readonly open: boolean;
    };

/** Looks a key up among elements. */
export function candidates(
  key: readonly Operand[],
  among: Elements,
  view: View,
  table: RuleTable,
  depth = 0,
): Candidates {
  const readings = key.map((operand) => read(operand, view, table, depth + 1));
  if (readings.some(({ kind }) => kind === 'absent')) return { kind: 'absent' };
  const elements = among.kind === 'elements' ? among.elements : table.sets.get(among.name);
  if (elements === undefined && among.kind === 'named') {
    return { kind: 'found', elements: [], reason: `the elements of set ${among.name} are not known`, open: true };
  }
  const possible: SetElement[] = [];
  let fallback: SetElement | null = null;
  for (const element of elements ?? []) {
    if (element.key.length === 0) {
      fallback = element;
      continue;
    }
    const truth = matchesElement(element, readings);
    if (truth === 'yes') return { kind: 'found', elements: [element], reason: null, open: false };
    if (truth === 'unknown') possible.push(element);
  }
  if (fallback !== null) possible.push(fallback);
  const unread = readings.find((reading) => reading.kind === 'unknown');
  const [only, ...others] = key;
  if (only?.kind === 'one-of' && others.length === 0 && unread !== undefined) {
    const within = elementsWithin(
      only,
      possible.filter((element) => element !== fallback),
    );
    const rest = fallback === null || within.isWhole ? [] : [fallback];
    const found = [...within.elements, ...rest];
    const isCertain = found.length === 0 || (found.length === 1 && within.isWhole);
    const open = fallback === null && !within.isWhole;
    return { kind: 'found', elements: found, reason: isCertain ? null : unread.reason, open };
  }
  const isCertain = possible.length === 0 || unread === undefined;
  return {
    kind: 'found',
    elements: possible,
    reason: isCertain ? null : unread.reason,
    open: fallback === null,
  };
}

/** Whether a key is among elements. */
export function isAmong(
  key: readonly Operand[],
  among: Elements,
  negated: boolean,
  view: View,
  table: RuleTable,
): Truth {
  const found = candidates(key, among, view, table);
  if (found.kind === 'absent') return 'no';
  if (found.reason !== null) return { unknown: found.reason };
  return found.elements.length > 0 !== negated ? 'yes' : 'no';
}
