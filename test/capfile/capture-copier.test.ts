import { describe, expect, test } from 'vitest';
import { CaptureCopier } from '../../src/capfile/capture-copier.ts';
import type { CaptureItem } from '../../src/capfile/capture-item.ts';
import { CaptureReader } from '../../src/capfile/capture-reader.ts';
import { CaseReader, encodeCase, selectFrames } from '../../src/capfile/case-file.ts';
import { frameOf } from '../../src/capfile/pcapng-notes.ts';
import { enhancedPacketBlock } from '../../src/capfile/pcapng-writer.ts';
import type { Case, Frame } from '../../src/case/evidence.ts';
import { bytesOf, realFrames } from '../wire/frames.ts';
import { block, concat, interfaceOf, packet, pcapHeader, pcapRecord, section, Writer } from './build.ts';
import { exampleCase } from './example-case.ts';

const frame = bytesOf(realFrames[0]?.hex ?? '');

/** A file's copy with those of its frames. */
function copyOf(file: Uint8Array, numbers: ReadonlySet<number>): Uint8Array {
  const reader = new CaptureReader();
  const copier = new CaptureCopier('nettrace');
  let number = 0;
  const take = (item: CaptureItem): Frame | null => {
    if (item.kind !== 'frame') return null;
    number += 1;
    return numbers.has(number) ? frameOf(item, number) : null;
  };
  const blocks = [...copier.copy(reader.push(file), take), ...copier.copy(reader.end(), take)];
  expect(reader.error).toBeNull();
  return concat(...blocks, ...copier.end());
}

function read(file: Uint8Array): Case {
  const reader = new CaseReader();
  reader.push(file);
  const evidence = reader.end();
  expect([reader.error, reader.problems]).toEqual([null, []]);
  if (evidence === null) throw new Error('it is no capture');
  return evidence;
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const endOfOptions = new Uint8Array(4);
const notes = { comments: ['seen'], flags: null, dropped: null };

describe('a copy with some of the frames', () => {
  test('of a case is what selectFrames makes of it', () => {
    const numbers = new Set([4, 1, 99]);
    const file = concat(...encodeCase(exampleCase));
    expect(read(copyOf(file, numbers))).toEqual(selectFrames(exampleCase, numbers));
  });

  test('of a pcap has its interface', () => {
    const record = (fraction: number): Uint8Array => pcapRecord(true, 1_700_000_000, fraction, 900, frame);
    const file = concat(pcapHeader(true, 0xa1b2c3d4, 4, 113), record(1), record(2));
    const { interfaces, frames } = read(copyOf(file, new Set([2])));
    expect(interfaces).toEqual([{ netns: null, device: '', linkType: 113 }]);
    expect(frames).toEqual([
      { number: 1, timeNs: 1_700_000_000_000_002_000n, interfaceIndex: 0, originalLength: 900, bytes: frame },
    ]);
  });

  test('keeps sections, the names of interfaces and addresses, counts and comments', () => {
    const names = concat(
      new Writer(true).uint(1, 2).uint(7, 2).raw([10, 88, 0, 1]).raw(ascii('db')).uint(0, 2).bytes(),
      endOfOptions,
    );
    const counts = new Writer(true).uint(0, 12).uint(5, 2).uint(8, 2).uint(7, 8).uint(0, 4).bytes();
    const whole = concat(
      section(true),
      interfaceOf(true, [[2, ascii('eth0')]]),
      packet(true, 0, 1n, frame),
      block(true, 5, counts),
      section(true),
      interfaceOf(true, [
        [2, ascii('eth1')],
        [3, ascii('the second')],
      ]),
      block(true, 4, names),
      packet(true, 0, 2n, frame),
      enhancedPacketBlock({ interfaceIndex: 0, timeNs: 3n, originalLength: frame.length, bytes: frame, notes }),
    );
    const original = read(whole);
    expect(original.interfaces.map(({ notes }) => [notes?.dropped, notes?.description])).toEqual([
      [7, null],
      [null, 'the second'],
    ]);
    expect(original.frames[2]?.notes?.comments).toEqual(['seen']);
    expect(original.notes?.addressNames).toEqual([{ address: '10.88.0.1', names: ['db'] }]);
    expect(read(copyOf(whole, new Set([3])))).toEqual(selectFrames(original, new Set([3])));
  });

  test('of nothing is an empty capture', () => {
    expect(read(copyOf(pcapHeader(true, 0xa1b2c3d4), new Set([1]))).frames).toEqual([]);
    expect(read(copyOf(section(true), new Set())).interfaces).toEqual([]);
  });

  test('of blocks that refer to no interface of theirs leaves them out', () => {
    const counts = new Writer(true).uint(3, 12).uint(5, 2).uint(8, 2).uint(7, 8).uint(0, 4).bytes();
    expect(read(copyOf(concat(section(true), block(true, 5, counts)), new Set())).interfaces).toEqual([]);
  });
});
