import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { CaseReader } from '../../src/capfile/case-file.ts';
import { UserError } from '../../src/cli/errors.ts';
import { checkSavable, NewFile, saveCase } from '../../src/cli/save.ts';
import { caseOf, packets } from '../diagnose/cases.ts';

const directory = mkdtempSync(join(tmpdir(), 'nettrace-save-'));
afterAll(() => rmSync(directory, { recursive: true }));

afterEach(() => vi.unstubAllEnvs());

const evidence = caseOf({ sights: [packets.syn, packets.reset] });

describe('a saved case', () => {
  it('is readable by its owner alone, and reads back', () => {
    const path = join(directory, 'new.pcapng');
    saveCase(path, evidence);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    const reader = new CaseReader();
    reader.push(readFileSync(path));
    expect(reader.end()?.frames).toHaveLength(2);
  });

  it('never overwrites a file', () => {
    const path = join(directory, 'kept');
    writeFileSync(path, 'mine');
    expect(() => saveCase(path, evidence)).toThrow(UserError);
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(() => checkSavable(path)).toThrow(
      `cannot save to ${path}: it exists already, and nettrace overwrites nothing. Name another file.`,
    );
  });

  it('never follows a link, not even one that leads nowhere', () => {
    const path = join(directory, 'link');
    symlinkSync(join(directory, 'elsewhere'), path);
    expect(() => saveCase(path, evidence)).toThrow(UserError);
    expect(() => checkSavable(path)).toThrow(UserError);
    expect(() => statSync(join(directory, 'elsewhere'))).toThrow('ENOENT');
  });

  it('says why it cannot be written', () => {
    expect(() => saveCase(join(directory, 'no', 'where'), evidence)).toThrow(/^cannot save to .*ENOENT/);
  });
});

it.skipIf(process.getuid?.() !== 0)('belongs to whoever called sudo from its beginning', () => {
  vi.stubEnv('SUDO_UID', '65534');
  vi.stubEnv('SUDO_GID', '65533');
  const path = join(directory, 'owned');
  using _file = new NewFile(path);
  expect(statSync(path)).toMatchObject({ uid: 65534, gid: 65533 });
});

describe('where a case could be saved is known before a command runs', () => {
  it.each([
    ['a folder that is not there', join('no', 'where'), 'no such file or directory (ENOENT). Name a file in a folder'],
    ['a file in place of a folder', join('kept', 'x'), 'not a directory (ENOTDIR). Name a file in a folder'],
    ['a folder in place of a file', '.', 'it exists already'],
  ])('%s', (_name, name, reason) => {
    const path = join(directory, name);
    writeFileSync(join(directory, 'kept'), 'mine');
    expect(() => checkSavable(path)).toThrow(`cannot save to ${path}: ${reason}`);
  });

  it('nothing is left of the trial', () => {
    const path = join(directory, 'not-there');
    checkSavable(path);
    expect(existsSync(path)).toBe(false);
  });
});
