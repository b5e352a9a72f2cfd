/** The filter line: text that is typed at the bottom of the screen. */

import type { CaseView } from './case-view.ts';
import type { UiState } from './state.ts';

/** The line while it is open. */
export interface Prompt {
  readonly text: string;
  /** Which of the session's filters it shows, as an index; behind the last one when it is a new text. */
  readonly place: number;
}

/** Far longer than any screen; a filter's own bound is beyond it. */
const longestText = 2000;

/** Opens the line with the filter in force, to be changed. */
export function openPrompt(state: UiState): UiState {
  return { ...state, prompt: { text: state.filter, place: state.filters.length } };
}

function retyped(state: UiState, text: string): UiState {
  return { ...state, prompt: { text, place: state.filters.length } };
}

/** A filter of before, or of after; behind the last one stands an empty line. */
function recalled(state: UiState, { place }: Prompt, step: 1 | -1): UiState {
  const next = Math.max(0, Math.min(place + step, state.filters.length));
  return next === place ? state : { ...state, prompt: { text: state.filters[next] ?? '', place: next } };
}

/** Enter: a filter that can be read is in force from now on, an empty line takes it away; any other stays to be mended. */
function kept(state: UiState, { text }: Prompt, view: CaseView): UiState {
  const filter = text.trim();
  if (filter !== '' && !view.filter(filter).ok) return state;
  const filters = filter === '' ? state.filters : [...state.filters.filter((one) => one !== filter), filter];
  return { ...state, prompt: null, filter, filters };
}

/** A line's text with what was pasted; line ends become blanks. */
export function pasted(text: string, addition: string): string {
  return (text + addition.replaceAll(/\p{Cc}+/gu, ' ')).slice(0, longestText);
}

/** A line's text after a key that edits it; null for any other key. */
export function edited(text: string, key: string): string | null {
  switch (key) {
    case 'ctrl+u':
      return '';
    case 'backspace':
      return Array.from(text).slice(0, -1).join('');
    case 'space':
      return pasted(text, ' ');
    default:
      return Array.from(key).length === 1 ? pasted(text, key) : null;
  }
}

/** Adds text to the filter, as from the clipboard. */
export function insert(state: UiState, text: string): UiState {
  return state.prompt === null ? state : retyped(state, pasted(state.prompt.text, text));
}

/** The state after a key of `keys.ts` in the open line; the same object when it means nothing there. */
export function typeKey(state: UiState, key: string, view: CaseView): UiState {
  const { prompt } = state;
  if (prompt === null) return state;
  switch (key) {
    case 'enter':
      return kept(state, prompt, view);
    case 'escape':
      return { ...state, prompt: null };
    case 'up':
      return recalled(state, prompt, -1);
    case 'down':
      return recalled(state, prompt, 1);
    default: {
      const text = edited(prompt.text, key);
      return text === null ? state : retyped(state, text);
    }
  }
}
