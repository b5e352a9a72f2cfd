import { readFileSync } from 'node:fs';
import type { Key } from 'ink';
import { describe, expect, it, test } from 'vitest';
import { bindings, commandFor, shownContext, shownKey } from '../../src/ui/keymap.ts';
import { keysOf } from '../../src/ui/keys.ts';
import type { PaneName } from '../../src/ui/layout.ts';
import { panesOf } from '../../src/ui/layout.ts';

const noFlags: Key = {
  upArrow: false,
  downArrow: false,
  leftArrow: false,
  rightArrow: false,
  pageDown: false,
  pageUp: false,
  home: false,
  end: false,
  return: false,
  escape: false,
  ctrl: false,
  shift: false,
  tab: false,
  backspace: false,
  delete: false,
  meta: false,
  super: false,
  hyper: false,
  capsLock: false,
  numLock: false,
};

describe('keysOf', () => {
  test.each<[string, Partial<Key>, string[]]>([
    ['j', {}, ['j']],
    ['jjG', {}, ['j', 'j', 'G']],
    ['jj\rq', {}, ['j', 'j', 'enter', 'q']],
    ['j\t\x1b\x7f \n', {}, ['j', 'tab', 'escape', 'backspace', 'space', 'enter']],
    ['j\x1a', {}, ['j', 'ctrl+z']],
    ['', { downArrow: true }, ['down']],
    ['', { pageUp: true }, ['page-up']],
    ['', { tab: true }, ['tab']],
    ['', { tab: true, shift: true }, ['shift+tab']],
    ['c', { ctrl: true }, ['ctrl+c']],
    ['', { delete: true }, ['backspace']],
    ['j', { meta: true }, []],
    ['', {}, []],
    ['j', { eventType: 'release' }, []],
  ])('%j with %j is %j', (input, flags, expected) => {
    expect(keysOf(input, { ...noFlags, ...flags })).toEqual(expected);
  });
});

describe('the key table', () => {
  const allPanes: readonly PaneName[] = [...panesOf.path, ...panesOf.packets, ...panesOf.live, 'stream', 'help'];

  it('gives a key one meaning a pane', () => {
    for (const pane of allPanes) {
      const keys = bindings
        .filter(({ context }) => context === 'any' || context.includes(pane))
        .flatMap((binding) => binding.keys);
      expect(keys).toEqual([...new Set(keys)]);
    }
  });

  it('lets every pane quit, show the help and go back', () => {
    for (const pane of allPanes) {
      expect(['q', 'ctrl+c', '?', 'escape'].map((key) => commandFor(key, pane))).toEqual([
        'quit',
        'quit',
        'help',
        'back',
      ]);
    }
    expect(commandFor('a', 'path')).toBeNull();
  });

  it('is what docs/keys.md says', () => {
    const [, page = ''] = readFileSync('docs/keys.md', 'utf8').split('## Keys\n');
    const [section = ''] = page.split('\n## ');
    const cellsOf = (row: string): string[] =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim());
    // The first two rows are the table's head.
    const rows = section
      .split('\n')
      .filter((row) => row.startsWith('|'))
      .slice(2)
      .map(cellsOf);
    expect(rows).toEqual(
      bindings.map((binding) => [
        binding.keys.map((key) => `\`${shownKey(key)}\``).join(', '),
        shownContext(binding),
        binding.help,
      ]),
    );
  });
});
