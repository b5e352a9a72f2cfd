/** What nft's rules read and compare with, from its JSON: libnftables-json(5), "EXPRESSIONS". */

import { prefixRange } from '../../../inet/address.ts';
import type { Atom, Elements, Operand, Operator, SetElement, Verdict } from '../../netfilter.ts';
import { asInteger, asRecord, asText, asTexts, type JsonRecord, jsonText } from '../json.ts';
import { constant, field } from './build.ts';
import { isNamed, lookUp, typeOfField } from './symbols.ts';
import { atomOf, nftNamePattern, valueOf } from './values.ts';

/** nft's name of a type, null where it is not known. */
export type TypeName = string | null;

/** Reads the verdict of a map's element; the statements' file has it. */
export type VerdictReader = (raw: unknown) => Verdict | null;

/** Deeper nesting than any rule that nft prints has. */
const deepest = 16;

const operators: Readonly<Record<string, Operator>> = {
  '&': 'and',
  '|': 'or',
  '^': 'xor',
  '<<': 'shl',
  '>>': 'shr',
};

/** An expression's or statement's name and content: an object of one member. */
export function soleMember(raw: unknown): readonly [name: string, content: unknown] | null {
  const [member] = Object.entries(asRecord(raw) ?? {});
  return member ?? null;
}

/** What nft writes as a word when it is one, and as a list of words else. */
export function wordsOf(raw: unknown): string[] {
  const one = asText(raw);
  return one === null ? asTexts(raw) : [one];
}

/** An operand that is not understood. */
export function unknownOperand(raw: unknown): Operand {
  return { kind: 'unknown', text: jsonText(raw) };
}

/** The type of what an operand gives. */
export function typeOfOperand(operand: Operand): TypeName {
  switch (operand.kind) {
    case 'field':
      return typeOfField(operand.name);
    case 'fib':
      return operand.result === 'type' ? 'fib_addrtype' : 'ifname';
    case 'operation':
      return typeOfOperand(operand.left);
    case 'constant':
    case 'reverse-path':
    case 'one-of':
    case 'map':
    case 'unknown':
    default:
      return null;
  }
}

/** A field of a header by its name, or by its place: `@th,16,16`. What is in a tunnel's packet is none of the packet's. */
function payload(raw: JsonRecord): Operand {
  if (raw['tunnel'] !== undefined) return unknownOperand({ payload: raw });
  const [protocol, name] = [asText(raw['protocol']), asText(raw['field'])];
  if (protocol !== null && name !== null) return field(`${protocol} ${name}`);
  const [base, offset, length] = [asText(raw['base']), asInteger(raw['offset']), asInteger(raw['len'])];
  if (base === null || offset === null || length === null) return unknownOperand({ payload: raw });
  return field(`@${base},${offset},${length}`);
}

/** An IPv6 extension header's field, or without one whether the header is there. */
function extensionHeader(raw: JsonRecord): Operand {
  return field(raw['field'] === undefined ? 'exthdr exists' : 'exthdr field');
}

/** The bits of IPv4's frag-off that tell of a fragment: MF and the offset (RFC 791, section 3.1). */
const fragmentBits = 0x3fffn;

/** What is left of `ip frag-off` by a mask of those bits is known; the DF bit is not. */
function ofFragments(operator: Operator, left: Operand, right: Operand): Operand {
  const isFragOff = operator === 'and' && left.kind === 'field' && left.name === 'ip frag-off';
  const isMasked = right.kind === 'constant' && typeof right.value === 'bigint' && (right.value & ~fragmentBits) === 0n;
  return isFragOff && isMasked ? field('ip fragment') : left;
}

function tracked(raw: JsonRecord): Operand {
  const parts = ['ct', asText(raw['dir']), asText(raw['family']), asText(raw['key'])];
  return field(parts.filter((part) => part !== null).join(' '));
}

function fib(raw: JsonRecord): Operand {
  const flags = wordsOf(raw['flags']);
  const address = flags.find((flag) => flag === 'saddr' || flag === 'daddr');
  const device = flags.find((flag) => flag === 'iif' || flag === 'oif') ?? null;
  const result = asText(raw['result']);
  if (address === undefined || result === null) return unknownOperand({ fib: raw });
  const byMark = flags.includes('mark');
  return { kind: 'fib', result: result === 'type' ? 'type' : 'device', address, device, byMark };
}

/** Two numbers' bits together, as flags are written (`fin | psh`); null for anything else. */
function bothBits(operator: Operator, left: Operand, right: Operand): Operand | null {
  if (operator !== 'or' || left.kind !== 'constant' || right.kind !== 'constant') return null;
  const [one, other] = [left.value, right.value];
  return typeof one === 'bigint' && typeof other === 'bigint' ? constant(one | other) : null;
}

/** A chain of one operator over two operands or more, the first of which gives the type. */
function operation(operator: Operator, raw: unknown, type: TypeName, depth: number): Operand {
  const [first, ...others] = Array.isArray(raw) ? raw : [];
  if (others.length === 0) return unknownOperand(raw);
  let result = operandOf(first, type, depth + 1);
  const own = typeOfOperand(result) ?? type;
  for (const other of others) {
    const right = operandOf(other, own, depth + 1);
    const left = ofFragments(operator, result, right);
    result = bothBits(operator, left, right) ?? { kind: 'operation', operator, left, right };
  }
  return result;
}

/** A number by chance, by turns or by a hash: below `mod`, counted on from an offset. */
function pickedNumber(raw: JsonRecord): Operand | null {
  const [count, offset] = [asInteger(raw['mod']), asInteger(raw['offset']) ?? 0];
  if (count === null || count < 1) return null;
  return { kind: 'one-of', low: BigInt(offset), high: BigInt(offset + count - 1) };
}

function mapOperand(raw: JsonRecord, type: TypeName, depth: number): Operand {
  const key = operandsOf(raw['key'], depth + 1);
  const among = elementsOf(raw['data'], key.map(typeOfOperand), [type], () => null);
  return among === null ? unknownOperand({ map: raw }) : { kind: 'map', key, among };
}

/** One operand; `type` is what a bare word or number is read as. */
export function operandOf(raw: unknown, type: TypeName, depth = 0): Operand {
  if (depth > deepest) return unknownOperand('nested too deeply');
  if (Array.isArray(raw)) return bitsOf(raw, type);
  const member = soleMember(raw);
  if (member === null) {
    const value = valueOf(raw, type);
    return value === null ? unknownOperand(raw) : constant(value);
  }
  const [name, content] = member;
  const operator = lookUp(operators, name);
  if (operator !== undefined) return operation(operator, content, type, depth);
  const record = asRecord(content);
  if (name === 'range') {
    const [low, high] = Array.isArray(content) ? content.map((end) => valueOf(end, type)) : [];
    return typeof low === 'bigint' && typeof high === 'bigint' ? { kind: 'one-of', low, high } : unknownOperand(raw);
  }
  if (record === null) return unknownOperand(raw);
  switch (name) {
    case 'payload':
      return payload(record);
    case 'exthdr':
      return extensionHeader(record);
    case 'meta':
      return field(`meta ${asText(record['key'])}`);
    case 'ct':
      return tracked(record);
    case 'fib':
      return fib(record);
    case 'map':
      return mapOperand(record, type, depth);
    case 'numgen':
    case 'jhash':
    case 'symhash':
      return pickedNumber(record) ?? unknownOperand(raw);
    default:
      return unknownOperand(raw);
  }
}

/** Flags, all of them. */
function bitsOf(raw: readonly unknown[], type: TypeName): Operand {
  let bits = 0n;
  for (const one of raw) {
    const value = valueOf(one, type);
    if (typeof value !== 'bigint') return unknownOperand(raw);
    bits |= value;
  }
  return constant(bits);
}

/** The operands of a key: several when it is a concatenation. */
export function operandsOf(raw: unknown, depth = 0): Operand[] {
  const parts = asRecord(raw)?.['concat'];
  return (Array.isArray(parts) ? parts : [raw]).map((part: unknown) => operandOf(part, null, depth));
}

function atomOfRaw(raw: unknown, type: TypeName): Atom | null {
  if (type === 'ifname' && typeof raw === 'string') return nftNamePattern(raw);
  const [name, content] = soleMember(raw) ?? [];
  if (name === 'prefix') {
    const record = asRecord(content);
    const address = asText(record?.['addr']);
    const length = asInteger(record?.['len']);
    // Of a number's prefix nft 1.0.6 prints another number than the rule has, whenever the host is little-endian.
    return address === null || length === null ? null : prefixRange(address, length);
  }
  const operand = operandOf(raw, type);
  if (name === 'range') return operand.kind === 'one-of' ? { low: operand.low, high: operand.high } : null;
  return operand.kind === 'constant' ? atomOf(operand.value) : null;
}

/** `{"elem": {"val": …, "timeout": …}}` is its value. */
function unwrapped(raw: unknown): unknown {
  const element = asRecord(asRecord(raw)?.['elem']);
  return element === null ? raw : element['val'];
}

function keyOf(raw: unknown, types: readonly TypeName[]): Atom[] | null {
  const value = unwrapped(raw);
  // The element of every key that no other element has.
  if (value === '*' && !(types.length === 1 && isNamed(types[0] ?? ''))) return [];
  const parts = asRecord(value)?.['concat'];
  const atoms: Atom[] = [];
  for (const [index, part] of (Array.isArray(parts) ? parts : [value]).entries()) {
    const atom = atomOfRaw(part, types[index] ?? null);
    if (atom === null) return null;
    atoms.push(atom);
  }
  return atoms.length === types.length ? atoms : null;
}

function dataOf(raw: unknown, types: readonly TypeName[], verdict: VerdictReader): SetElement['data'] {
  const value = unwrapped(raw);
  const ending = verdict(value);
  if (ending !== null) return ending;
  const parts = asRecord(value)?.['concat'];
  return (Array.isArray(parts) ? parts : [value]).map((part: unknown, index) => operandOf(part, types[index] ?? null));
}

/** The elements of a list; null when one of them is not understood, since any key might be among them then. */
export function elementList(
  raw: readonly unknown[],
  types: readonly TypeName[],
  dataTypes: readonly TypeName[],
  verdict: VerdictReader,
): SetElement[] | null {
  const elements: SetElement[] = [];
  for (const item of raw) {
    const isPair = Array.isArray(item) && item.length === 2;
    const pair: readonly unknown[] = isPair ? item : [item];
    const key = keyOf(pair[0], types);
    if (key === null) return null;
    elements.push({ key, data: isPair ? dataOf(pair[1], dataTypes, verdict) : null });
  }
  return elements;
}

/** `@name`, `{"set": […]}`, or a single element; null when it is not understood. */
export function elementsOf(
  raw: unknown,
  types: readonly TypeName[],
  dataTypes: readonly TypeName[],
  verdict: VerdictReader,
): Elements | null {
  if (typeof raw === 'string' && raw.startsWith('@')) return { kind: 'named', name: raw.slice(1) };
  const listed = asRecord(raw)?.['set'];
  const elements = elementList(Array.isArray(listed) ? listed : [raw], types, dataTypes, verdict);
  return elements === null ? null : { kind: 'elements', elements };
}
