/**
 * The one place where untrusted text becomes printable.
 *
 * Packets, names, files and child output may carry terminal escapes, bidirectional overrides and zero-width characters.
 * Every view passes such text through here once, before it is measured or drawn.
 */

/**
 * Controls (C0, DEL, C1), format characters (bidirectional controls, zero-width ones, tags), lone surrogates, line and
 * paragraph separators, and whatever else is drawn as nothing: Unicode's general categories and its
 * Default_Ignorable_Code_Point.
 */
export const unsafeCharacters = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Longest text that a view is given, in UTF-16 units: more than any real name or rule, less than a flood. */
const longest = 4096;

function visible(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  if (code.length > 4) return `\\u{${code}}`;
  return code.length > 2 ? `\\u${code.padStart(4, '0')}` : `\\x${code.padStart(2, '0')}`;
}

/** Makes text safe for a terminal: each unsafe character becomes `\x1b`, `\u202e` or `\u{e0041}`; a flood is cut with `…`. */
export function escapeText(text: string): string {
  const bounded = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return bounded.replace(unsafeCharacters, visible);
}

function escapeValue(value: unknown): unknown {
  if (typeof value === 'string') return escapeText(value);
  if (Array.isArray(value)) return value.map(escapeValue);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, escapeValue(member)]));
}

/** Escapes every text in a value of plain data. */
export function escapeAll<T>(value: T): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only texts change, so the type stays what it was
  return escapeValue(value) as T;
}
