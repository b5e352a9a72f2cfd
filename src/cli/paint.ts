/** Whether a report is coloured, and with what. */

import { Chalk } from 'chalk';
import { type Paint, plainPaint } from '../report/text.ts';

/** When to colour. */
export type ColorChoice = 'auto' | 'always' | 'never';

/** `--color` first, then FORCE_COLOR and NO_COLOR (no-color.org), then whether the stream is a terminal. */
function wantsColor(choice: ColorChoice, stream: NodeJS.WriteStream): boolean {
  if (choice !== 'auto') return choice === 'always';
  if ((process.env['FORCE_COLOR'] ?? '') !== '') return process.env['FORCE_COLOR'] !== '0';
  if ((process.env['NO_COLOR'] ?? '') !== '') return false;
  return stream.isTTY && process.env['TERM'] !== 'dumb';
}

/** The paint for a stream. */
export function paintFor(choice: ColorChoice, stream: NodeJS.WriteStream): Paint {
  if (!wantsColor(choice, stream)) return plainPaint;
  const chalk = new Chalk({ level: 1 });
  return { strong: chalk.bold, bad: chalk.bold.red, good: chalk.bold.green };
}
