/**
 * The screen's store: a case and a state, for `useSyncExternalStore`. No React in it.
 */

import type { CaseView, WriteRequest } from './case-view.ts';
import type { Command } from './keymap.ts';
import { insert, typeKey } from './prompt.ts';
import { wantedFilter } from './selection.ts';
import type { Scene, UiState } from './state.ts';
import { initialState, reduce } from './state.ts';
import { answered, confirmWrite, insertName, typeWriteKey } from './write-prompt.ts';

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
  /** A key in the open line at the bottom. */
  type(key: string): void;
  /** Text that was pasted into the open line. */
  paste(text: string): void;
  /**
   * Replaces the case, as a live trace does; selections hold by identity. While the screen is paused only what is said of
   * the capture changes.
   */
  show(view: CaseView): void;
}

/** A store that starts with `view` and the initial state. */
export function createStore(view: CaseView): UiStore {
  const listeners = new Set<() => void>();
  let snapshot: Snapshot = { view, state: { ...initialState, tail: view.live !== null } };
  /** The latest case, while the screen is paused. */
  let latest = view;
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
  const write = async (view: CaseView, request: WriteRequest): Promise<void> => {
    const answer = await view.write(request);
    change(answered(snapshot.state, request, answer));
  };
  return {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    getSnapshot: () => snapshot,
    dispatch(command, scene) {
      if (command === 'toggle-capture') {
        const { interfaces, interfaceIndex } = scene.selection;
        const place = interfaces[interfaceIndex]?.place;
        if (place !== undefined) snapshot.view.live?.toggle(place);
        return;
      }
      const state = reduce(snapshot.state, command, scene);
      if (snapshot.state.paused && !state.paused) publish({ view: latest, state });
      else change(state);
    },
    type(key) {
      const { state, view } = snapshot;
      if (state.write === null) change(typeKey(state, key, view));
      else if (key !== 'enter') change(typeWriteKey(state, key, view));
      else {
        const confirmed = confirmWrite(state, view);
        change(confirmed.state);
        if (confirmed.request !== null) void write(view, confirmed.request);
      }
    },
    paste(text) {
      change(insertName(insert(snapshot.state, text), text));
    },
    show(next) {
      latest = next;
      const view = snapshot.state.paused ? { ...snapshot.view, live: next.live } : next;
      if (next !== snapshot.view) publish({ ...snapshot, view });
    },
  };
}
