/**
 * Rows to terminal strings. Colours are few and none is needed to read the screen: red for what failed, magenta for what
 * a server sent, bold, inverse. All are readable on light and dark backgrounds. chalk's level decides whether any is sent.
 */

import chalk from 'chalk';
import type { Emphasis, Line, Span } from './line.ts';
import { textOf } from './line.ts';
import { fit } from './text.ts';

const painters: Readonly<Record<Emphasis, (text: string) => string>> = {
  strong: (text) => chalk.bold(text),
  failed: (text) => chalk.bold.red(text),
  marked: (text) => chalk.inverse(text),
  server: (text) => chalk.magenta(text),
};

function paintSpan({ text, emphasis }: Span): string {
  return emphasis ? painters[emphasis](text) : text;
}

/**
 * One string for one row. The selected row of the focused pane is inverse over the pane's whole width; in another pane
 * its marker alone is bold.
 */
export function paint(row: Line, width: number, focused: boolean): string {
  if (row.selected && focused) return chalk.inverse(fit(textOf(row), width));
  return row.spans.map(paintSpan).join('') || ' ';
}
