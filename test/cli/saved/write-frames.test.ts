import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, test, vi } from 'vitest';
import { CaseReader, encodeCase } from '../../../src/capfile/case-file.ts';
import { enhancedPacketBlock, interfaceBlock, sectionHeaderBlock } from '../../../src/capfile/pcapng-writer.ts';
import { printFrames } from '../../../src/cli/frames.ts';
import { writeFrames } from '../../../src/cli/saved/write-frames.ts';
import type { WriteAnswer } from '../../../src/ui/case-view.ts';
import { concat, pcapHeader, pcapRecord } from '../../capfile/build.ts';
import { exampleCase } from '../../capfile/example-case.ts';
import { caseOf, packets } from '../../diagnose/cases.ts';
import { linked } from '../../flow/frames.ts';

const directory = mkdtempSync(join(tmpdir(), 'nettrace-write-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
});

const bytes = linked(1, packets.syn);
const notes = { comments: ['seen'], flags: 1, dropped: null };
const pcapng = [
  sectionHeaderBlock('dumpcap', { hardware: 'x86', operatingSystem: 'Linux', comments: ['a remark'] }),
  interfaceBlock({ netns: null, device: 'eth0' }, 1),
  enhancedPacketBlock({ interfaceIndex: 0, timeNs: 1n, originalLength: 900, bytes }),
  enhancedPacketBlock({ interfaceIndex: 0, timeNs: 2n, originalLength: bytes.length, bytes, notes }),
];
const pcap = [pcapHeader(true, 0xa1b2c3d4), pcapRecord(true, 1, 1, 99, bytes), pcapRecord(true, 2, 0, 99, bytes)];

describe('written frames', () => {
  test.each<[string, Uint8Array]>([
    ['a case, without the host and the kernel', concat(...encodeCase(exampleCase))],
    ['the shipped case', readFileSync('fixtures/loopback-only-listener.pcapng')],
    ['a pcapng with remarks', concat(...pcapng)],
    ['a pcap', concat(...pcap)],
  ])('of %s are the bytes of `frames --write`', async (name, file) => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const [source, some, all] = ['source', 'some', 'all'].map((role) => join(directory, `${name} ${role}`));
    const ours = join(directory, `${name} ours`);
    if (source === undefined || some === undefined || all === undefined) throw new Error('there are three paths');
    writeFileSync(source, file);
    await printFrames(source, { filter: 'frame.number == 2', write: some });
    await printFrames(source, { write: all });
    const reader = new CaseReader();
    reader.push(Uint8Array.from(file));
    const evidence = reader.end();
    if (evidence === null) throw new Error('it is no capture');
    expect(writeFrames(evidence, { frames: [2], path: ours, overwrite: false })).toEqual({
      kind: 'written',
      frames: 1,
    });
    expect(readFileSync(ours)).toEqual(readFileSync(some));
    const whole = { kind: 'written', frames: evidence.frames.length };
    expect(writeFrames(evidence, { frames: null, path: ours, overwrite: true })).toEqual(whole);
    expect(readFileSync(ours)).toEqual(readFileSync(all));
  });
});

describe('a file that is there', () => {
  const evidence = caseOf({ sights: [packets.syn, packets.reset] });
  const folder = mkdtempSync(join(directory, 'there-'));
  const write = (name: string, overwrite: boolean): WriteAnswer =>
    writeFrames(evidence, { frames: [1, 99], path: join(folder, name), overwrite });

  it('is replaced when that is wanted, whole, and by a file of its owner alone', () => {
    writeFileSync(join(folder, 'kept'), 'mine');
    chmodSync(join(folder, 'kept'), 0o644);
    expect(write('kept', false)).toEqual({ kind: 'exists' });
    expect(readFileSync(join(folder, 'kept'), 'utf8')).toBe('mine');
    expect(write('kept', true)).toEqual({ kind: 'written', frames: 1 });
    expect((statSync(join(folder, 'kept')).mode & 0o777).toString(8)).toBe('600');
    expect(readdirSync(folder)).toEqual(['kept']);
  });

  it('is made where it has gone since', () => {
    expect(write('gone', true)).toEqual({ kind: 'written', frames: 1 });
  });

  it.each([
    ['a folder', 'folder', () => mkdirSync(join(folder, 'folder'))],
    ['a link', 'link', () => symlinkSync('kept', join(folder, 'link'))],
    ['a link that leads nowhere', 'lost', () => symlinkSync('elsewhere', join(folder, 'lost'))],
  ])('is left as it is when it is %s', (_name, name, make) => {
    make();
    const before = readFileSync(join(folder, 'kept'));
    const reason = 'it is no plain file, and nettrace replaces nothing else. Name another file.';
    for (const overwrite of [false, true]) expect(write(name, overwrite)).toEqual({ kind: 'failed', reason });
    expect(readFileSync(join(folder, 'kept'))).toEqual(before);
  });
});

test.each([
  ['in a folder that is not there', join('no', 'where'), 'no such file or directory (ENOENT). Name a file in a folder'],
  ['of a name that is too long', 'x'.repeat(300), 'name too long (ENAMETOOLONG). Name'],
])('what cannot be written %s is said', (_name, name, reason) => {
  const evidence = caseOf({ sights: [packets.syn] });
  const path = join(directory, name);
  expect(writeFrames(evidence, { frames: null, path, overwrite: false })).toEqual({
    kind: 'failed',
    reason: expect.stringContaining(reason),
  });
});
