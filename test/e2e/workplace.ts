/** Where a file of end-to-end tests works: the built program, and a folder of its own that is also its home. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export const program = 'bin/nettrace';
/** The shipped case that `nettrace demo` shows. */
export const shipped = 'fixtures/loopback-only-listener.pcapng';

/** Until the tests of the file have ended. */
export const directory = mkdtempSync(join(tmpdir(), 'nettrace-e2e-'));
afterAll(() => rmSync(directory, { recursive: true }));

export const env = { PATH: process.env['PATH'], HOME: directory, TMPDIR: directory };

/** What came of a command: its exit status and its two outputs. */
export interface Ended {
  readonly status: number | null;
  readonly out: string;
  /** The folder's name is `FOLDER` in it. */
  readonly err: string;
}

/** Runs a command to its end. */
export function ended(command: readonly string[], input?: Uint8Array): Ended {
  const [file = '', ...rest] = command;
  const { status, stdout, stderr } = spawnSync(file, rest, { encoding: 'utf8', env, ...(input && { input }) });
  return { status, out: stdout, err: stderr.replaceAll(directory, 'FOLDER') };
}

/** Runs nettrace to its end. */
export function nettrace(...parameters: string[]): Ended {
  return ended([program, ...parameters]);
}

/** A file of the folder, by its path. */
export function fileOf(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}
