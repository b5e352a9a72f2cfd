/**
 * Checks of JSON that a file holds: untrusted until it has the shape that the program's own types promise.
 *
 * A check gives the value back, built anew from the parts that it knows, or says where it differs. The types tie each
 * check to its interface, so a field added there is missed by the compiler here.
 */

/** Where a value differs from the shape: `command.argv[2]: text expected`. */
export class Mismatch {
  readonly #place: string;
  readonly #expected: string;

  constructor(expected: string, place = '') {
    this.#expected = expected;
    this.#place = place;
  }

  get text(): string {
    return `${this.#place === '' ? 'the whole' : this.#place}: ${this.#expected} expected`;
  }

  /** The same, as the part of that name or `[index]` of a larger value: only what differs has its place spelled out. */
  within(part: string): Mismatch {
    const joint = this.#place === '' || this.#place.startsWith('[') ? '' : '.';
    return new Mismatch(this.#expected, `${part}${joint}${this.#place}`);
  }
}

/** Reads a value of unknown shape. */
export type Check<T> = (value: unknown) => T | Mismatch;

/** Any text. */
export const text: Check<string> = (value) => (typeof value === 'string' ? value : new Mismatch('text'));

/** True or false. */
export const truth: Check<boolean> = (value) => (typeof value === 'boolean' ? value : new Mismatch('true or false'));

/** A whole number that a double holds exactly. */
export const integer: Check<number> = (value) =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : new Mismatch('a whole number');

/** Nanoseconds, written as decimal text because JSON's numbers are too short for them. */
export const nanoseconds: Check<bigint> = (value) =>
  typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : new Mismatch('nanoseconds as decimal text');

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): Check<T> {
  return (value) => words.find((word) => word === value) ?? new Mismatch(words.join(' or '));
}

/** What `check` reads, or null. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value) => (value === null ? null : check(value));
}

/** What `check` reads, or null; null too where an earlier version wrote nothing. */
export function added<T>(check: Check<T>): Check<T | null> {
  return (value) => (value === null || value === undefined ? null : check(value));
}

/** A list of what `check` reads. */
export function list<T>(check: Check<T>): Check<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return new Mismatch('a list');
    const items: T[] = [];
    for (const item of value) {
      const read = check(item);
      if (read instanceof Mismatch) return read.within(`[${items.length}]`);
      items.push(read);
    }
    return items;
  };
}

/** An object with these fields; others are ignored, so that fields can be added later. */
export function record<T extends object>(fields: { readonly [K in keyof T]-?: Check<T[K]> }): Check<T> {
  const checks = Object.entries<Check<unknown>>(fields);
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Mismatch('an object');
    const built: Record<string, unknown> = {};
    for (const [name, check] of checks) {
      const present: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
      const read = check(present);
      if (read instanceof Mismatch) return read.within(name);
      built[name] = read;
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field was read by its own check
    return built as T;
  };
}

const quote = 0x22;
const backslash = 0x5c;
const [openingBracket, openingBrace] = [0x5b, 0x7b];

/**
 * How many brackets JSON text opens, found without parsing: they are bounded before JSON.parse makes objects of them. How
 * deep they nest does not matter: JSON.parse does not recurse, and a check looks no deeper than its shape.
 */
export function openedBrackets(bytes: Uint8Array): number {
  let opened = 0;
  let inText = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (inText) {
      if (byte === backslash) index++;
      else if (byte === quote) inText = false;
    } else if (byte === quote) inText = true;
    else if (byte === openingBracket || byte === openingBrace) opened++;
  }
  return opened;
}
