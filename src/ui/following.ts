/** The pane of a followed connection: opened over the others, in one form or another. */

import type { StreamForm } from './case-view.ts';
import type { Scene, UiState } from './state.ts';

/** The pane while it is open. */
export interface OpenStream {
  /** A frame of the connection; null: it has none. */
  readonly frame: number | null;
  readonly form: StreamForm;
}

/** Opens the pane at the beginning of what a frame's connection said. */
export function openStream(state: UiState, frame: number | null, form: StreamForm): UiState {
  return { ...state, stream: { frame, form }, scroll: { ...state.scroll, stream: 0 } };
}

/** Opens the pane, or closes it. Where frames are listed the selected one tells which connection is meant. */
export function toggleStream(state: UiState, { selection: { ofConnection, frame } }: Scene): UiState {
  if (state.help) return state;
  if (state.stream !== null) return { ...state, stream: null };
  return openStream(state, (state.view === 'packets' ? frame?.number : ofConnection[0]) ?? null, 'text');
}

const nextForm: Readonly<Record<StreamForm, StreamForm>> = { text: 'hex', hex: 'raw', raw: 'text' };

/** The same connection in the next form. */
export function nextStreamForm(state: UiState): UiState {
  return state.stream === null ? state : openStream(state, state.stream.frame, nextForm[state.stream.form]);
}
