/** What several commands take on their command line. Readers throw commander's error, which says what a value is. */

import { InvalidArgumentError, Option } from 'commander';

/** A timer counts milliseconds in 31 bits. */
const mostSeconds = 2_147_483;

/** A time above 0, in seconds. */
export function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= mostSeconds)) {
    throw new InvalidArgumentError(`It is a number of seconds above 0, at most ${mostSeconds} (24 days).`);
  }
  return value;
}

/** Reads a number above 0; `what` says of what. */
export function above0(what: string): (text: string) => number {
  return (text) => {
    if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError(`It is ${what} above 0.`);
    return Number(text);
  };
}

/** A value of an option that may be repeated. */
export function repeated(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** When a report is coloured. */
export function colorOption(): Option {
  return new Option('--color <when>', 'colour the report').choices(['auto', 'always', 'never']).default('auto');
}

/** To explain what the words of a report mean. */
export function teachOption(): Option {
  return new Option('--teach', 'explain the words of the report as well, a paragraph each');
}
