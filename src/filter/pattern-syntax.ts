/** The text of a regular expression → its tree. What needs going back (references, looking around) is refused. */

/** Ranges of UTF-16 units, ends included. */
export type Ranges = readonly (readonly [number, number])[];

/** A part of a pattern. `boundary` is between a word and what is none, `inside` is anywhere else. */
export type PatternNode =
  | { readonly kind: 'unit'; readonly ranges: Ranges; readonly negated: boolean }
  | { readonly kind: 'begin' | 'end' | 'boundary' | 'inside' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly least: number; readonly most: number };

/** Groups within groups; each costs the parser stack. */
const deepest = 50;
const mostRepeats = 100;

const digits: Ranges = [[0x30, 0x39]];
/** Letters, digits and the underscore. */
export const wordUnits: Ranges = [...digits, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const blanks: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
];
const lineFeed: Ranges = [[0x0a, 0x0a]];
const classes: Readonly<Record<string, Ranges>> = { d: digits, w: wordUnits, s: blanks };
const controls: Readonly<Record<string, number>> = { n: 0x0a, r: 0x0d, t: 0x09, f: 0x0c, v: 0x0b, 0: 0 };

/** True when some range holds the unit. */
export function within(ranges: Ranges, unit: number): boolean {
  return ranges.some(([low, high]) => unit >= low && unit <= high);
}

/** All units that the ranges lack. */
function complement(ranges: Ranges): Ranges {
  const gaps: [number, number][] = [];
  let from = 0;
  for (const [low, high] of ranges.toSorted(([a], [b]) => a - b)) {
    if (low > from) gaps.push([from, low - 1]);
    from = Math.max(from, high + 1);
  }
  return [...gaps, [from, 0xffff]];
}

function single(unit: number): Ranges {
  return [[unit, unit]];
}

/** The pattern, read; `error` says where it is none, and then nothing else counts. */
export class PatternParser {
  error: { at: number; message: string } | null = null;
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads the whole pattern; call it once. */
  pattern(): PatternNode {
    const node = this.#choice();
    if (this.#at < this.#text.length) this.#fail('")" closes no group');
    return node;
  }

  get #next(): string {
    return this.#text.charAt(this.#at);
  }

  #takes(text: string): boolean {
    const found = this.#text.startsWith(text, this.#at);
    if (found) this.#at += text.length;
    return found;
  }

  /** Keeps the first error, and ends the reading. */
  #fail(message: string): void {
    this.error ??= { at: this.#at, message };
    this.#at = this.#text.length;
  }

  #choice(): PatternNode {
    const parts = [this.#sequence()];
    while (this.#takes('|')) parts.push(this.#sequence());
    return { kind: 'choice', parts };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.#next !== '' && this.#next !== '|' && this.#next !== ')') parts.push(this.#repeated());
    return { kind: 'sequence', parts };
  }

  #repeated(): PatternNode {
    const part = this.#atom();
    const bounds = this.#bounds();
    if (bounds === null) return part;
    // Whether it takes much or little is the same to a yes or no.
    this.#takes('?');
    if (this.#bounds() !== null) this.#fail('a repetition repeats nothing');
    return { kind: 'repeat', part, ...bounds };
  }

  #bounds(): { least: number; most: number } | null {
    if (this.#takes('*')) return { least: 0, most: Infinity };
    if (this.#takes('+')) return { least: 1, most: Infinity };
    if (this.#takes('?')) return { least: 0, most: 1 };
    const found = /^\{(\d{1,3})(,?)(\d{0,3})\}/.exec(this.#text.slice(this.#at, this.#at + '{000,000}'.length));
    if (found === null) return null;
    const [all, low, comma, high] = found;
    const least = Number(low);
    const most = comma === '' ? least : high === '' ? Infinity : Number(high);
    if (most < least || least > mostRepeats || (most !== Infinity && most > mostRepeats)) {
      this.#fail(`a repetition goes up to ${mostRepeats}, the lesser number first`);
      return null;
    }
    this.#at += all.length;
    return { least, most };
  }

  #atom(): PatternNode {
    if (this.#takes('(')) return this.#group();
    if (this.#takes('[')) return this.#class();
    if (this.#takes('.')) return { kind: 'unit', ranges: lineFeed, negated: true };
    if (this.#takes('^')) return { kind: 'begin' };
    if (this.#takes('$')) return { kind: 'end' };
    if (this.#takes('\\b')) return { kind: 'boundary' };
    if (this.#takes('\\B')) return { kind: 'inside' };
    if ('*+?'.includes(this.#next)) this.#fail(`"${this.#next}" repeats nothing`);
    return { kind: 'unit', ranges: this.#takes('\\') ? this.#escape() : this.#literal(), negated: false };
  }

  #literal(): Ranges {
    const unit = this.#text.charCodeAt(this.#at);
    this.#at += 1;
    return single(unit);
  }

  #group(): PatternNode {
    if (this.#takes('?') && !this.#takes(':')) this.#fail('looking around and named groups are not supported');
    this.#depth += 1;
    if (this.#depth > deepest) this.#fail(`more than ${deepest} groups within each other`);
    const node = this.#choice();
    this.#depth -= 1;
    if (!this.#takes(')')) this.#fail('a group is not closed');
    return node;
  }

  #escape(): Ranges {
    const letter = this.#next;
    const known = classes[letter] ?? null;
    if (known !== null) {
      this.#at += 1;
      return known;
    }
    const opposite = /[DWS]/.test(letter) ? classes[letter.toLowerCase()] : undefined;
    const control = controls[letter];
    const digitsWanted = { x: 2, u: 4 }[letter];
    if (digitsWanted !== undefined) {
      const hex = this.#text.slice(this.#at + 1, this.#at + 1 + digitsWanted);
      if (hex.length < digitsWanted || !/^[0-9a-f]+$/i.test(hex))
        this.#fail(`\\${letter} wants ${digitsWanted} hex digits`);
      else this.#at += 1 + digitsWanted;
      return single(Number.parseInt(hex, 16));
    }
    if (opposite === undefined && control === undefined && /^(?:[a-z1-9]|)$/i.test(letter)) {
      this.#fail(letter === '' ? 'a backslash ends it' : `\\${letter} is not supported`);
      return [];
    }
    this.#at += 1;
    return opposite === undefined ? single(control ?? letter.charCodeAt(0)) : complement(opposite);
  }

  #class(): PatternNode {
    const negated = this.#takes('^');
    const ranges: (readonly [number, number])[] = [];
    // A bracket that comes first stands for itself.
    for (let first = true; first || this.#next !== ']'; first = false) {
      if (this.#next === '') {
        this.#fail('a class is not closed');
        break;
      }
      const low = this.#member();
      const isRange = this.#next === '-' && !['', ']'].includes(this.#text.charAt(this.#at + 1));
      if (!isRange) {
        ranges.push(...low);
        continue;
      }
      this.#at += 1;
      const [from, to] = [low[0]?.[0] ?? 0, this.#member()[0]?.[1] ?? 0];
      if (to < from) this.#fail('a range ends before it begins');
      ranges.push([from, to]);
    }
    this.#takes(']');
    return { kind: 'unit', ranges, negated };
  }

  #member(): Ranges {
    return this.#takes('\\') ? this.#escape() : this.#literal();
  }
}
