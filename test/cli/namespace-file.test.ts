import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { UserError } from '../../src/cli/errors.ts';
import { namespaceInode } from '../../src/cli/namespace-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'nettrace-namespace-'));
afterAll(() => rmSync(directory, { recursive: true }));

const inode = (path: string): number => namespaceInode(path, 'the namespace blue', 'make it again');

it('a namespace by its file', () => {
  expect(inode('/proc/self/ns/net')).toBe(statSync('/proc/self/ns/net').ino);
});

it('the plain file that is left where a namespace was mounted is none, and it says what to do', () => {
  const path = join(directory, 'blue');
  writeFileSync(path, '');
  expect(() => inode(path)).toThrow(
    new UserError(`cannot enter the namespace blue: ${path} is no network namespace; make it again`),
  );
});

it('one that is not there', () => {
  expect(() => inode(join(directory, 'red'))).toThrow('cannot enter the namespace blue: no such file or directory');
});
