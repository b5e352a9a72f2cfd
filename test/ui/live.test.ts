import { describe, expect, it, test } from 'vitest';
import type { Command } from '../../src/ui/keymap.ts';
import { composeScreen } from '../../src/ui/screen.ts';
import { createStore, type UiStore } from '../../src/ui/store.ts';
import { interfaces, liveSample, toggle } from './live-sample.ts';
import { sample } from './sample.ts';

function sceneOf(store: UiStore) {
  const screen = composeScreen(store.getSnapshot(), 100, 30);
  if (screen === null) throw new Error('the terminal is too small');
  return screen.scene;
}

function press(store: UiStore, ...commands: readonly Command[]): void {
  for (const command of commands) store.dispatch(command, sceneOf(store));
}

const [first, second, third] = sample.diagnosis.connections;
const viewOf = (...connections: readonly (typeof first)[]) => ({
  ...liveSample,
  diagnosis: { ...liveSample.diagnosis, connections: connections.filter((one) => one !== undefined) },
});

describe('a tail', () => {
  it('stays with the first connection and the last frame, whatever comes', () => {
    const store = createStore(viewOf(second, third));
    expect(sceneOf(store).selection).toMatchObject({
      connection: second,
      frameIndex: (second?.frames.length ?? 0) - 1,
    });
    store.show(viewOf(first, second, third));
    expect(sceneOf(store).selection.connection).toBe(first);
  });

  test.each<Command[]>([['down'], ['open'], ['next-connection'], ['tail']])(
    'ends where it is with %s',
    (...commands) => {
      const store = createStore(viewOf(second, third));
      press(store, ...commands);
      const { connection } = sceneOf(store).selection;
      store.show(viewOf(first, second, third));
      expect(sceneOf(store).selection.connection).toBe(connection);
      press(store, 'view-path', 'tail');
      expect(sceneOf(store).selection.connection).toBe(first);
    },
  );

  it('goes on while interfaces are looked at', () => {
    const store = createStore(liveSample);
    press(store, 'view-live', 'down');
    expect(store.getSnapshot().state.tail).toBe(true);
    expect(sceneOf(store).selection.interfaceIndex).toBe(1);
  });
});

describe('a pause', () => {
  it('holds what is shown still, but not how the capture goes', () => {
    const store = createStore(viewOf(second));
    press(store, 'pause');
    const live = liveSample.live && { ...liveSample.live, dropped: 99 };
    store.show({ ...viewOf(first, second), live });
    expect(store.getSnapshot().view.live?.dropped).toBe(99);
    expect(sceneOf(store).selection.connections).toHaveLength(1);
    press(store, 'pause');
    expect(sceneOf(store).selection.connections).toHaveLength(2);
  });

  it('that ends before anything came shows what it showed', () => {
    const store = createStore(viewOf(second));
    press(store, 'pause', 'pause');
    expect(sceneOf(store).selection.connection).toBe(second);
  });
});

test('the capture at the selected interface is switched', () => {
  const store = createStore(liveSample);
  press(store, 'view-live', 'down', 'toggle-capture');
  expect(toggle.mock.calls).toEqual([[interfaces[1]?.place]]);
});

test.each<Command>(['view-live', 'tail', 'pause', 'toggle-capture'])('%s means nothing in a replay', (command) => {
  const store = createStore(sample);
  const before = store.getSnapshot();
  press(store, command);
  expect(store.getSnapshot()).toBe(before);
});

test('frames that have gone are not counted, and those that are left keep their numbers', () => {
  const store = createStore({ ...liveSample, firstFrame: 4 });
  press(store, 'view-packets', 'all-frames', 'first');
  const { frames, frame } = sceneOf(store).selection;
  expect([frames.length, frame?.number, frames.indexOf(3), frames.indexOf(5)]).toEqual([
    sample.frameCount - 3,
    4,
    -1,
    1,
  ]);
});
