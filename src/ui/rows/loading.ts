/** The screen while a large capture is read: how far it is, and the way out. */

import type { Line } from '../line.ts';
import { line, plain } from '../line.ts';
import { cut, printable } from '../text.ts';

/** How far it is. */
export interface Loading {
  /** What is being opened; raw text. */
  readonly title: string;
  /** What is being done, with the amount, rate and remaining time, in words. */
  readonly text: string;
  /** From 0 to 1; null when nobody knows. */
  readonly share: number | null;
}

const widestBar = 60;
const sideBlanks = 4;

function bar(share: number, width: number): string {
  const room = Math.min(widestBar, width - sideBlanks - ' 100 %'.length - 2);
  const full = Math.round(room * share);
  return `[${'#'.repeat(full)}${'-'.repeat(room - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`;
}

/** All rows of the screen. */
export function loadingLines({ title, text, share }: Loading, width: number, height: number): Line[] {
  const shown = [
    line(cut(`  ${printable(title)}`, width), 'strong'),
    plain(''),
    plain(share === null || width < widestBar ? '' : `  ${bar(share, width)}`),
    plain(cut(`  ${text}`, width)),
    plain(''),
    plain(cut('  Esc or q: leave', width)),
  ];
  const above = Math.max(0, Math.floor((height - shown.length) / 2));
  return [...Array.from({ length: above }, () => plain('')), ...shown].slice(0, height);
}
