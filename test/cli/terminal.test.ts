import { expect, it } from 'vitest';
import { whyNoScreen } from '../../src/cli/terminal.ts';

const terminal = { isTTY: true };
const env = { TERM: 'xterm-256color' };

it.each([
  ['a terminal', { stdin: terminal, stdout: terminal, env }, null],
  ['a pipe into it', { stdin: {}, stdout: terminal, env }, 'standard input is no terminal'],
  ['a pipe out of it', { stdin: terminal, stdout: {}, env }, 'standard output is no terminal'],
  [
    'a terminal without a cursor',
    { stdin: terminal, stdout: terminal, env: { TERM: 'dumb' } },
    'the terminal cannot draw (TERM is dumb)',
  ],
])('whether the terminal UI can be opened on %s', (_name, ends, why) => {
  expect(whyNoScreen(ends)).toBe(why);
});
