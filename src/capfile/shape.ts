/**
 * Checks of JSON that a file holds: untrusted until it has the shape that the program's own types promise.
 *
 * A check gives the value back, built anew from the parts that it knows, or says where it differs. The types tie each
 * check to its interface, so a field added there is missed by the compiler here.
 */

/** Where a value differs from the shape: `command.argv[2]: text expected`. */
export class Mismatch {
  readonly text: string;

  constructor(path: string, expected: string) {
    this.text = `${path === '' ? 'the whole' : path}: ${expected} expected`;
  }
}

/** Reads a value of unknown shape; `path` is where it stands, for the message. */
export type Check<T> = (value: unknown, path: string) => T | Mismatch;

/** Any text. */
export const text: Check<string> = (value, path) => (typeof value === 'string' ? value : new Mismatch(path, 'text'));

/** True or false. */
export const truth: Check<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : new Mismatch(path, 'true or false');

/** A whole number that a double holds exactly. */
export const integer: Check<number> = (value, path) =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : new Mismatch(path, 'a whole number');

/** Nanoseconds, written as decimal text because JSON's numbers are too short for them. */
export const nanoseconds: Check<bigint> = (value, path) =>
  typeof value === 'string' && /^-?\d{1,20}$/.test(value)
    ? BigInt(value)
    : new Mismatch(path, 'nanoseconds as decimal text');

/** One of a few words. */
export function oneOf<const T extends string>(...words: readonly T[]): Check<T> {
  return (value, path) => words.find((word) => word === value) ?? new Mismatch(path, words.join(' or '));
}

/** What `check` reads, or null. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, path) => (value === null ? null : check(value, path));
}

/** A list of what `check` reads. */
export function list<T>(check: Check<T>): Check<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) return new Mismatch(path, 'a list');
    const items: T[] = [];
    for (const [index, item] of value.entries()) {
      const read = check(item, `${path}[${index}]`);
      if (read instanceof Mismatch) return read;
      items.push(read);
    }
    return items;
  };
}

/** An object with these fields; others are ignored, so that fields can be added later. */
export function record<T extends object>(fields: { readonly [K in keyof T]-?: Check<T[K]> }): Check<T> {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return new Mismatch(path, 'an object');
    const entries: [string, unknown][] = [];
    for (const [name, check] of Object.entries<Check<unknown>>(fields)) {
      const place = path === '' ? name : `${path}.${name}`;
      const present: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
      const read = check(present, place);
      if (read instanceof Mismatch) return read;
      entries.push([name, read]);
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each field was read by its own check
    return Object.fromEntries(entries) as T;
  };
}

const quote = 0x22;
const backslash = 0x5c;
const opening: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const closing: ReadonlySet<number> = new Set([0x5d, 0x7d]);

/**
 * How deep the brackets of JSON text nest and how many there are, found without parsing: both are bounded before
 * JSON.parse makes objects of them.
 */
export function measureJson(bytes: Uint8Array): { readonly depth: number; readonly brackets: number } {
  let depth = 0;
  let deepest = 0;
  let brackets = 0;
  let inText = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (inText) {
      if (byte === backslash) index++;
      else if (byte === quote) inText = false;
    } else if (byte === quote) inText = true;
    else if (opening.has(byte)) {
      brackets++;
      depth++;
      deepest = Math.max(deepest, depth);
    } else if (closing.has(byte)) depth--;
  }
  return { depth: deepest, brackets };
}
