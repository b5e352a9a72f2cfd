/**
 * The one place where untrusted text becomes printable.
 *
 * Packets, names, files and child output may carry terminal escapes, bidirectional overrides and zero-width characters.
 * Every view passes such text through here once, before it is measured or drawn.
 */

/** C0, DEL, C1; bidirectional controls; zero-width characters; line and paragraph separators; lone surrogates. */
export const unsafeCharacters =
  // oxlint-disable-next-line no-control-regex -- these are the characters to be replaced
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** Longest text that a view is given, in UTF-16 units: more than any real name or rule, less than a flood. */
const longest = 4096;

function visible(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
}

/** Makes text safe for a terminal: each unsafe character becomes `\x1b` or `\u202e`, a flood is cut with `…`. */
export function escapeText(text: string): string {
  const bounded = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return bounded.replace(unsafeCharacters, visible);
}

/** Escapes every text in a value of plain data. */
export function escapeAll<T>(value: T): T {
  if (typeof value === 'string') return escapeText(value) as T;
  if (Array.isArray(value)) return value.map(escapeAll) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, escapeAll(member)])) as T;
}
