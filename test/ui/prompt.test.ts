import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { promptLine } from '../../src/ui/rows/bars.ts';
import { composeScreen } from '../../src/ui/screen.ts';
import { createStore, type UiStore } from '../../src/ui/store.ts';
import { cells } from '../../src/ui/text.ts';
import { sample } from './sample.ts';

/** The keys that type a text. */
function letters(text: string): string[] {
  return Array.from(text);
}

/** A store whose packets view lists all frames, after keys in the filter line; `/` opens it. */
function typed(...keys: readonly string[]): UiStore {
  const store = createStore(sample);
  const dispatch = (command: 'view-packets' | 'all-frames' | 'filter'): void => {
    const screen = composeScreen(store.getSnapshot(), 80, 24);
    if (screen) store.dispatch(command, screen.scene);
  };
  dispatch('view-packets');
  dispatch('all-frames');
  for (const key of keys) {
    if (key === '/') dispatch('filter');
    else store.type(key);
  }
  return store;
}

function listed(store: UiStore): number[] {
  const { frames } = composeScreen(store.getSnapshot(), 80, 24)?.scene.selection ?? {};
  return Array.from({ length: frames?.length ?? 0 }, (_, index) => frames?.at(index) ?? 0);
}

const all = Array.from({ length: sample.frameCount }, (_, index) => index + 1);
const arp = ['/', ...letters('arp'), 'enter'];

describe('the filter line', () => {
  test.each<[string, readonly string[], readonly number[]]>([
    ['lists what passes while it is typed', ['/', ...letters('arp')], [1, 2]],
    ['lists what passed before while the text is no filter', ['/', ...letters('ar')], all],
    ['keeps a filter by Enter', arp, [1, 2]],
    ['goes on from the filter in force, and Esc takes back', [...arp, '/', 'x', 'escape'], [1, 2]],
    ['stays with the filter in force while another is half typed', [...arp, '/', 'x'], [1, 2]],
    ['takes the filter away by Enter on an empty line', [...arp, '/', 'ctrl+u', 'enter'], all],
    ['shows all frames while it is empty', [...arp, '/', 'backspace', 'backspace', 'backspace'], all],
    ['brings one of before', [...arp, '/', 'ctrl+u', ...letters('tcp'), 'enter', '/', 'up', 'up', 'enter'], [1, 2]],
    [
      'and the later one again',
      [...arp, '/', 'ctrl+u', ...letters('tcp'), 'enter', '/', 'up', 'up', 'down'],
      [3, 4, 12],
    ],
    ['may pass nothing', ['/', ...letters('icmp'), 'enter'], []],
  ])('%s', (_name, keys, numbers) => {
    expect(listed(typed(...keys))).toEqual(numbers);
  });

  it('stays open over what is no filter', () => {
    const { state } = typed('/', ...letters('arx'), 'enter').getSnapshot();
    expect([state.prompt?.text, state.filter]).toEqual(['arx', '']);
  });

  it('remembers each filter once', () => {
    expect(typed(...arp, '/', 'enter').getSnapshot().state.filters).toEqual(['arp']);
  });

  it('says so when nothing passes', () => {
    const screen = composeScreen(typed('/', ...letters('icmp'), 'enter').getSnapshot(), 80, 24);
    expect(JSON.stringify(screen?.top)).toContain('No frame here passes the filter.');
    expect(JSON.stringify(screen?.header)).toContain('0 of 12 frames');
  });

  it('means nothing by other keys', () => {
    const store = typed('/');
    const { state } = store.getSnapshot();
    for (const key of ['page-down', 'tab', 'left', 'ctrl+w']) store.type(key);
    expect(store.getSnapshot().state).toBe(state);
  });
});

describe('its row', () => {
  const textOf = (text: string, width: number): string =>
    promptLine(sample, text, width)
      .spans.map((span) => span.text)
      .join('');

  test.each([
    ['', ' / _  Enter without a text: all frames'],
    ['tcp', ' / tcp_  3 frames'],
    ['tcp && tpc', ' / tcp && [tpc]_  column 8: "tpc" is no field; did you mean tcp?'],
  ])('%j', (text, row) => {
    expect(textOf(text, 80)).toBe(row);
  });

  it('never is wider than the screen, and safe', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 120 }), fc.integer({ min: 60, max: 200 }), (text, width) => {
        const row = textOf(text, width);
        expect(cells(row)).toBeLessThanOrEqual(width);
        expect(row).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});
