/**
 * A filter's text → its tree. From loose to tight: `or`, `xor`, `and`, `not`, comparisons; parentheses group. Names and
 * values stand in the tree as they were written: `check.ts` gives them their meaning.
 */

import { done, failed, type Place, type Result } from './error.ts';
import { type Token, tokenize } from './tokens.ts';

/** A value as it was written. */
export interface Written extends Place {
  /** What stands between the quotes, escapes still in it, or the word. */
  readonly text: string;
  readonly quoted: boolean;
}

/** A field as it was written: `eth.src[0:3]`, `tcp.flags & 0x12`. */
export interface FieldUse extends Place {
  readonly name: string;
  /** Bytes (characters, of text) from `from` on; all that follow when `length` is null. */
  readonly slice: { readonly from: number; readonly length: number | null } | null;
  readonly mask: Written | null;
}

/** Signs of comparisons; their words (`eq`) are read as these. */
export type Comparator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'contains' | 'matches';

/** A filter's tree. */
export type Expression =
  | { readonly kind: 'and' | 'xor' | 'or'; readonly operands: readonly Expression[] }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'field'; readonly field: FieldUse }
  | {
      readonly kind: 'compare';
      readonly field: FieldUse;
      readonly comparator: Comparator;
      /** Of the comparator. */
      readonly place: Place;
      readonly value: Written;
    }
  | {
      readonly kind: 'in';
      readonly field: FieldUse;
      readonly negated: boolean;
      readonly place: Place;
      /** `high` is null for a single value. */
      readonly ranges: readonly { readonly low: Written; readonly high: Written | null }[];
    };

const comparators: ReadonlyMap<string, Comparator> = new Map<string, Comparator>([
  ['==', '=='],
  ['eq', '=='],
  ['!=', '!='],
  ['ne', '!='],
  ['<', '<'],
  ['lt', '<'],
  ['<=', '<='],
  ['le', '<='],
  ['>', '>'],
  ['gt', '>'],
  ['>=', '>='],
  ['ge', '>='],
  ['contains', 'contains'],
  ['matches', 'matches'],
]);

const joins = [
  { kind: 'or', words: ['||', 'or'] },
  { kind: 'xor', words: ['^^', 'xor'] },
  { kind: 'and', words: ['&&', 'and'] },
] as const;
const notWords = ['!', 'not'];
const reserved: ReadonlySet<string> = new Set([
  ...joins.flatMap(({ words }) => words),
  ...notWords,
  ...comparators.keys(),
  'in',
]);

const aField = 'a field or a protocol';
const aValue = 'a value';

/** Parentheses and `not`s within each other; each costs the parser stack. */
const deepest = 100;

/** `[2]`, `[0:3]` (from, length), `[0-2]` (first, last), `[4:]`. */
const sliceForm = /^(?<from>\d{1,5})(?:-(?<last>\d{1,5})|:(?<length>\d{0,5}))?$/;

class Parser {
  readonly #tokens: readonly Token[];
  readonly #end: Token;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
    this.#end = tokens.at(-1) ?? { kind: 'end', text: '', start: 0, end: 0 };
  }

  /** The whole text. */
  filter(): Result<Expression> {
    const [first] = this.#tokens;
    if (first?.kind === 'end') return failed(first, 'the filter is empty', aField);
    const found = this.#join(0);
    const { kind, text } = this.#next;
    if (!found.ok || kind === 'end') return found;
    if (text === ')') return this.#unexpected('closes no parenthesis', 'the end of the filter');
    return this.#unexpected('is not expected here; join two conditions by && or ||', '&&, || or the end of the filter');
  }

  get #next(): Token {
    return this.#tokens[this.#at] ?? this.#end;
  }

  /** Takes the next token when it is one of these words or signs; quoted text is neither. */
  #takes(words: readonly string[]): boolean {
    const { kind, text } = this.#next;
    const found = kind !== 'quoted' && words.includes(text);
    if (found) this.#at += 1;
    return found;
  }

  #unexpected(what: string, expected: string): Result<never> {
    const { kind, text } = this.#next;
    if (kind === 'end') return failed(this.#next, `the filter ends where ${expected} is wanted`, expected);
    return failed(this.#next, `"${text}" ${what}`, expected);
  }

  #join(level: number): Result<Expression> {
    const join = joins[level];
    if (join === undefined) return this.#negation();
    const operands: Expression[] = [];
    do {
      const operand = this.#join(level + 1);
      if (!operand.ok) return operand;
      operands.push(operand.value);
    } while (this.#takes(join.words));
    const [only] = operands;
    return done(only !== undefined && operands.length === 1 ? only : { kind: join.kind, operands });
  }

  #negation(): Result<Expression> {
    if (this.#depth >= deepest) return failed(this.#next, `more than ${deepest} levels deep`, 'a flatter filter');
    this.#depth += 1;
    const found = this.#unnested();
    this.#depth -= 1;
    return found;
  }

  #unnested(): Result<Expression> {
    if (this.#takes(notWords)) {
      const operand = this.#negation();
      return operand.ok ? done({ kind: 'not', operand: operand.value }) : operand;
    }
    const open = this.#next;
    if (this.#takes(['('])) {
      const inner = this.#join(0);
      if (!inner.ok || this.#takes([')'])) return inner;
      if (this.#next.kind === 'end') return failed(open, 'this parenthesis is not closed', ')');
      return this.#unexpected('is not expected here; join two conditions by && or ||', '&&, || or )');
    }
    return this.#condition();
  }

  #condition(): Result<Expression> {
    const field = this.#field();
    if (!field.ok) return field;
    const place = this.#next;
    if (this.#takes(['in'])) return this.#set(field.value, false, place);
    // Nothing else can follow a field and begin with "not".
    if (this.#next.text === 'not' && this.#tokens[this.#at + 1]?.text === 'in') {
      this.#at += 2;
      return this.#set(field.value, true, place);
    }
    const comparator = place.kind === 'quoted' ? undefined : comparators.get(place.text);
    if (comparator === undefined) return done({ kind: 'field', field: field.value });
    this.#at += 1;
    const value = this.#written();
    if (!value.ok) return value;
    return done({ kind: 'compare', field: field.value, comparator, place, value: value.value });
  }

  #field(): Result<FieldUse> {
    const token = this.#next;
    if (token.kind !== 'word' || reserved.has(token.text)) return this.#unexpected('is no field', aField);
    this.#at += 1;
    const slice = this.#takes(['[']) ? this.#slice() : done(null);
    if (!slice.ok) return slice;
    const mask = this.#takes(['&']) ? this.#written() : done(null);
    if (!mask.ok) return mask;
    const { start, end } = token;
    return done({ name: token.text, slice: slice.value, mask: mask.value, start, end });
  }

  #slice(): Result<NonNullable<FieldUse['slice']>> {
    const wanted = '[from:length], [first-last] or [index]';
    const groups = sliceForm.exec(this.#next.text)?.groups;
    if (groups === undefined) return this.#unexpected(`is no part of a field; write ${wanted}`, wanted);
    const from = Number(groups['from']);
    const { last, length: written } = groups;
    let length: number | null = 1;
    if (last !== undefined) length = Number(last) - from + 1;
    else if (written !== undefined) length = written === '' ? null : Number(written);
    if (length !== null && length < 1) return this.#unexpected('holds nothing', wanted);
    this.#at += 1;
    return this.#takes([']']) ? done({ from, length }) : this.#unexpected('is not expected here', ']');
  }

  #written(): Result<Written> {
    const { kind, text, start, end } = this.#next;
    if (kind !== 'word' && kind !== 'quoted') return this.#unexpected('is no value', aValue);
    this.#at += 1;
    return done({ text, quoted: kind === 'quoted', start, end });
  }

  #set(field: FieldUse, negated: boolean, place: Place): Result<Expression> {
    const open = this.#next;
    if (!this.#takes(['{'])) return this.#unexpected('is no set; write {80, 443, 8000..8100}', '{');
    if (this.#next.text === '}') return failed({ start: open.start, end: this.#next.end }, 'the set is empty', aValue);
    const ranges: { low: Written; high: Written | null }[] = [];
    do {
      const low = this.#written();
      if (!low.ok) return low;
      const high = this.#takes(['..']) ? this.#written() : done(null);
      if (!high.ok) return high;
      ranges.push({ low: low.value, high: high.value });
    } while (this.#takes([',']));
    if (this.#takes(['}'])) return done({ kind: 'in', field, negated, place, ranges });
    if (this.#next.kind === 'end') return failed(open, 'this set is not closed', '}');
    return this.#unexpected('is not expected here; separate values by commas', ', or }');
  }
}

/** Reads a filter. Never throws. */
export function parseFilter(text: string): Result<Expression> {
  const tokens = tokenize(text);
  return tokens.ok ? new Parser(tokens.value).filter() : tokens;
}
