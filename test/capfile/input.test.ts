import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, describe, expect, it, test } from 'vitest';
import { CaptureSource } from '../../src/capfile/capture-source.ts';
import { recogniseCompression } from '../../src/capfile/compression.ts';
import { CaptureInput, describeInputProblem } from '../../src/capfile/input.ts';
import { Random } from '../fuzz/random.ts';
import { concat } from './build.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'nettrace-input-'));
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function fileOf(bytes: Uint8Array): string {
  files += 1;
  const name = path.join(directory, String(files));
  writeFileSync(name, bytes);
  return name;
}

/** Bytes that compress well at first and then not at all. */
const plain = new Uint8Array(300_000);
const random = new Random(1, 1);
for (let index = 100_000; index < plain.length; index++) plain[index] = random.below(256);

interface Reading {
  readonly bytes: Uint8Array;
  readonly problem: string | null;
  readonly longest: number;
}

async function readAll(name: string): Promise<Reading> {
  await using input = await CaptureInput.open(name);
  const chunks: Uint8Array[] = [];
  for await (const chunk of input.chunks()) chunks.push(chunk);
  return {
    bytes: new Uint8Array(Buffer.concat(chunks)),
    problem: input.problem && describeInputProblem(input.problem),
    longest: Math.max(0, ...chunks.map(({ length }) => length)),
  };
}

const gzip = new Uint8Array(gzipSync(plain));
const zstd = new Uint8Array(zstdCompressSync(plain));
const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7);

describe('a file is read by what it holds', () => {
  it.each([
    ['as it is', plain, plain],
    ['nothing', new Uint8Array(0), new Uint8Array(0)],
    ['a single byte', Uint8Array.of(7), Uint8Array.of(7)],
    ['gzip', gzip, plain],
    [
      'gzip of several members',
      concat(gzip, gzip, new Uint8Array(gzipSync(Uint8Array.of(9)))),
      concat(plain, plain, Uint8Array.of(9)),
    ],
    ['gzip with zeros behind it, as tapes pad', concat(gzip, new Uint8Array(512)), plain],
    ['zstd', zstd, plain],
    ['zstd of several frames, the first to be skipped', concat(skippable, zstd, zstd), concat(plain, plain)],
  ])('%s', async (_name, file, bytes) => {
    const found = await readAll(fileOf(file));
    expect(found.problem).toBeNull();
    expect(Buffer.compare(found.bytes, bytes)).toBe(0);
  });

  it('a megabyte of compressed zeros comes out in small pieces', async () => {
    const bomb = fileOf(new Uint8Array(gzipSync(new Uint8Array(64 * 1024 * 1024))));
    const { bytes, longest } = await readAll(bomb);
    expect(bytes.length).toBe(64 * 1024 * 1024);
    expect(longest).toBeLessThanOrEqual(64 * 1024);
  });

  it.each([
    ['gzip', [0x1f, 0x8b], 'gzip'],
    ['zstd', [0x28, 0xb5, 0x2f, 0xfd], 'zstd'],
    ['a skippable frame', [0x5f, 0x2a, 0x4d, 0x18], 'zstd'],
    ['its beginning alone', [0x50, 0x2a, 0x4d], null],
    ['pcap', [0xd4, 0xc3, 0xb2, 0xa1], null],
    ['nothing', [], null],
  ])('%s is told by its first bytes', (_name, bytes, compression) => {
    expect(recogniseCompression(Uint8Array.from(bytes))).toBe(compression);
  });

  it.each([
    ['a folder', directory, 'EISDIR'],
    ['what is not there', path.join(directory, 'absent'), 'ENOENT'],
  ])('%s cannot be opened', async (_name, name, code) => {
    await expect(CaptureInput.open(name)).rejects.toThrow(code);
  });
});

function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ 0xff;
  return copy;
}

describe('damaged compression gives all that is before it, and says where', () => {
  const most = concat(plain.subarray(0, 200_000));
  it.each([
    [
      'gzip that is cut',
      gzip.subarray(0, 150_000),
      /^the gzip data cannot be read beyond byte 150000 of the compressed file: they end too early$/,
    ],
    ['gzip whose trailer is cut', gzip.subarray(0, -3), /: they end too early$/],
    [
      'gzip with a wrong checksum',
      changed(gzip, gzip.length - 6),
      /^the gzip data .* beyond byte 2\d{5} .*: they are damaged$/,
    ],
    ['gzip followed by something else', concat(gzip, Uint8Array.of(1, 2, 3)), /: they are damaged$/],
    ['zstd that is cut', zstd.subarray(0, -3), /^the zstd data .*: they end too early$/],
    [
      'zstd followed by something else',
      concat(zstd, Uint8Array.of(1, 2, 3, 4, 5)),
      /^the zstd data .*: they are damaged$/,
    ],
  ])('%s', async (name, file, message) => {
    const { bytes, problem } = await readAll(fileOf(file));
    expect(problem).toMatch(message);
    const least = name.includes('that is cut') ? 120_000 : plain.length;
    expect(bytes.length).toBeGreaterThanOrEqual(least === plain.length ? plain.length : Math.min(least, most.length));
    expect(Buffer.compare(bytes, plain.subarray(0, bytes.length))).toBe(0);
  });

  it('wherever a gzip file is cut or changed, it neither throws nor hangs, and invents nothing before the damage', async () => {
    const small = new Uint8Array(gzipSync(plain.subarray(99_800, 100_600)));
    // The first ten bytes hold a time and a system that nobody checks.
    for (let at = 10; at < small.length; at += 53) {
      const { bytes, problem } = await readAll(fileOf(small.subarray(0, at)));
      expect(problem).toContain(`beyond byte ${at} of the compressed file: they end too early`);
      expect(Buffer.compare(bytes, plain.subarray(99_800, 99_800 + bytes.length))).toBe(0);
      expect((await readAll(fileOf(changed(small, at)))).problem).toMatch(
        /^the gzip data cannot be read beyond byte \d+ /,
      );
    }
  });
});

describe('bytes stay reachable', () => {
  async function reachable(name: string, folder: string): Promise<void> {
    await using source = await CaptureSource.open(name, folder);
    expect(source.read(0, 10)).toHaveLength(source.input.descriptor === null ? 0 : 10);
    for await (const chunk of source.chunks()) expect(chunk.length).toBeGreaterThan(0);
    expect(source.problem).toBeNull();
    expect(source.read(150_000, 1000)).toEqual(plain.slice(150_000, 151_000));
    expect(source.read(plain.length - 3, 10)).toEqual(plain.slice(-3));
    expect(source.read(plain.length + 3, 10)).toHaveLength(0);
    // A file in place needs no copy, and a copy has no name.
    expect(readdirSync(folder)).toEqual([]);
  }

  const folder = mkdtempSync(path.join(directory, 'copies-'));
  it('of a file, in place', () => reachable(fileOf(plain), folder));
  it('of a compressed file, in a copy', () => reachable(fileOf(gzip), folder));
  it('of a FIFO, in a copy', async () => {
    const fifo = path.join(directory, 'fifo');
    expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
    await Promise.all([reachable(fifo, folder), writeFile(fifo, plain)]);
  });

  test('without room for a large copy it says so', async () => {
    const large = Buffer.alloc(17 * 1024 * 1024);
    await using source = await CaptureSource.open(fileOf(gzipSync(large)), path.join(directory, 'absent'));
    let length = 0;
    for await (const chunk of source.chunks()) length += chunk.length;
    expect(length).toBeLessThanOrEqual(16 * 1024 * 1024);
    expect(source.problem && describeInputProblem(source.problem)).toMatch(
      /^cannot be kept in .*\/absent: no such file or directory \(ENOENT\); TMPDIR names another folder$/,
    );
  });
});
