import { describe, expect, it, test } from 'vitest';
import type { CaseView } from '../../src/ui/case-view.ts';
import type { Command } from '../../src/ui/keymap.ts';
import type { Screen } from '../../src/ui/screen.ts';
import { composeScreen } from '../../src/ui/screen.ts';
import { select } from '../../src/ui/selection.ts';
import type { UiState } from '../../src/ui/state.ts';
import type { UiStore } from '../../src/ui/store.ts';
import { createStore } from '../../src/ui/store.ts';
import { refused, sample, sampleDiagnosis } from './sample.ts';

function screenOf(store: UiStore): Screen {
  const screen = composeScreen(store.getSnapshot(), 80, 24);
  if (!screen) throw new Error('80x24 is large enough');
  return screen;
}

/** A store after commands, each judged by the screen before it. */
function after(commands: readonly Command[], view: CaseView = sample): UiStore {
  const store = createStore(view);
  for (const command of commands) store.dispatch(command, screenOf(store).scene);
  return store;
}

const stateAfter = (...commands: Command[]): UiState => after(commands).getSnapshot().state;
const selectionAfter = (...commands: Command[]) => screenOf(after(commands)).scene.selection;

describe('levels', () => {
  test.each<[Command[], string, string]>([
    [[], 'path', 'connections'],
    [['open'], 'path', 'path'],
    [['open', 'open'], 'path', 'evidence'],
    [['open', 'open', 'open'], 'packets', 'frames'],
    [['view-packets', 'open'], 'packets', 'layers'],
    [['view-packets', 'open', 'open', 'expand', 'open'], 'packets', 'hex'],
    [['view-packets', 'open', 'back'], 'packets', 'frames'],
    [['view-packets', 'open', 'back', 'back'], 'path', 'path'],
    [['open', 'open', 'back', 'back', 'back', 'back'], 'path', 'connections'],
    [['next-pane'], 'path', 'path'],
    [['previous-pane'], 'path', 'evidence'],
    [['view-packets', 'previous-pane'], 'packets', 'hex'],
    [['view-packets', 'view-path'], 'path', 'path'],
  ])('%j ends in %s, %s', (commands, view, focus) => {
    expect(stateAfter(...commands)).toMatchObject({ view, focus });
  });

  it('goes back from the help and from zoom first', () => {
    expect(stateAfter('open', 'help', 'back')).toMatchObject({ help: false, focus: 'path' });
    expect(stateAfter('open', 'zoom', 'back')).toMatchObject({ zoomed: false, focus: 'path' });
  });
});

describe('cursors', () => {
  it('starts at the hop where it ended, and stops at the ends', () => {
    expect(selectionAfter().hop?.index).toBe(7);
    expect(selectionAfter('open', 'up').hop?.index).toBe(6);
    expect(selectionAfter('open', 'first', 'up').hop?.index).toBe(1);
    expect(selectionAfter('open', 'first', 'last', 'down').hop?.index).toBe(7);
  });

  it('moves through connections and forgets the hop and frame of the one before', () => {
    expect(selectionAfter('last').connection?.outcome).toBe('ok');
    expect(selectionAfter('open', 'first', 'next-connection').hopIndex).toBe(0);
    expect(selectionAfter('view-packets', 'last', 'next-connection').frame?.number).toBe(12);
  });

  it('opens evidence at the frame that the hop names', () => {
    expect(selectionAfter('open', 'open', 'open').frame?.number).toBe(5);
  });

  it('shows all frames and keeps the selected one', () => {
    const all = selectionAfter('view-packets', 'down', 'all-frames');
    expect([all.frames.length, all.frame?.number]).toEqual([12, 3]);
    const own = selectionAfter('view-packets', 'all-frames', 'last', 'all-frames');
    expect([own.frames.length, own.frame?.number]).toEqual([6, 2]);
  });
});

describe('layers', () => {
  it('opens and closes, and goes in and out', () => {
    const opened = selectionAfter('view-packets', 'open', 'down', 'expand', 'expand');
    expect(opened.node).toMatchObject({ kind: 'field', parent: 'ip' });
    const left = selectionAfter('view-packets', 'open', 'down', 'expand', 'expand', 'collapse');
    expect(left.node?.id).toBe('ip');
    const closed = selectionAfter('view-packets', 'open', 'down', 'expand', 'expand', 'collapse', 'collapse');
    expect(closed.nodes.map(({ kind }) => kind)).toEqual(['layer', 'layer', 'layer']);
  });

  it('keeps the field selected from frame to frame', () => {
    const store = after(['view-packets', 'open', 'last', 'expand', 'down', 'down']);
    const { node } = screenOf(store).scene.selection;
    for (const command of ['back', 'down'] as const) store.dispatch(command, screenOf(store).scene);
    const next = screenOf(store).scene.selection;
    expect(node?.id).toMatch(/^tcp\//);
    expect([next.frame?.number, next.node?.id]).toEqual([3, node?.id]);
  });
});

describe('scrolling', () => {
  it('stops at both ends of a text', () => {
    const store = after(['open', 'next-pane']);
    expect(store.getSnapshot().state.focus).toBe('why');
    store.dispatch('last', screenOf(store).scene);
    const { extent } = screenOf(store).scene;
    expect(extent.offset + extent.height).toBe(extent.length);
    const { state } = store.getSnapshot();
    store.dispatch('down', screenOf(store).scene);
    expect(store.getSnapshot().state).toBe(state);
    store.dispatch('page-up', screenOf(store).scene);
    expect(screenOf(store).scene.extent.offset).toBe(extent.offset - extent.height + 1);
  });
});

describe('the store', () => {
  it('tells nobody when nothing changes', () => {
    const store = createStore(sample);
    let told = 0;
    const leave = store.subscribe(() => {
      told++;
    });
    const quiet: Command[] = ['up', 'first', 'back', 'view-path', 'previous-connection', 'quit', 'suspend'];
    for (const command of quiet) store.dispatch(command, screenOf(store).scene);
    store.show(sample);
    expect(told).toBe(0);
    store.dispatch('down', screenOf(store).scene);
    expect(told).toBe(1);
    leave();
    store.dispatch('up', screenOf(store).scene);
    expect(told).toBe(1);
  });

  it('keeps the selection by identity when the case grows', () => {
    const store = after(['last', 'open', 'first', 'down']);
    const before = screenOf(store).scene.selection;
    const grown = [{ ...refused, frames: [1] }, ...sampleDiagnosis.connections];
    store.show({ ...sample, diagnosis: { ...sampleDiagnosis, connections: grown } });
    const now = screenOf(store).scene.selection;
    expect(now.connection).toBe(before.connection);
    expect([now.connectionIndex, now.hop?.index]).toEqual([3, 2]);
    store.show({ ...sample, diagnosis: { ...sampleDiagnosis, connections: [refused] } });
    expect(screenOf(store).scene.selection.connection).toBe(refused);
  });

  it('tells connections of one tuple apart', () => {
    const twins = [refused, { ...refused, frames: [...refused.frames] }];
    const store = after(['down'], { ...sample, diagnosis: { ...sampleDiagnosis, connections: twins } });
    expect(select(store.getSnapshot().view, store.getSnapshot().state).connectionIndex).toBe(1);
  });
});

describe('an empty case', () => {
  const empty: CaseView = {
    title: 'empty',
    diagnosis: { ...sampleDiagnosis, connections: [] },
    frameCount: 0,
    framesOf: () => [],
    filter: (text) => sample.filter(text),
    frame: () => {
      throw new Error('there are no frames');
    },
  };

  test.each<Command[]>([
    ['down', 'open', 'down', 'open', 'open', 'last'],
    ['view-packets', 'down', 'open', 'expand', 'open', 'collapse', 'next-pane', 'last', 'all-frames'],
  ])('takes every key', (...commands) => {
    const { selection } = screenOf(after(commands, empty)).scene;
    expect([selection.connection, selection.hop, selection.frame, selection.node]).toEqual([null, null, null, null]);
  });

  it('still shows frames that belong to no connection', () => {
    const view = { ...empty, frameCount: sample.frameCount, frame: (number: number) => sample.frame(number) };
    expect(screenOf(after(['open', 'down'], view)).scene.selection.frame?.number).toBe(2);
  });
});
