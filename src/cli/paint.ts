/** Whether a report is coloured, and with what. */

import { Chalk } from 'chalk';
import { type Paint, plainPaint } from '../report/text.ts';
import { type ColourChoice, colourLevel } from '../ui/colour.ts';

/** Whether a stream has colour by itself: as FORCE_COLOR says, else when it is a terminal. */
function hasColour(stream: NodeJS.WriteStream): boolean {
  const forced = process.env['FORCE_COLOR'] ?? '';
  if (forced !== '') return forced !== '0';
  return stream.isTTY && process.env['TERM'] !== 'dumb';
}

/** The paint for a stream. */
export function paintFor(choice: ColourChoice, stream: NodeJS.WriteStream): Paint {
  if (colourLevel(choice, process.env, hasColour(stream) ? 1 : 0) === 0) return plainPaint;
  const chalk = new Chalk({ level: 1 });
  return { strong: chalk.bold, bad: chalk.bold.red, good: chalk.bold.green };
}
