/** The header, the hints at the bottom, the rule above a pane, and the one line of a terminal that is too small. */

import { isFailure } from '../../diagnose/diagnosis.ts';
import type { CaseView, FilterAnswer } from '../case-view.ts';
import { bindings, paneTitles, shownKey } from '../keymap.ts';
import type { PaneName } from '../layout.ts';
import { covers, smallest } from '../layout.ts';
import type { Line } from '../line.ts';
import { line, plain } from '../line.ts';
import type { LiveStatus } from '../live-status.ts';
import type { UiState } from '../state.ts';
import { cells, cut, endOf, fit, printable } from '../text.ts';
import { compact, counted } from './words.ts';

/** How many frames were asked by now, where not all were. */
function askedText({ asked }: FilterAnswer & { ok: true }): string {
  return asked === undefined ? '' : ` (${Math.floor(asked * 100)} % asked)`;
}

/**
 * Title, views, and how much there is; the counts give way to the title.
 *
 * @param answer What passes the filter; null without one.
 */
export function headerLine(
  view: CaseView,
  state: UiState,
  answer: (FilterAnswer & { ok: true }) | null,
  width: number,
): Line {
  if (view.live !== null) return liveHeaderLine(view, view.live, state, answer?.frames.length ?? null, width);
  const { connections } = view.diagnosis;
  const title = printable(view.title);
  const tabs = state.view === 'path' ? '[1 Path] 2 Packets' : '1 Path [2 Packets]';
  const failed = connections.filter(({ outcome }) => isFailure(outcome)).length;
  const all = `${counted(connections.length, 'connection')}, ${failed} failed`;
  const left = width - cells(' nettrace  ') - cells(tabs) - 4;
  const frames = counted(view.frameCount, 'frame');
  const some = answer === null ? frames : `${answer.frames.length} of ${frames}${askedText(answer)}`;
  const counts = [`${all}, ${some}`, ...(answer === null ? [] : [some]), all].find(
    (text) => cells(text) + cells(title) <= left,
  );
  const right = counts === undefined ? tabs : `${tabs}   ${counts}`;
  const room = width - cells(' nettrace  ') - cells(right) - 1;
  return {
    spans: [{ text: ' nettrace ', emphasis: 'strong' }, { text: ` ${fit(title, room)}${right}` }],
  };
}

const liveTabs = ['1 Path', '2 Packets', '3 Live'] as const;
const liveViews = ['path', 'packets', 'live'] as const;

/** Of a live capture: how it goes in place of how much there is. */
function liveHeaderLine(
  view: CaseView,
  { connections, failed, framesPerSecond, dropped }: LiveStatus,
  { view: shown, paused, tail }: UiState,
  passing: number | null,
  width: number,
): Line {
  const tabs = liveTabs.map((tab, index) => (liveViews[index] === shown ? `[${tab}]` : tab)).join(' ');
  const state = paused ? 'PAUSED' : tail ? 'LIVE FOLLOW' : 'LIVE';
  const rate = `${compact(framesPerSecond)} frames/s`;
  const all = `${counted(connections, 'connection')}, ${failed} failed`;
  const lost = `${dropped} dropped`;
  const some = passing === null ? [] : [`${passing} of ${counted(view.frameCount - view.firstFrame + 1, 'frame')}`];
  const room = width - cells(' nettrace  ') - cells(tabs) - 4;
  const texts = [
    [state, ...some, all, rate, lost],
    [state, ...some, `${failed} failed`, rate, lost],
    [state, ...some, `${failed} failed`, lost],
    [state, ...some, `${failed} failed`],
    [state],
  ].map((parts) => parts.join('  '));
  const text = texts.find((one) => cells(one) <= room) ?? '';
  return {
    spans: [{ text: ' nettrace ', emphasis: 'strong' }, { text: ` ${fit(text, room + 3)}${tabs}` }],
  };
}

/** The keys of the active pane, the way out always among them. */
export function hintLine(pane: PaneName, isLive: boolean, width: number): Line {
  const right = '? help  q quit ';
  let left = ' j/k move';
  for (const { keys, context, hint, command } of bindings) {
    const [key] = keys;
    if (!hint || !key || (context !== 'any' && !context.includes(pane))) continue;
    // Over the other panes only the way out means anything, and what is the pane's own.
    if (covers(pane) && context === 'any' && command !== 'back') continue;
    const next = `${left}  ${shownKey(key)} ${hint}`;
    if (cells(next) + right.length + 2 > width) break;
    left = next;
  }
  const views = covers(pane) ? left : `${left}  1 path  2 packets${isLive ? '  3 live  F follow  p pause' : ''}`;
  const shown = cells(views) + right.length + 2 <= width ? views : left;
  return plain(`${fit(shown, width - right.length)}${right}`);
}

/** What the last command came to. */
export function noticeLine(text: string, width: number): Line {
  return line(cut(` ${printable(text)}`, width), 'strong');
}

const promptSign = ' / ';

/** The cursor of a line that is typed in. */
export const promptEnd = '_';

/**
 * The open filter line: what was typed, and what is wrong with it; the wrong part stands between `[` and `]`. Of a text
 * that is too long the end is shown.
 */
export function promptLine(view: CaseView, text: string, width: number): Line {
  const answer = text.trim() === '' ? null : view.filter(text);
  const sign: Line['spans'][number] = { text: promptSign, emphasis: 'strong' };
  const room = width - cells(promptSign) - cells(promptEnd);
  if (answer === null || answer.ok) {
    const right =
      answer === null
        ? 'Enter without a text: all frames'
        : `${counted(answer.frames.length, 'frame')}${askedText(answer)}`;
    const shown = endOf(printable(text), room);
    const left = room - cells(shown) - 2;
    return { spans: [sign, { text: `${shown}${promptEnd}  ${cut(right, left)}` }] };
  }
  const { start, end, message } = answer;
  const before = printable(text.slice(0, start));
  const wrong = `[${printable(text.slice(start, end))}]`;
  const after = `${printable(text.slice(end))}${promptEnd}`;
  const shown = endOf(before, Math.max(0, room - cells(wrong) - cells(after)));
  const left = room - cells(shown) - cells(wrong) - cells(after) - 1;
  const why = `  column ${start + 1}: ${printable(message)}`;
  const spans = [
    sign,
    { text: shown },
    { text: wrong, emphasis: 'failed' as const },
    { text: `${after}${cut(why, left)}` },
  ];
  return cells(wrong) + cells(after) > room ? { spans: [sign, { text: endOf(`${wrong}${after}`, room) }] } : { spans };
}

/**
 * The rule above a pane: its title, a note, `=` when keys act on it. `abouts` says what the pane is about, the fullest
 * text first; the first that fits is shown whole, so that no address is cut.
 */
export function ruleLine(
  pane: PaneName,
  abouts: readonly string[],
  note: string,
  width: number,
  focused: boolean,
): Line {
  const stroke = focused ? '=' : '-';
  const right = note === '' ? '' : ` ${cut(note, width - 12)} ${stroke.repeat(2)}`;
  const room = width - cells(right) - 5;
  const titles = abouts.map((about) => `${paneTitles[pane]} ${about}`);
  const title = titles.find((text) => cells(text) <= room) ?? paneTitles[pane];
  const fill = Math.max(0, room - cells(title) + 1);
  return {
    spans: [
      { text: `${stroke.repeat(2)} ` },
      { text: title, emphasis: 'strong' },
      { text: ` ${stroke.repeat(fill)}${right}` },
    ],
  };
}

/** What stands in the middle of a terminal that is too small. */
export function tooSmallText(columns: number, rows: number): string {
  const need = `${smallest.columns}x${smallest.rows}`;
  const text = `nettrace needs ${need}, this is ${columns}x${rows}. Ctrl-C quits`;
  const short = cells(text) <= columns ? text : `${need} needed, Ctrl-C quits`;
  return ' '.repeat(Math.max(0, Math.floor((columns - cells(short)) / 2))) + cut(short, columns);
}
