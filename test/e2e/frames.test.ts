import { readFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { block, concat, interfaceOf, section, Writer } from '../capfile/build.ts';
import { directory, type Ended, ended, fileOf, program, shipped } from './workplace.ts';

const whole = readFileSync(shipped);

function frames(...parameters: string[]): Ended {
  return ended([program, 'frames', ...parameters]);
}

describe('nettrace frames', () => {
  it('explains itself', async () => {
    const { status, out } = frames('--help');
    expect(status).toBe(0);
    await expect(out).toMatchFileSnapshot('golden/help-nettrace-frames.txt');
  });

  it('prints one line a frame', async () => {
    const { status, out, err } = frames(shipped);
    expect([status, err]).toEqual([0, '']);
    await expect(out).toMatchFileSnapshot('golden/frames.txt');
  });

  it('prints as many as are asked for, and then asks for no more of the file', () => {
    const { status, out, err } = frames('--count', '2', fileOf('cut', whole.subarray(0, 2000)));
    expect([status, err]).toEqual([0, '']);
    expect(out.split('\n')).toHaveLength(3);
    expect(frames(shipped).out.startsWith(out.slice(0, out.indexOf('\n')))).toBe(true);
  });

  it('writes NDJSON', () => {
    const lines = frames('--json', shipped).out.trimEnd().split('\n');
    const values: unknown[] = lines.map((line) => JSON.parse(line));
    expect(values).toHaveLength(frames(shipped).out.trimEnd().split('\n').length);
    expect(values[0]).toMatchObject({ number: 1, interface: 'host:podman0', layers: [{ protocol: 'eth' }, {}, {}] });
  });

  it.each([
    ['gzip', () => fileOf('a', gzipSync(whole))],
    ['zstd', () => fileOf('b.pcap', zstdCompressSync(whole))],
  ])('reads %s whatever its name', (_name, path) => {
    expect(frames(path())).toEqual(frames(shipped));
  });

  it('reads standard input, compressed or not', () => {
    expect(ended([program, 'frames', '-'], whole)).toEqual(frames(shipped));
    expect(ended([program, 'frames', '-'], gzipSync(whole))).toEqual(frames(shipped));
  });

  it.each([
    [
      'plain',
      () => whole.subarray(0, 2000),
      /^nettrace: FOLDER\/damaged: damaged at byte \d+: expected \d+ bytes of a block, found the end of the file after \d+\n$/,
    ],
    [
      'inside gzip',
      () => gzipSync(whole.subarray(0, 2000)),
      /: damaged at byte \d+ of the decompressed data: expected /,
    ],
    [
      'in its gzip',
      () => gzipSync(whole).subarray(0, 1500),
      /: the gzip data cannot be read beyond byte 1500 of the compressed file: they end too early\n$/,
    ],
  ])('a damaged file, %s: its frames, then the message, and status 1', (_name, content, message) => {
    const { status, out, err } = frames(fileOf('damaged', content()));
    expect(status).toBe(1);
    expect(err).toMatch(message);
    expect(out).not.toBe('');
    expect(frames(shipped).out.startsWith(out.slice(0, out.indexOf('\n')))).toBe(true);
  });

  it.each([
    ['/dev/null', () => '/dev/null', 'it is empty'],
    ['/dev/zero', () => '/dev/zero', 'it begins with bytes 00 00'],
    [
      'a gzip file of text',
      () => fileOf('text', gzipSync('hello\n')),
      'inside the gzip compression, it looks like text',
    ],
    ['a folder', () => directory, '(EISDIR)'],
  ])('%s is no capture: one line, status 1', (_name, path, phrase) => {
    const { status, out, err } = frames(path());
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(/^nettrace: cannot read [^\n]+\n$/);
    expect(err).toContain(phrase);
  });

  it('ends quietly when its reader has seen enough', () => {
    const { out, err } = ended([
      'bash',
      '-c',
      '"$0" frames --json "$1" | head -1 | wc -l; echo "${PIPESTATUS[0]}"',
      program,
      shipped,
    ]);
    expect([out, err]).toEqual(['1\n0\n', '']);
  });

  it.each(['0', '-1', 'many', '1.5'])('--count %s is wrong usage', (count) => {
    const { status, err } = frames('--count', count, shipped);
    expect(status).toBe(2);
    expect(err).toContain('It is a number of frames above 0.');
  });
});

describe('nettrace replay', () => {
  it('opens a compressed case', () => {
    const path = fileOf('case.gz', gzipSync(whole));
    expect(ended([program, 'replay', '--json', path])).toEqual(ended([program, 'replay', '--json', shipped]));
  });

  it('merges several files, and says whose host state it used', () => {
    const empty = fileOf(
      'empty.pcap',
      Uint8Array.of(0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, ...new Uint8Array(12), 1, 0, 0, 0),
    );
    const alone = ended([program, 'replay', '--json', shipped]);
    expect(ended([program, 'replay', '--json', empty, shipped])).toEqual(alone);
    expect(ended([program, 'replay', '--json', shipped, shipped]).err).toMatch(
      /^nettrace: the merged captures: The host state /,
    );
  });

  it('says that the capture itself lost frames', () => {
    const counts = new Writer(true).uint(0, 12).uint(5, 2).uint(8, 2).uint(7, 8).uint(0, 4).bytes();
    const name = interfaceOf(true, [[2, new TextEncoder().encode('eth0')]]);
    const path = fileOf('lossy.pcapng', concat(section(true), name, block(true, 5, counts)));
    const { status, err } = ended([program, 'replay', path]);
    expect(status).toBe(0);
    expect(err).toBe(
      'nettrace: FOLDER/lossy.pcapng: it says itself that 7 frames were dropped at eth0: what it lacks may have been there\n',
    );
  });

  it('reads standard input once', () => {
    const { status, err } = ended([program, 'replay', '-', '-'], whole);
    expect([status, err]).toEqual([1, 'nettrace: standard input can be read once only\n']);
  });
});
