import fs, { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CaseReader } from '../../../src/capfile/case-file.ts';
import type { Case } from '../../../src/case/evidence.ts';
import { UserError } from '../../../src/cli/errors.ts';
import { LiveSave } from '../../../src/cli/live/save.ts';
import type { ToldFrame } from '../../../src/live/frame-store.ts';
import { caseOf } from '../../diagnose/cases.ts';

const { writeSync } = fs;

/** Lets the disk take so many bytes more. */
function setRoom(bytes: number): void {
  let room = bytes;
  const limited = (file: number, data: Uint8Array, offset: number, length?: number, position?: number): number => {
    if (room === 0) throw new Error('ENOSPC: no space left on device, write');
    const written = writeSync(file, data, offset, Math.min(length ?? data.length - offset, room), position);
    room -= written;
    return written;
  };
  Object.assign(fs, { writeSync: limited });
  syncBuiltinESMExports();
}

afterEach(() => {
  Object.assign(fs, { writeSync });
  syncBuiltinESMExports();
});

const directory = mkdtempSync(join(tmpdir(), 'nettrace-live-save-'));
afterAll(() => rmSync(directory, { recursive: true }));

const evidence = caseOf({ sights: [] });
const places = [
  { netns: 'web', device: 'eth0', linkType: 1 },
  { netns: 'host', device: 'lo', linkType: 1 },
  { netns: 'host', device: 'tun0', linkType: 101 },
] as const;
const second = 1_795_262_315;

function told(number: number, point: number, length = 60): ToldFrame {
  const bytes = new Uint8Array(16 + length).fill(number);
  return {
    number,
    view: new DataView(bytes.buffer),
    start: 16,
    capturedLength: length,
    originalLength: length + 1,
    point,
    timeNs: number * 1000,
  };
}

function open(name: string, limitBytes: number): { save: LiveSave; path: string; said: string[] } {
  const said: string[] = [];
  const path = join(directory, name);
  return { save: new LiveSave(path, limitBytes, (sentence) => said.push(sentence)), path, said };
}

function read(path: string): Case | null {
  const reader = new CaseReader();
  reader.push(readFileSync(path));
  return reader.end();
}

describe('a live capture that is saved', () => {
  it('reads back as a case: its frames as they came, the rest of the evidence behind them', () => {
    const { save, path } = open('whole', 1e6);
    save.add(told(1, 2), places[2], second);
    save.add(told(2, 0), places[0], second);
    const session = evidence.session && { ...evidence.session, framesDropped: [5, 6, 7] };
    save.finish({ ...evidence, session });
    const read1 = read(path);
    expect(read1?.interfaces).toEqual([places[2], places[0]]);
    expect(read1?.frames).toEqual([
      {
        number: 1,
        timeNs: BigInt(second) * 1_000_000_000n + 1000n,
        interfaceIndex: 0,
        originalLength: 61,
        bytes: new Uint8Array(60).fill(1),
      },
      {
        number: 2,
        timeNs: BigInt(second) * 1_000_000_000n + 2000n,
        interfaceIndex: 1,
        originalLength: 61,
        bytes: new Uint8Array(60).fill(2),
      },
    ]);
    expect(read1?.session).toEqual({ ...session, framesDropped: [7, 5] });
    expect(read1?.snapshot).toEqual(evidence.snapshot);
    expect(read1?.kernelLines).toEqual(evidence.kernelLines);
  });

  it('ends at its limit, says so once, and in the file', () => {
    const { save, path, said } = open('limited', 360);
    for (let number = 1; number <= 10; number += 1) save.add(told(number, 0), places[0], second);
    save.finish(evidence);
    const sentence = `${path} has reached its size limit (--save-limit): later frames are not in it.`;
    expect(said).toEqual([sentence]);
    expect(read(path)?.frames).toHaveLength(2);
    expect(save.frames).toBe(2);
    expect(read(path)?.session?.missing).toContain(sentence);
  });

  it('takes nothing more when it is finished', () => {
    const { save, path } = open('finished', 1e6);
    save.finish(evidence);
    save.add(told(1, 0), places[0], second);
    save.finish(evidence);
    expect(read(path)?.frames).toEqual([]);
  });

  it('is in the file as far as it was flushed, however nettrace ends', () => {
    const { save, path } = open('flushed', 1e6);
    save.add(told(1, 0), places[0], second);
    expect(readFileSync(path)).toHaveLength(0);
    save.flush();
    expect(read(path)?.frames).toHaveLength(1);
  });

  it('leaves no file when it never began, and what there is when it did', () => {
    const without = open('without', 1e6);
    without.save[Symbol.dispose]();
    expect(existsSync(without.path)).toBe(false);
    const some = open('some', 1e6);
    some.save.add(told(1, 0), places[0], second);
    some.save[Symbol.dispose]();
    some.save.finish(evidence);
    expect(read(some.path)?.frames).toHaveLength(1);
    const whole = open('complete', 1e6);
    whole.save.finish(evidence);
    whole.save[Symbol.dispose]();
    expect(existsSync(whole.path)).toBe(true);
  });

  it('keeps its frames when the rest of the evidence cannot be written, and says so', () => {
    const { save, path } = open('no-room-behind', 1e6);
    save.add(told(1, 0), places[0], second);
    save.flush();
    setRoom(100);
    expect(() => save.finish(evidence)).toThrow(
      `cannot save to ${path}: no space left on device (ENOSPC). Its frames (1) are there, and not all of the other`,
    );
    expect(read(path)?.frames).toHaveLength(1);
  });

  it('leaves no file where nothing of it could be written', () => {
    const { save, path } = open('no-room-at-all', 1e6);
    save.add(told(1, 0), places[0], second);
    setRoom(0);
    expect(() => save.finish(evidence)).toThrow(UserError);
    expect(existsSync(path)).toBe(false);
  });

  it('ends with a whole frame where the disk is full, and takes the other evidence when there is room again', () => {
    const { save, path, said } = open('full', 1e6);
    save.add(told(1, 0), places[0], second);
    save.flush();
    for (const number of [2, 3, 4]) save.add(told(number, 0), places[0], second);
    // A block of 92 bytes, and a part of the next.
    setRoom(150);
    save.flush();
    const sentence = `cannot save to ${path}: no space left on device (ENOSPC): later frames are not in it.`;
    expect([save.frames, said]).toEqual([2, [sentence]]);
    expect(read(path)?.frames).toHaveLength(2);
    setRoom(Number.POSITIVE_INFINITY);
    save.finish(evidence);
    const { frames, session } = read(path) ?? {};
    expect(frames?.map(({ number }) => number)).toEqual([1, 2]);
    expect(session?.missing).toContain(sentence);
  });

  it('keeps what there is when it is disposed of on a full disk', () => {
    const { save, path } = open('dropped', 1e6);
    save.add(told(1, 0), places[0], second);
    save.flush();
    save.add(told(2, 0), places[0], second);
    setRoom(0);
    save[Symbol.dispose]();
    expect(read(path)?.frames).toHaveLength(1);
  });

  it('never overwrites a file', () => {
    open('once', 1e6).save.finish(evidence);
    expect(() => open('once', 1e6)).toThrow(UserError);
  });
});
