/**
 * A filter's tree → conditions: names are looked up, values read by their field's type, aliases and `!=` resolved. What
 * does not fit is an error at its place.
 */

import { done, failed, type Place, type Result } from './error.ts';
import type { FieldType } from './field-table.ts';
import { type FilterField, filterFields, nearestWord } from './fields.ts';
import {
  bytesText,
  compareWords,
  type OrderedType,
  type Range,
  readHexBytes,
  readRange,
  typeExamples,
  unescapeText,
} from './literal.ts';
import type { Comparator, Expression, FieldUse, Written } from './parse.ts';
import { compilePattern } from './pattern.ts';

/** A condition on a frame: of one field of one type, or of other conditions. */
export type Condition =
  | { readonly kind: 'and' | 'xor' | 'or'; readonly conditions: readonly Condition[] }
  | { readonly kind: 'not'; readonly condition: Condition }
  | { readonly kind: 'present'; readonly name: string; readonly type: FieldType }
  /** Some value of the field is accepted; `accepts(NaN)` is false. */
  | {
      readonly kind: 'number';
      readonly name: string;
      readonly type: OneNumberType;
      /** Bits of the value that count; null: all of it. */
      readonly mask: number | null;
      readonly accepts: (value: number) => boolean;
    }
  | {
      readonly kind: 'words';
      readonly name: string;
      readonly type: 'ipv6' | 'time';
      readonly accepts: (words: readonly number[]) => boolean;
    }
  | {
      readonly kind: 'text';
      readonly name: string;
      readonly type: 'string' | 'bytes' | 'mac' | 'protocol';
      readonly slice: FieldUse['slice'];
      readonly accepts: (text: string) => boolean;
    };

/** Ordered types whose values are one number. */
export type OneNumberType = Exclude<OrderedType, 'ipv6' | 'time'>;

/** A field with what was said of it. */
interface Use {
  readonly field: FilterField;
  readonly written: FieldUse;
}

function find(written: FieldUse): Result<Use> {
  const field = filterFields.get(written.name);
  if (field !== undefined) return done({ field, written });
  const near = nearestWord(written.name, filterFields.keys());
  const hint = near === null ? '' : `; did you mean ${near}?`;
  return failed(written, `"${written.name}" is no field${hint}`, 'a field or a protocol');
}

/** Some part of the field meets the condition: either side of an alias. */
function some({ parts }: FilterField, condition: (name: string) => Condition): Condition {
  const conditions = parts.map(condition);
  const [only] = conditions;
  return only !== undefined && conditions.length === 1 ? only : { kind: 'or', conditions };
}

function present(field: FilterField): Condition {
  return some(field, (name) => ({ kind: 'present', name, type: field.type }));
}

/** What `!=` means where a field has several values: it is there, and none of them is the one. */
function noneOf(field: FilterField, condition: Condition): Condition {
  return { kind: 'and', conditions: [present(field), { kind: 'not', condition }] };
}

function isOrdered(type: FieldType): type is OrderedType {
  return type !== 'string' && type !== 'bytes' && type !== 'protocol';
}

function wrongValue({ field }: Use, value: Written, expected: string): Result<never> {
  return failed(value, `"${value.text}" is no value of ${field.name}, which is ${expected}`, expected);
}

/** The condition that a field of an ordered type lies in some range, or before or after one. */
function ordered(use: Use, type: OrderedType, comparator: Comparator, ranges: readonly Range[]): Condition {
  const mask = use.written.mask === null ? null : Number(use.written.mask.text);
  if (type === 'ipv6' || type === 'time') {
    const accepts = acceptsWords(comparator, ranges);
    return some(use.field, (name) => ({ kind: 'words', name, type, accepts }));
  }
  const accepts = acceptsNumber(comparator, ranges);
  return some(use.field, (name) => ({ kind: 'number', name, type, mask, accepts }));
}

function acceptsWords(comparator: Comparator, ranges: readonly Range[]): (words: readonly number[]) => boolean {
  const [{ low, high } = { low: [], high: [] }] = ranges;
  if (comparator === '<') return (words) => compareWords(words, low) < 0;
  if (comparator === '<=') return (words) => compareWords(words, high) <= 0;
  if (comparator === '>') return (words) => compareWords(words, high) > 0;
  if (comparator === '>=') return (words) => compareWords(words, low) >= 0;
  return (words) => ranges.some((range) => compareWords(words, range.low) >= 0 && compareWords(words, range.high) <= 0);
}

function acceptsNumber(comparator: Comparator, ranges: readonly Range[]): (value: number) => boolean {
  const pairs = ranges.map(({ low, high }) => ({ low: low[0] ?? 0, high: high[0] ?? 0 }));
  const [{ low, high } = { low: 0, high: 0 }] = pairs;
  if (comparator === '<') return (value) => value < low;
  if (comparator === '<=') return (value) => value <= high;
  if (comparator === '>') return (value) => value > high;
  if (comparator === '>=') return (value) => value >= low;
  if (pairs.length > 1) return (value) => pairs.some((pair) => value >= pair.low && value <= pair.high);
  return low === high ? (value) => value === low : (value) => value >= low && value <= high;
}

/** One value, not a network of them. */
function isPoint({ low, high }: Range): boolean {
  return compareWords(low, high) === 0;
}

function compareOrdered(use: Use, type: OrderedType, comparator: Comparator, value: Written): Result<Condition> {
  const range = readRange(type, value.text);
  if (range === null) return wrongValue(use, value, typeExamples[type]);
  const isSize = !['==', '!='].includes(comparator);
  if (isSize && !isPoint(range)) {
    return failed(value, `a network is compared by == or !=, not by ${comparator}`, 'an address');
  }
  const condition = ordered(use, type, comparator === '!=' ? '==' : comparator, [range]);
  return done(comparator === '!=' ? noneOf(use.field, condition) : condition);
}

/** The type as which a field is compared: a part of bytes is bytes. */
function typeOf({ field, written }: Use): FieldType {
  return written.slice === null || field.type === 'string' ? field.type : 'bytes';
}

/** UTF-8 of a text, one character a byte. */
function utf8(text: string): string {
  return bytesText(new TextEncoder().encode(text));
}

/** The text that a value means to a field of text or bytes; `whole`: it is to be one of the field's words, if it has some. */
function readText(use: Use, value: Written, whole: boolean): Result<string> {
  const { words } = use.field;
  const isBytes = typeOf(use) !== 'string';
  if (isBytes && !value.quoted) {
    const bytes = readHexBytes(value.text);
    return bytes === null ? wrongValue(use, value, 'bytes (61:62, or quoted text)') : done(bytes);
  }
  const text = value.quoted ? unescapeText(value.text) : value.text;
  if (text === null) {
    return failed(value, 'an escape is one of \\n \\r \\t \\0 \\" \\\\ \\xHH', 'a known escape');
  }
  if (whole && words !== undefined && use.written.slice === null && !words.includes(text)) {
    const near = nearestWord(text, words);
    const hint = near === null ? `; it is one of ${words.join(', ')}` : `; did you mean ${near}?`;
    return failed(value, `"${text}" is no value of ${use.field.name}${hint}`, words.join(', '));
  }
  return done(isBytes ? utf8(text) : text);
}

function textCondition({ field, written }: Use, accepts: (text: string) => boolean): Condition {
  const { type } = field;
  const shown = type === 'string' || type === 'mac' || type === 'protocol' ? type : 'bytes';
  return some(field, (name) => ({ kind: 'text', name, type: shown, slice: written.slice, accepts }));
}

function matchText(use: Use, value: Written): Result<Condition> {
  // Backslashes are the pattern's: only a quote is escaped for the filter.
  const pattern = compilePattern(value.quoted ? value.text.replaceAll('\\"', '"') : value.text);
  if (pattern.ok) return done(textCondition(use, pattern.search));
  return failed(value, `no regular expression: ${pattern.message}`, 'a regular expression');
}

function compareText(use: Use, comparator: Comparator, place: Place, value: Written): Result<Condition> {
  if (comparator === 'matches') return matchText(use, value);
  // A part of a listed word may be looked for.
  const text = readText(use, value, comparator !== 'contains');
  if (!text.ok) return text;
  const wanted = text.value;
  if (comparator === 'contains') return done(textCondition(use, (found) => found.includes(wanted)));
  const condition = textCondition(use, (found) => found === wanted);
  if (comparator === '==') return done(condition);
  if (comparator === '!=') return done(noneOf(use.field, condition));
  return failed(place, `${use.field.name} has no order; compare by ==, !=, contains or matches`, '== or !=');
}

function checkMask(use: Use): Result<Use> {
  const { field, written } = use;
  if (written.mask === null) return done(use);
  if (field.type !== 'number')
    return failed(written, `${field.name} is no number, so & has no bits to test`, 'a number');
  const range = readRange('number', written.mask.text);
  const mask = range?.low[0] ?? -1;
  if (!Number.isInteger(mask) || mask < 0 || mask > 0xffff_ffff) {
    return failed(written.mask, `"${written.mask.text}" is no mask of up to 32 bits`, 'a mask (0x12)');
  }
  return done(use);
}

const sliceable: readonly FieldType[] = ['mac', 'string', 'bytes', 'protocol'];

function useOf(written: FieldUse): Result<Use> {
  const found = find(written);
  if (!found.ok) return found;
  const { type, name } = found.value.field;
  if (written.slice !== null && !sliceable.includes(type)) {
    return failed(written, `${name} has no parts; only MAC addresses, text, bytes and protocols have`, 'a whole field');
  }
  return checkMask(found.value);
}

function compare({ field, comparator, place, value }: Extract<Expression, { kind: 'compare' }>): Result<Condition> {
  const use = useOf(field);
  if (!use.ok) return use;
  const type = typeOf(use.value);
  if (!isOrdered(type)) {
    if (type !== 'protocol' || comparator === 'contains' || comparator === 'matches') {
      return compareText(use.value, comparator, place, value);
    }
    return failed(place, `${field.name} is a protocol: it is there or not, contains or matches`, 'contains or matches');
  }
  if (comparator === 'contains' || comparator === 'matches') {
    return failed(place, `${comparator} wants text or bytes; ${field.name} is ${typeExamples[type]}`, '== or !=');
  }
  return compareOrdered(use.value, type, comparator, value);
}

function textSet(use: Use, expression: Extract<Expression, { kind: 'in' }>): Result<Condition> {
  const texts = new Set<string>();
  for (const { low, high } of expression.ranges) {
    if (high !== null) return failed(high, `${use.field.name} has no order, so no ranges`, 'a value');
    const text = readText(use, low, true);
    if (!text.ok) return text;
    texts.add(text.value);
  }
  return done(textCondition(use, (found) => texts.has(found)));
}

function orderedSet(use: Use, type: OrderedType, { ranges }: Extract<Expression, { kind: 'in' }>): Result<Condition> {
  const read: Range[] = [];
  for (const { low, high } of ranges) {
    const first = readRange(type, low.text);
    if (first === null) return wrongValue(use, low, typeExamples[type]);
    const last = high === null ? first : readRange(type, high.text);
    if (high === null || last === null) {
      if (high !== null) return wrongValue(use, high, typeExamples[type]);
      read.push(first);
      continue;
    }
    if (!isPoint(first) || !isPoint(last)) return failed(low, 'a range goes from address to address', 'an address');
    if (compareWords(first.low, last.high) > 0)
      return failed(high, 'this range ends before it begins', 'a greater value');
    read.push({ low: first.low, high: last.high });
  }
  return done(ordered(use, type, '==', read));
}

function membership(expression: Extract<Expression, { kind: 'in' }>): Result<Condition> {
  const use = useOf(expression.field);
  if (!use.ok) return use;
  const type = typeOf(use.value);
  if (type === 'protocol') {
    return failed(
      expression.place,
      `${expression.field.name} is a protocol, which has no values`,
      'contains or matches',
    );
  }
  const condition = isOrdered(type) ? orderedSet(use.value, type, expression) : textSet(use.value, expression);
  if (!condition.ok || !expression.negated) return condition;
  return done(noneOf(use.value.field, condition.value));
}

/** A field that stands alone: a flag is set, masked bits are not all 0, anything else is there. */
function bare(written: FieldUse): Result<Condition> {
  const use = useOf(written);
  if (!use.ok) return use;
  const { field } = use.value;
  if (written.slice !== null) return done(textCondition(use.value, () => true));
  if (written.mask !== null) return done(ordered(use.value, 'number', '>', [{ low: [0], high: [0] }]));
  if (field.type === 'boolean') return done(ordered(use.value, 'boolean', '==', [{ low: [1], high: [1] }]));
  return done(present(field));
}

function joined({ kind, operands }: Extract<Expression, { kind: 'and' | 'xor' | 'or' }>): Result<Condition> {
  const conditions: Condition[] = [];
  for (const operand of operands) {
    const condition = checkFilter(operand);
    if (!condition.ok) return condition;
    conditions.push(condition.value);
  }
  return done({ kind, conditions });
}

/** Gives a tree its meaning, or says what does not fit. */
export function checkFilter(expression: Expression): Result<Condition> {
  switch (expression.kind) {
    case 'field':
      return bare(expression.field);
    case 'compare':
      return compare(expression);
    case 'in':
      return membership(expression);
    case 'not': {
      const operand = checkFilter(expression.operand);
      return operand.ok ? done({ kind: 'not', condition: operand.value }) : operand;
    }
    case 'and':
    case 'xor':
    case 'or':
      break;
  }
  return joined(expression);
}
