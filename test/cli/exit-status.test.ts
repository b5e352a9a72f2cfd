import { constants } from 'node:os';
import { expect, it } from 'vitest';
import { exitStatus } from '../../src/cli/watch/traced-command.ts';

it.each([
  ['its own', { exitCode: 7, signal: null }, 7],
  ['success', { exitCode: 0, signal: null }, 0],
  ['a signal, as a shell shows it', { exitCode: null, signal: 'SIGTERM' }, 143],
  ['a signal without a number', { exitCode: null, signal: null }, 128],
])('exit status of the traced command: %s', (_name, end, status) => {
  expect(exitStatus(end, constants.signals)).toBe(status);
});
