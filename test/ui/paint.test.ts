import chalk from 'chalk';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { paint } from '../../src/ui/paint.ts';

const detected = chalk.level;
beforeEach(() => {
  chalk.level = 1;
});
afterEach(() => {
  chalk.level = detected;
});

const row = { selected: true, spans: [{ text: '> ' }, { text: 'REFUSED', emphasis: 'failed' as const }] };

it('draws the selected row of the focused pane inverse, over the whole pane', () => {
  expect(paint(row, 12, true)).toBe('\x1b[7m> REFUSED   \x1b[27m');
});

it('keeps the colours of a selected row elsewhere', () => {
  expect(paint(row, 12, false)).toBe('> \x1b[1m\x1b[31mREFUSED\x1b[39m\x1b[22m');
});

it('tells what a server sent by colour, not what a client sent', () => {
  const sent = (emphasis?: 'server') => paint({ spans: [{ text: 'x', ...(emphasis && { emphasis }) }] }, 12, false);
  expect([sent('server'), sent()]).toEqual(['\x1b[35mx\x1b[39m', 'x']);
});

it('keeps every word and mark without colour', () => {
  chalk.level = 0;
  expect([paint(row, 12, true).trimEnd(), paint(row, 12, false)]).toEqual(['> REFUSED', '> REFUSED']);
});

it('keeps an empty row a row', () => {
  expect(paint({ spans: [{ text: '' }] }, 12, false)).toBe(' ');
});
