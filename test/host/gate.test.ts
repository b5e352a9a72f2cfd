import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { gated, openGate } from '../../src/host/gate.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nettrace-gate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function start(command: readonly string[]) {
  const [file, ...args] = gated(command);
  return execa(file, args, { reject: false });
}

test('a child whose starter is gone before anybody knows of it does nothing', async () => {
  const file = join(folder, 'never');
  const child = start(['touch', file]);
  // What the kernel does with the pipes of a process that is killed.
  child.stdin.end();
  expect((await child).exitCode).not.toBe(0);
  expect(existsSync(file)).toBe(false);
});

test('a child does nothing before its watcher lets it go, and has the number that the watcher was told', async () => {
  const child = start(['sh', '-c', 'echo $$']);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const told = Promise.withResolvers<{ pid: number; letGo: () => void }>();
  openGate(child, (pid, letGo) => told.resolve({ pid, letGo }));
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
  const child = start(['cat']);
  openGate(child, undefined, keepsInput);
  if (keepsInput) child.stdin.end('more\n');
  expect(await child).toMatchObject({ stdout: text.trimEnd(), exitCode: 0 });
});

test('arguments arrive as they are', async () => {
  const odd = ['$(id)', "a'b", '', '* "', '-n'];
  const child = start(['printf', '<%s>', ...odd]);
  openGate(child);
  expect((await child).stdout).toBe(odd.map((argument) => `<${argument}>`).join(''));
});
