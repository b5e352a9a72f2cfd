/** Why a filter's text is no filter: a place, and what would have fitted there. */

/** A place in a filter's text, in UTF-16 units from 0. */
export interface Place {
  readonly start: number;
  readonly end: number;
}

/** What is wrong, and where. */
export interface FilterError extends Place {
  /** One sentence without a full stop: `"tpc.port" is no field; did you mean tcp.port?`. Holds the user's text raw. */
  readonly message: string;
  /** What could stand at the place: "a field or a protocol". */
  readonly expected: string;
}

/** Either what was wanted, or why it is not to be had. */
export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: FilterError };

/** A result that is there. */
export function done<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** An error as a result. */
export function failed({ start, end }: Place, message: string, expected: string): Result<never> {
  return { ok: false, error: { start, end, message, expected } };
}

/** Characters that would move the marks away from what they mark. */
const controls = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * The error in three lines: the sentence with its column (counted from 1), the filter, and marks under the place. The
 * first line holds text of the filter raw: whoever prints it escapes it.
 */
export function describeFilterError(text: string, { start, end, message }: FilterError): readonly string[] {
  const marks = '^'.repeat(Math.max(1, end - start));
  return [
    `filter: column ${start + 1}: ${message}`,
    `  ${text.replace(controls, ' ')}`,
    `  ${' '.repeat(start)}${marks}`,
  ];
}
