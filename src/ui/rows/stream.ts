/**
 * The stream pane: what the ends of a connection said, `>` before what the client sent, `<` before what the server sent,
 * which has a colour too. A line that is too long goes on in the next row, with `~` behind the sign.
 */

import { arrows, type StreamLine } from '../../report/stream.ts';
import type { CaseView, StreamAnswer } from '../case-view.ts';
import type { Line, Rows } from '../line.ts';
import { line, plain, scrolled } from '../line.ts';
import type { UiState } from '../state.ts';
import { pieces, printable, wrap } from '../text.ts';
import { endpointText } from './words.ts';

const signWidth = 2;

/** The rows of lines at the width that they were last drawn with: a key that scrolls makes none anew. */
const drawnBefore = new WeakMap<readonly StreamLine[], { readonly width: number; readonly rows: readonly Line[] }>();

function rowsOf({ from, text }: StreamLine, width: number): Line[] {
  if (from === null) return wrap(text, width, 1).map((part) => line(part, 'strong'));
  return pieces(text, width - signWidth).map((part, index) => {
    const row = `${arrows[from]}${index === 0 ? ' ' : '~'}${part}`;
    return from === 'server' ? line(row, 'server') : plain(row);
  });
}

function allRows(lines: readonly StreamLine[], width: number): readonly Line[] {
  const before = drawnBefore.get(lines);
  if (before?.width === width) return before.rows;
  const rows = lines.flatMap((one) => rowsOf(one, width));
  drawnBefore.set(lines, { width, rows });
  return rows;
}

function answerOf(view: CaseView, { stream }: UiState): StreamAnswer {
  if (stream !== null && stream.frame !== null) return view.follow(stream.frame);
  return { ok: false, message: 'No frames of this connection were captured: there is nothing to follow.' };
}

/** The visible rows of the open stream. */
export function streamRows(view: CaseView, state: UiState, width: number, height: number): Rows {
  const answer = answerOf(view, state);
  const { stream, scroll } = state;
  if (!answer.ok || stream === null) {
    const message = answer.ok ? '' : printable(answer.message);
    return scrolled(wrap(message, width).map(plain), height, 0);
  }
  const lines = answer.lines(stream.form, width - signWidth);
  if (lines.length === 0) return scrolled([plain('Neither end sent anything.')], height, 0);
  return scrolled(allRows(lines, width), height, scroll.stream);
}

/** What the pane's rule says: which connection, in which form; the fullest text first. */
export function streamAbouts(view: CaseView, state: UiState): readonly string[] {
  const answer = answerOf(view, state);
  if (!answer.ok || state.stream === null) return [];
  const { protocol, client, server } = answer;
  const to = endpointText(server);
  const form = `as ${state.stream.form}`;
  return [`of ${protocol} ${endpointText(client)} > ${to} ${form}`, `to ${to} ${form}`, form];
}
