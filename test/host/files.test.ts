import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isPlainFile, readBounded } from '../../src/host/files.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'nettrace-files-'));
  writeFileSync(join(directory, 'hosts'), '10.88.0.1 host.containers.internal\n');
  symlinkSync(join(directory, 'hosts'), join(directory, 'link'));
  const fifo = ['mkfifo', join(directory, 'fifo')] as const;
  execFileSync(fifo[0], [fifo[1]]);
});

afterAll(() => rmSync(directory, { recursive: true }));

test('reads a regular file, as much as it is told', () => {
  expect(readBounded(join(directory, 'hosts'))?.toString()).toBe('10.88.0.1 host.containers.internal\n');
  expect(readBounded(join(directory, 'hosts'), { limit: 9 })?.toString()).toBe('10.88.0.1');
});

test('follows a link only when told', () => {
  expect(readBounded(join(directory, 'link'))).toBeNull();
  expect(readBounded(join(directory, 'link'), { followLinks: true })?.length).toBe(35);
});

test.each(['fifo', 'absent', '.'])('gives nothing for %s, and does not wait', (name) => {
  expect(readBounded(join(directory, name))).toBeNull();
});

test('a file is plain that is neither a link, even to one, nor anything else', () => {
  const plain = ['hosts', 'link', 'fifo', 'absent', '.'].filter((name) => isPlainFile(join(directory, name)));
  expect(plain).toEqual(['hosts']);
});
