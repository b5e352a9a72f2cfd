import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Spill } from '../../src/capfile/spill.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'nettrace-spill-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('bytes that are kept', () => {
  it.each([
    ['in memory', 100, path.join(folder, 'absent')],
    ['in a file', 0, folder],
    ['in memory first, then in a file', 5, folder],
  ])('%s', (_name, inMemory, where) => {
    using spill = new Spill(where, inMemory);
    for (const text of ['abc', 'defg', 'hi']) spill.append(Buffer.from(text));
    const read = (offset: number, length: number, into?: Uint8Array): string =>
      Buffer.from(spill.read(offset, length, into)).toString();
    expect([read(0, 9), read(2, 3), read(7, 99), read(9, 1), read(2, 3, new Uint8Array(8))]).toEqual([
      'abcdefghi',
      'cde',
      'hi',
      '',
      'cde',
    ]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('are copies', () => {
    using spill = new Spill(folder);
    spill.append(Uint8Array.of(1));
    spill.read(0, 1)[0] = 2;
    expect([...spill.read(0, 1)]).toEqual([1]);
  });
});
