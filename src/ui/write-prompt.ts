/** The line that asks which frames are to be written, and to which file. */

import type { CaseView, FrameNumbers, WriteAnswer, WriteRequest } from './case-view.ts';
import { edited, pasted } from './prompt.ts';
import { counted } from './rows/words.ts';
import { filterAnswer, select } from './selection.ts';
import type { UiState } from './state.ts';

/** Frames that can be written. */
export interface FrameChoice {
  readonly name: 'marked' | 'shown' | 'connection' | 'all';
  /** Their numbers; null: all. */
  readonly frames: FrameNumbers | null;
  /** `6 frames of the connection`. */
  readonly words: string;
}

/** The line while it is open. */
export interface WritePrompt {
  /** Null until Tab chose another than the first. */
  readonly choice: FrameChoice['name'] | null;
  readonly path: string;
  /** What the latest attempt came to; null when there was none with this name. */
  readonly answer: Exclude<WriteAnswer, { kind: 'written' }> | 'no-name' | 'pending' | null;
}

const opened: WritePrompt = { choice: null, path: '', answer: null };

/** Opens the line. */
export function openWrite(state: UiState): UiState {
  return { ...state, write: opened };
}

/** What there is to choose from; what was singled out by hand comes first, what the list shows before what it does not. */
export function frameChoices(view: CaseView, state: UiState): readonly FrameChoice[] {
  const own = select(view, state).ofConnection;
  const answer = filterAnswer(view, state);
  // What a filter has not asked yet may pass too.
  const passing = answer === null || answer.asked !== undefined ? [] : answer.frames;
  const marked = [...state.marks].sort((a, b) => a - b);
  const kept = view.frameCount - view.firstFrame + 1;
  const all: FrameChoice = { name: 'all', frames: null, words: `all ${counted(kept, 'frame')}` };
  const connection: FrameChoice = {
    name: 'connection',
    frames: own,
    words: `${counted(own.length, 'frame')} of the connection`,
  };
  const some: readonly FrameChoice[] = [
    { name: 'marked', frames: marked, words: counted(marked.length, 'marked frame') },
    { name: 'shown', frames: passing, words: `${counted(passing.length, 'frame')} that the filter shows` },
    ...(state.allFrames ? [] : [connection]),
    all,
    ...(state.allFrames ? [connection] : []),
  ];
  return some.filter(({ frames }) => frames?.length !== 0);
}

/** The chosen ones of them: the first, unless Tab chose another that is still there. */
export function chosenOf(choices: readonly FrameChoice[], { choice }: WritePrompt): FrameChoice | undefined {
  return choices.find(({ name }) => name === choice) ?? choices[0];
}

function nextChoice(choices: readonly FrameChoice[], write: WritePrompt): WritePrompt {
  const chosen = chosenOf(choices, write);
  const next = choices[(chosen === undefined ? 0 : choices.indexOf(chosen) + 1) % choices.length];
  return { ...write, choice: next?.name ?? null, answer: null };
}

function named(state: UiState, write: WritePrompt, path: string): UiState {
  return { ...state, write: { ...write, path, answer: null } };
}

/** The state after a key of `keys.ts` other than Enter in the open line; the same object when it means nothing there. */
export function typeWriteKey(state: UiState, key: string, view: CaseView): UiState {
  const { write } = state;
  if (write === null || write.answer === 'pending') return state;
  if (key === 'escape') return { ...state, write: null };
  if (key === 'tab') return { ...state, write: nextChoice(frameChoices(view, state), write) };
  const path = edited(write.path, key);
  return path === null ? state : named(state, write, path);
}

/** Adds text to the name, as from the clipboard. */
export function insertName(state: UiState, text: string): UiState {
  const { write } = state;
  return write === null || write.answer === 'pending' ? state : named(state, write, pasted(write.path, text));
}

/** Enter: the state from now on, and what is to be written; nothing without a name, or while it is being written. */
export function confirmWrite(state: UiState, view: CaseView): { state: UiState; request: WriteRequest | null } {
  const { write } = state;
  if (write === null || write.answer === 'pending') return { state, request: null };
  const path = write.path.trim();
  const chosen = chosenOf(frameChoices(view, state), write);
  if (path === '' || chosen === undefined) {
    return { state: { ...state, write: { ...write, answer: 'no-name' } }, request: null };
  }
  const overwrite = typeof write.answer === 'object' && write.answer?.kind === 'exists';
  const request = { frames: chosen.frames, path, overwrite };
  return { state: { ...state, write: { ...write, answer: 'pending' } }, request };
}

/** The state when an attempt has come to its end. */
export function answered(state: UiState, { path }: WriteRequest, answer: WriteAnswer): UiState {
  if (answer.kind === 'written') {
    return { ...state, write: null, notice: `${counted(answer.frames, 'frame')} written to ${path}` };
  }
  return state.write === null ? state : { ...state, write: { ...state.write, answer } };
}
