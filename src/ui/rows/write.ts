/** The lines at the bottom that ask which frames are to be written, and to which file. */

import type { CaseView } from '../case-view.ts';
import type { Line } from '../line.ts';
import { line, plain } from '../line.ts';
import type { UiState } from '../state.ts';
import { cells, cut, endOf, printable, wrap } from '../text.ts';
import type { FrameChoice, WritePrompt } from '../write-prompt.ts';
import { chosenOf, frameChoices } from '../write-prompt.ts';
import { promptEnd } from './bars.ts';

/** Rows that a reason may take: more than any of ours at the smallest width. */
const mostRows = 4;

function problemOf(answer: WritePrompt['answer']): string | null {
  if (answer === null || answer === 'pending') return null;
  if (answer === 'no-name') return 'Type the name of a file.';
  if (answer.kind === 'failed') return printable(`Cannot write there: ${answer.reason}`);
  return 'A file of this name is there already. Enter again replaces it; type another name, or Esc.';
}

function hints(choices: readonly FrameChoice[], chosen: FrameChoice | undefined): string {
  const others = choices.filter((choice) => choice !== chosen).map(({ words }) => words);
  const tab = others.length === 0 ? '' : `  Tab ${others.join(', ')}`;
  return ` Enter writes  Esc does not${tab}`;
}

/** What is written and where to, then the keys, or what became of the last attempt. */
export function writeLines(view: CaseView, state: UiState, write: WritePrompt, width: number): readonly Line[] {
  const choices = frameChoices(view, state);
  const chosen = chosenOf(choices, write);
  const question = ` Write ${chosen?.words ?? 'no frames'} to: `;
  const path = endOf(printable(write.path), width - cells(question) - cells(promptEnd));
  const first: Line = { spans: [{ text: question, emphasis: 'strong' }, { text: `${path}${promptEnd}` }] };
  if (write.answer === 'pending') return [first, plain(' Writing.')];
  const problem = problemOf(write.answer);
  if (problem === null) return [first, plain(cut(hints(choices, chosen), width))];
  const rows = wrap(` ${problem}`, width, 1).slice(0, mostRows);
  return [first, ...rows.map((text) => line(text, 'failed'))];
}
