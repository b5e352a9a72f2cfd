/**
 * The screen's store: a case and a state, for `useSyncExternalStore`. No React in it.
 */

import type { CaseView } from './case-view.ts';
import type { Command } from './keymap.ts';
import { insert, typeKey } from './prompt.ts';
import { wantedFilter } from './selection.ts';
import type { Scene, UiState } from './state.ts';
import { initialState, reduce } from './state.ts';

/** What is looked at, and how. A new object whenever either changed. */
export interface Snapshot {
  readonly view: CaseView;
  readonly state: UiState;
}

/** Holds the latest snapshot and tells listeners of a new one. */
export interface UiStore {
  /** Returns what ends the subscription. */
  readonly subscribe: (listener: () => void) => () => void;
  readonly getSnapshot: () => Snapshot;
  /** Applies a command; without a change nobody is told, so that nothing is drawn. */
  dispatch(command: Command, scene: Scene): void;
  /** A key in the open filter line. */
  type(key: string): void;
  /** Text that was pasted into the open filter line. */
  paste(text: string): void;
  /** Replaces the case, as a live trace does; selections hold by identity. */
  show(view: CaseView): void;
}

/** A store that starts with `view` and the initial state. */
export function createStore(view: CaseView): UiStore {
  const listeners = new Set<() => void>();
  let snapshot: Snapshot = { view, state: initialState };
  const publish = (next: Snapshot): void => {
    if (next.view !== snapshot.view) follow(next.view);
    snapshot = next;
    snapshot.view.search?.(wantedFilter(snapshot.state));
    for (const listener of listeners) listener();
  };
  let unfollow: (() => void) | undefined;
  const follow = (next: CaseView): void => {
    unfollow?.();
    unfollow = next.subscribe?.(() => publish({ ...snapshot }));
  };
  follow(view);
  const change = (state: UiState): void => {
    if (state !== snapshot.state) publish({ ...snapshot, state });
  };
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSnapshot: () => snapshot,
    dispatch(command, scene) {
      change(reduce(snapshot.state, command, scene));
    },
    type(key) {
      change(typeKey(snapshot.state, key, snapshot.view));
    },
    paste(text) {
      change(insert(snapshot.state, text));
    },
    show(next) {
      if (next !== snapshot.view) publish({ ...snapshot, view: next });
    },
  };
}
