import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGated, startStreaming } from '../../src/host/gate.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nettrace-gate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a child whose starter is gone before anybody knows of it does nothing', async () => {
  const file = join(folder, 'never');
  const child = startGated(['touch', file], {}, { watcher: () => {} });
  // What the kernel does with the pipes of a process that is killed.
  child.stdin.end();
  expect((await child).exitCode).not.toBe(0);
  expect(existsSync(file)).toBe(false);
});

test('a child does nothing before its watcher lets it go, and has the number that the watcher was told', async () => {
  const told = Promise.withResolvers<{ pid: number; letGo: () => void }>();
  const child = startStreaming(['sh', '-c', 'echo $$'], { watcher: (pid, letGo) => told.resolve({ pid, letGo }) });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const { pid, letGo } = await told.promise;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(said).toBe('');
  letGo();
  await child;
  expect(said).toBe(`${pid}\n`);
});

test.each([
  [false, ''],
  [true, 'more\n'],
])('behind the gate its input is what was left open for it (%s)', async (keepsInput, text) => {
  const child = startGated(['cat'], {}, { keepsInput });
  if (keepsInput) child.stdin.end('more\n');
  expect(await child).toMatchObject({ stdout: text.trimEnd(), exitCode: 0 });
});

test('arguments arrive as they are', async () => {
  const odd = ['$(id)', "a'b", '', '* "', '-n'];
  const { stdout } = await startGated(['printf', '<%s>', ...odd], {}, {});
  expect(stdout).toBe(odd.map((argument) => `<${argument}>`).join(''));
});

test('the environment is the fixed one, and what is added', async () => {
  const { stdout } = await startGated(['env'], { env: { TZ: 'UTC' } }, {});
  const names = stdout.split('\n').map((line) => line.split('=', 1).join(''));
  // The shell's own are no concern.
  expect(names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).sort()).toEqual([
    'LC_ALL',
    'NETTRACE_CHILD',
    'PATH',
    'TZ',
  ]);
});

test('a child that takes no notice of SIGTERM is ended all the same', async () => {
  const child = startStreaming(['sh', '-c', "trap '' TERM; echo ready; while :; do sleep 0.02; done"], {});
  await new Promise((resolve) => child.stdout.once('data', resolve));
  child.kill('SIGTERM');
  expect((await child).signal).toBe('SIGKILL');
});
