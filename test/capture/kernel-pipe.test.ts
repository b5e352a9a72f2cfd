import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Guard } from '../../src/capture/guard.ts';
import { openKernelPipe, readKernelPipe } from '../../src/capture/kernel-pipe.ts';

const folder = mkdtempSync(join(tmpdir(), 'nettrace-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Notes what it is to remove. */
function guard(): { readonly paths: string[] } & Pick<Guard, 'watchPath' | 'watchPreparation'> {
  const paths: string[] = [];
  return {
    paths,
    watchPath: (_kind, path) => paths.push(path),
    watchPreparation: (_pid, letGo) => letGo(),
  };
}

describe('a pipe of the kernel', () => {
  it('has lost its name, which the guard knew, when it is there', async () => {
    const told = guard();
    const pipe = await openKernelPipe(told, folder);
    expect(told.paths).toEqual([expect.stringMatching(/\/nettrace-\d+-\d+\.pipe$/)]);
    expect(readdirSync(folder)).toEqual([]);
    for (const end of pipe === null ? [] : [pipe.readEnd, pipe.writeEnd]) closeSync(end);
    expect(pipe).not.toBeNull();
  });

  it('brings every byte, and ends when nobody can write any more', async () => {
    const pipe = await openKernelPipe(guard(), folder);
    if (pipe === null) throw new Error('there is no pipe');
    const sent = randomBytes(50_000);
    const pieces: Uint8Array[] = [];
    const ended = readKernelPipe(pipe, (bytes) => pieces.push(bytes.slice()));
    writeSync(pipe.writeEnd, sent.subarray(0, 3));
    writeSync(pipe.writeEnd, sent.subarray(3));
    closeSync(pipe.writeEnd);
    await ended;
    expect(Buffer.concat(pieces).equals(sent)).toBe(true);
  });

  it('is none where no FIFO can be made', async () => {
    expect(await openKernelPipe(guard(), join(folder, 'absent'))).toBeNull();
  });
});
