import { describe, expect, it, test } from 'vitest';
import type { CaseView, WriteAnswer, WriteRequest } from '../../src/ui/case-view.ts';
import { type Command, commandFor } from '../../src/ui/keymap.ts';
import { textOf } from '../../src/ui/line.ts';
import { composeScreen } from '../../src/ui/screen.ts';
import { activePane, isTyping } from '../../src/ui/state.ts';
import { createStore, type UiStore } from '../../src/ui/store.ts';
import { frameChoices } from '../../src/ui/write-prompt.ts';
import { sample } from './sample.ts';

/** The keys that type a text. */
function letters(text: string): string[] {
  return Array.from(text);
}

interface Desk {
  readonly store: UiStore;
  /** What the view was asked to write. */
  readonly requests: readonly WriteRequest[];
  /** Keys as `keys.ts` names them; what is typed is given letter by letter. */
  press(...keys: readonly string[]): Promise<void>;
  /** The rows at the bottom. */
  bottom(columns?: number): string[];
}

function open(write: CaseView['write'] = (request) => sample.write(request)): Desk {
  const requests: WriteRequest[] = [];
  const view: CaseView = {
    ...sample,
    write(request) {
      requests.push(request);
      return write(request);
    },
  };
  const store = createStore(view);
  const screen = (columns: number) => {
    const drawn = composeScreen(store.getSnapshot(), columns, 24);
    if (drawn === null) throw new Error('the terminal is large enough');
    return drawn;
  };
  const command = (key: string): Command => {
    const found = commandFor(key, activePane(store.getSnapshot().state));
    if (found === null) throw new Error(`${key} means nothing there`);
    return found;
  };
  return {
    store,
    requests,
    async press(...keys) {
      for (const key of keys) {
        if (isTyping(store.getSnapshot().state)) store.type(key);
        else store.dispatch(command(key), screen(80).scene);
        await Promise.resolve();
      }
    },
    bottom: (columns = 100) => screen(columns).bottom.map(textOf),
  };
}

const name = letters('out.pcapng');

describe('which frames are written', () => {
  test.each<[string, readonly string[], readonly number[] | null, string]>([
    ['those of the connection', [], [2, 3, 4, 5, 6, 7], '6 frames of the connection'],
    ['of the next one, as it is selected', [']'], [12], '1 frame of the connection'],
    ['all, where all are listed', ['2', 'a'], null, 'all 12 frames'],
    ['those of the connection where all are listed, by Tab', ['2', 'a', 'w', 'tab'], [2, 3, 4, 5, 6, 7], '6 frames'],
    ['all, by Tab', ['w', 'tab'], null, 'all 12 frames'],
    ['those of the connection again, by Tab twice', ['w', 'tab', 'tab'], [2, 3, 4, 5, 6, 7], '6 frames'],
    [
      'those that the filter shows',
      ['2', '/', ...letters('tcp'), 'enter'],
      [3, 4, 12],
      '3 frames that the filter shows',
    ],
    ['not those of a filter that shows none', ['2', '/', ...letters('icmp'), 'enter'], [2, 3, 4, 5, 6, 7], '6 frames'],
    ['the marked ones, in their order', ['2', 'j', 'm', 'k', 'm'], [2, 3], '2 marked frames'],
    ['the marked ones before those of a filter', ['2', 'm', '/', ...letters('tcp'), 'enter'], [2], '1 marked frame'],
    [
      'those of the filter behind the marked ones',
      ['2', 'm', '/', ...letters('tcp'), 'enter', 'w', 'tab'],
      [3, 4, 12],
      '3',
    ],
  ])('%s', async (_name, keys, frames, words) => {
    const desk = open();
    await desk.press(...keys);
    if (!isTyping(desk.store.getSnapshot().state)) await desk.press('w');
    expect(desk.bottom()[0]).toContain(` Write ${words}`);
    await desk.press(...name, 'enter');
    expect(desk.requests).toEqual([{ frames, path: 'out.pcapng', overwrite: false }]);
  });
});

describe('the line', () => {
  it('says what it asks, what else there is, and which keys there are', async () => {
    const desk = open();
    await desk.press('2', 'm', 'w', ...letters('a b'));
    expect(desk.bottom()).toEqual([
      ' Write 1 marked frame to: a b_',
      ' Enter writes  Esc does not  Tab 6 frames of the connection, all 12 frames',
    ]);
  });

  it('says how many were written, until the next key', async () => {
    const desk = open();
    await desk.press('w', ...name, 'enter');
    expect(desk.bottom()).toEqual([' 6 frames written to out.pcapng']);
    await desk.press('j');
    expect(desk.bottom()[0]).toContain('j/k move');
  });

  it('asks again before it replaces a file', async () => {
    const desk = open();
    await desk.press('w', ...letters('there'), 'enter');
    const [, ...reason] = desk.bottom(60);
    expect(reason).toEqual([
      ' A file of this name is there already. Enter again replaces',
      ' it; type another name, or Esc.',
    ]);
    await desk.press('enter');
    expect(desk.requests.map(({ overwrite }) => overwrite)).toEqual([false, true]);
    expect(desk.bottom()).toEqual([' 6 frames written to there']);
  });

  test.each([
    ['another name', ['backspace', 'e']],
    ['another choice', ['tab', 'tab']],
    ['the line opened anew', ['escape', 'w', ...letters('there')]],
  ])('takes nothing for a confirmation after %s', async (_name, keys) => {
    const desk = open();
    await desk.press('w', ...letters('there'), 'enter', ...keys, 'enter');
    expect(desk.requests.map(({ path, overwrite }) => [path, overwrite])).toEqual([
      ['there', false],
      ['there', false],
    ]);
  });

  it('says what failed, why, and what to do; the name stays to be mended', async () => {
    const desk = open();
    await desk.press('w', ...letters('nowhere/x'), 'enter');
    expect(desk.bottom(80)).toEqual([
      ' Write 6 frames of the connection to: nowhere/x_',
      ' Cannot write there: no such file or directory (ENOENT). Name a file in a folder',
      ' that is there and can be written to.',
    ]);
    await desk.press('ctrl+u', ...name, 'enter');
    expect(desk.bottom()).toEqual([' 6 frames written to out.pcapng']);
  });

  it('wants a name', async () => {
    const desk = open();
    await desk.press('w', 'space', 'enter');
    expect(desk.bottom()[1]).toBe(' Type the name of a file.');
    expect(desk.requests).toEqual([]);
  });

  it('takes a pasted name, without the line end behind it', async () => {
    const desk = open();
    await desk.press('w');
    desk.store.paste('/tmp/a\x1b.pcapng\n');
    expect(desk.bottom()[0]).toBe(' Write 6 frames of the connection to: /tmp/a .pcapng _');
    await desk.press('enter');
    expect(desk.requests[0]?.path).toBe('/tmp/a .pcapng');
  });

  it('shows the end of a name that is too long', async () => {
    const desk = open();
    await desk.press('w', ...letters('0123456789'.repeat(12)));
    expect(desk.bottom(60)[0]).toMatch(/^ Write 6 frames of the connection to: \d{21}_$/);
  });

  it('waits for what is being written', async () => {
    const { promise, resolve } = Promise.withResolvers<WriteAnswer>();
    const desk = open(() => promise);
    await desk.press('w', ...name, 'enter');
    const { state } = desk.store.getSnapshot();
    await desk.press('enter', 'escape', 'x', 'tab');
    desk.store.paste('y');
    expect(desk.store.getSnapshot().state).toBe(state);
    expect([desk.bottom()[1], desk.requests.length]).toEqual([' Writing.', 1]);
    resolve({ kind: 'written', frames: 1 });
    await promise;
    await Promise.resolve();
    expect(desk.bottom()).toEqual([' 1 frame written to out.pcapng']);
  });

  it('goes away by Esc, and nothing is written', async () => {
    const desk = open();
    await desk.press('w', ...name, 'escape');
    expect([desk.bottom()[0]?.includes('j/k move'), desk.requests]).toEqual([true, []]);
  });
});

it('offers the frames that are kept, not those that have gone', () => {
  const store = createStore({ ...sample, firstFrame: 4 });
  const { view, state } = store.getSnapshot();
  const all = frameChoices(view, state).find(({ name }) => name === 'all');
  expect(all?.words).toBe(`all ${sample.frameCount - 3} frames`);
});
