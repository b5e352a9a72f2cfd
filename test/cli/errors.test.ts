import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { errorText, UserError } from '../../src/cli/errors.ts';

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('it did not throw');
}

it.each([
  ['a system call', thrownBy(() => readFileSync("/nonexistent, it's gone")), 'no such file or directory (ENOENT)'],
  ['a system call on a descriptor', thrownBy(() => readFileSync(9999)), 'bad file descriptor (EBADF)'],
  ['a message of our own', new UserError('cannot enter blue: it is gone'), 'cannot enter blue: it is gone'],
  ['what is no error', 'word', 'word'],
])('the text of %s', (_name, error, text) => {
  expect(errorText(error)).toBe(text);
});
