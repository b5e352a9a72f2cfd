/** Frames that a person has marked, by their numbers. */

import type { FrameList } from './selection.ts';
import type { Scene, UiState } from './state.ts';

/** The marks with a frame's set, or taken away where it was set. */
export function toggled(marks: ReadonlySet<number>, frame: number): ReadonlySet<number> {
  const next = new Set(marks);
  if (!next.delete(frame)) next.add(frame);
  return next;
}

/** Where the next marked frame behind a place of the list stands, from the top again behind the last; -1 without one. */
export function nextMarked(marks: ReadonlySet<number>, frames: FrameList, from: number): number {
  const places = Array.from(marks, (frame) => frames.indexOf(frame)).filter((place) => place !== -1);
  const later = places.filter((place) => place > from);
  if (places.length === 0) return -1;
  return Math.min(...(later.length > 0 ? later : places));
}

/** Marks the selected frame, or takes its mark away. */
export function markFrame(state: UiState, { selection: { frame } }: Scene): UiState {
  return frame === null ? state : { ...state, marks: toggled(state.marks, frame.number) };
}

/** Selects the next marked frame of the list, or says that it has none. */
export function toNextMark(state: UiState, { selection: { frames, frameIndex } }: Scene): UiState {
  const place = nextMarked(state.marks, frames, frameIndex);
  if (place === -1) return { ...state, notice: 'No frame of this list is marked.' };
  if (place === frameIndex) return state;
  return { ...state, frame: frames.at(place), scroll: { ...state.scroll, hex: null } };
}
