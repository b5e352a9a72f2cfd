/** Reads the JSON that tools print, malformed as it may be, without trusting any of its types. */

/** A JSON object whose members are not known. */
export type JsonRecord = Readonly<Record<string, unknown>>;

// oxlint-disable-next-line no-control-regex -- iproute2 prints these raw inside strings
const rawControls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g;

/**
 * iproute2's writer (lib/json_writer.c) puts control characters of a name raw into a string and writes `\'` for an
 * apostrophe; neither is JSON.
 */
function mend(text: string): string {
  return text
    .replace(/\\(.)/gs, (pair, escaped: string) => (escaped === "'" ? "'" : pair))
    .replace(rawControls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * The value of a JSON text; undefined when there is none. A tool that had nothing to print prints nothing: an empty
 * array.
 */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return [];
  for (const candidate of [text, mend(text)]) {
    try {
      return JSON.parse(candidate);
    } catch {
      // The mended text is tried next.
    }
  }
  return undefined;
}

/** No tool's output nests deeper; JSON.stringify throws where the stack ends. */
const deepest = 64;

function withoutDepths(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return '…';
  if (Array.isArray(value)) return value.map((item) => withoutDepths(item, depth - 1));
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutDepths(item, depth - 1)]));
}

/** A parsed value as JSON text, as quotes show it; what nests too deeply in it is `…`. */
export function jsonText(value: unknown): string {
  return JSON.stringify(withoutDepths(value, deepest)) ?? 'nothing';
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as an object, or null. */
export function asRecord(value: unknown): JsonRecord | null {
  return isRecord(value) ? value : null;
}

/** The objects of an array; null when the value is no array. */
export function asRecords(value: unknown): JsonRecord[] | null {
  return Array.isArray(value) ? value.filter(isRecord) : null;
}

/** The value as a string; numbers that tools print where a name would stand become one too. */
export function asText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : null;
}

/** The value as a whole number; the digits of a string count. */
export function asInteger(value: unknown): number | null {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null;
}

/** The strings of an array; empty when the value is none. */
export function asTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
