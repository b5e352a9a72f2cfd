import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeCaptureError } from '../../src/capfile/capture-error.ts';
import type { CaptureItem } from '../../src/capfile/capture-item.ts';
import { CaptureReader } from '../../src/capfile/capture-reader.ts';
import { block, concat, interfaceOf, packet, pcapHeader, pcapRecord, section, Writer } from './build.ts';

const frame = Uint8Array.of(1, 2, 3, 4, 5);

function read(file: Uint8Array, chunkLength = file.length): { items: CaptureItem[]; error: string | null } {
  const reader = new CaptureReader();
  const items: CaptureItem[] = [];
  for (let at = 0; at < file.length; at += chunkLength) {
    items.push(...reader.push(file.subarray(at, at + chunkLength)));
  }
  items.push(...reader.end());
  return { items, error: reader.error && describeCaptureError(reader.error) };
}

function frames(items: readonly CaptureItem[]): (CaptureItem & { kind: 'frame' })[] {
  return items.filter((item) => item.kind === 'frame');
}

describe('pcap', () => {
  test.each([
    [true, 0xa1b2c3d4, 1_700_000_000_123_456_000n, 123_456],
    [false, 0xa1b2c3d4, 1_700_000_000_123_456_000n, 123_456],
    [true, 0xa1b23c4d, 1_700_000_000_123_456_789n, 123_456_789],
    [false, 0xa1b23c4d, 1_700_000_000_123_456_789n, 123_456_789],
  ])('little-endian %s, magic %i', (littleEndian, magic, timeNs, fraction) => {
    const record = pcapRecord(littleEndian, 1_700_000_000, fraction, 60, frame);
    const { items, error } = read(concat(pcapHeader(littleEndian, magic), record, record));
    expect(error).toBeNull();
    const item = { kind: 'frame', interfaceIndex: 0, timeNs, originalLength: 60, bytes: frame, options: null };
    expect(items).toEqual([{ kind: 'interface', name: null, linkType: 1, options: null }, item, item]);
  });

  test('version 2.2 has its two lengths the other way round', () => {
    const record = new Writer(true).uint(1, 4).uint(0, 4).uint(60, 4).uint(5, 4).raw(frame).bytes();
    const { items } = read(concat(pcapHeader(true, 0xa1b2c3d4, 2), record));
    expect(frames(items)).toMatchObject([{ originalLength: 60, bytes: frame }]);
  });

  test.each([
    [
      'header',
      pcapHeader(true, 0xa1b2c3d4).subarray(0, 20),
      0,
      'damaged at byte 0: expected 24 bytes of a pcap file header, found the end of the file after 20',
    ],
    [
      'record header',
      concat(pcapHeader(true, 0xa1b2c3d4), pcapRecord(true, 1, 1, 5, frame), new Uint8Array(7)),
      1,
      'damaged at byte 45: expected 16 bytes of a record header, found the end of the file after 7',
    ],
    [
      'record',
      concat(pcapHeader(true, 0xa1b2c3d4), pcapRecord(true, 1, 1, 5, frame).subarray(0, 18)),
      0,
      'damaged at byte 24: expected 21 bytes of a record, found the end of the file after 18',
    ],
    [
      'length',
      concat(pcapHeader(true, 0xa1b2c3d4), pcapRecord(true, 1, 1, 5, frame), new Uint8Array(16).fill(0xff)),
      1,
      'damaged at byte 45: expected a record of at most 16777216 bytes, found 4294967295',
    ],
  ])('a damaged %s yields what is before it', (_name, file, count, message) => {
    const { items, error } = read(file);
    expect(error).toBe(message);
    expect(frames(items)).toHaveLength(count);
  });

  test('other versions are named', () => {
    expect(read(pcapHeader(true, 0xa1b2cd34)).error).toMatch(/patched libpcap/);
    const version1 = pcapHeader(true, 0xa1b2c3d4);
    version1[4] = 1;
    expect(read(version1).error).toBe('this is pcap version 1.4, which nettrace does not read');
  });
});

describe('pcapng', () => {
  const name = new TextEncoder().encode('eth0');

  test.each([true, false])('sections, interfaces, packets, unknown blocks; little-endian first: %s', (first) => {
    const file = concat(
      section(first),
      interfaceOf(first, [[2, name]]),
      packet(first, 0, 1_700_000_000_123_456n, frame),
      block(first, 0x80000001, Uint8Array.of(9, 8, 7)),
      section(!first),
      interfaceOf(!first, [[9, Uint8Array.of(9)]]),
      packet(!first, 0, 1_700_000_000_123_456_789n, frame),
    );
    const { items, error } = read(file);
    expect(error).toBeNull();
    const common = { kind: 'frame', originalLength: 14, bytes: frame, options: null };
    expect(items).toMatchObject([
      { kind: 'section', options: { littleEndian: first } },
      { kind: 'interface', name: 'eth0', linkType: 1, options: { littleEndian: first } },
      { ...common, interfaceIndex: 0, timeNs: 1_700_000_000_123_456_000n },
      { kind: 'block', type: 0x80000001, body: Uint8Array.of(9, 8, 7, 0), littleEndian: first },
      { kind: 'section', options: { littleEndian: !first } },
      { kind: 'interface', name: null, linkType: 1 },
      { ...common, interfaceIndex: 1, timeNs: 1_700_000_000_123_456_789n },
    ]);
  });

  const offset = new Writer(true).uint(100n, 8).bytes();
  const earlier = new Writer(true).uint(-100n, 8).bytes();
  const least = new Writer(true).uint(-(2n ** 63n), 8).bytes();
  test.each([
    ['seconds', [[9, Uint8Array.of(0)]], 7n, 7_000_000_000n],
    ['picoseconds', [[9, Uint8Array.of(12)]], 7_000n, 7n],
    ['2^-10 s', [[9, Uint8Array.of(0x8a)]], 1024n, 1_000_000_000n],
    ['10^-127 s', [[9, Uint8Array.of(127)]], 2n ** 64n - 1n, 0n],
    ['2^-127 s', [[9, Uint8Array.of(0xff)]], 2n ** 64n - 1n, 0n],
    ['2^0 s', [[9, Uint8Array.of(0x80)]], 3n, 3_000_000_000n],
    ['nanoseconds, the largest number', [[9, Uint8Array.of(9)]], 2n ** 64n - 1n, 18_446_744_073_709_551_615n],
    ['an empty resolution, so microseconds', [[9, new Uint8Array(0)]], 5n, 5000n],
    ['an offset of 100 s', [[14, offset]], 5n, 100_000_005_000n],
    ['an offset of -100 s, which leads before 1970', [[14, earlier]], 5n, -99_999_995_000n],
    ['the least offset', [[14, least]], 0n, -(2n ** 63n) * 1_000_000_000n],
    ['an offset of another length, which counts for nothing', [[14, Uint8Array.of(1, 2)]], 5n, 5000n],
  ] as const)('time in %s', (_name, options, units, timeNs) => {
    const { items } = read(concat(section(true), interfaceOf(true, options), packet(true, 0, units, frame)));
    expect(frames(items)).toMatchObject([{ timeNs }]);
  });

  test('simple packets end at the snap length and have no time', () => {
    const body = new Writer(true).uint(60, 4).raw(frame).bytes();
    const { items } = read(concat(section(true), interfaceOf(true, [], 5), block(true, 3, body)));
    expect(frames(items)).toMatchObject([{ timeNs: 0n, originalLength: 60, bytes: frame }]);
  });

  test('obsolete packet blocks are read', () => {
    const body = new Writer(true).uint(0, 2).uint(3, 2).uint(0, 4).uint(5, 4).uint(5, 4).uint(5, 4).raw(frame).bytes();
    const { items } = read(concat(section(true), interfaceOf(true), block(true, 2, body)));
    expect(frames(items)).toMatchObject([{ timeNs: 5000n, bytes: frame }]);
  });

  const start = concat(section(true), interfaceOf(true), packet(true, 0, 1n, frame));
  const at = start.length;
  const bad = packet(true, 0, 1n, frame);
  test.each([
    ['an interface that nobody described', packet(true, 7, 1n, frame), /of an interface that was described, found 7$/],
    [
      'a huge block',
      new Writer(true).uint(6, 4).uint(0x40000000, 4).bytes(),
      /expected a block length .* found 1073741824$/,
    ],
    ['a tiny block', new Writer(true).uint(6, 4).uint(8, 4).bytes(), /found 8$/],
    [
      'a second length that differs',
      concat(bad.subarray(0, -4), Uint8Array.of(1, 0, 0, 0)),
      /expected the block length 40 again/,
    ],
    [
      'a captured length beyond the block',
      block(true, 6, new Writer(true).uint(0, 12).uint(99, 4).uint(99, 4).bytes()),
      /at most 0 bytes, found 99$/,
    ],
    ['a short packet block', block(true, 6, frame), /expected a packet block of 20 bytes, found 8$/],
    ['a section of an unknown version', section(true, 2), /found pcapng version 2.0$/],
    ['a section in no byte order', block(true, 0x0a0d0d0a, new Uint8Array(16)), /byte-order magic/],
    ['a block that is cut', bad.subarray(0, 30), /expected 40 bytes of a block, found the end of the file after 30$/],
  ])('%s ends the file with what is before it', (_name, rest, message) => {
    const { items, error } = read(concat(start, rest));
    expect(frames(items)).toHaveLength(1);
    expect(error).toMatch(message);
    expect(error).toContain(`damaged at byte ${at}: `);
  });
});

const samples = [
  concat(pcapHeader(true, 0xa1b2c3d4), pcapRecord(true, 1, 2, 60, frame), pcapRecord(true, 1, 3, 5, frame)),
  concat(section(false), interfaceOf(false), packet(false, 0, 5n, frame), block(false, 77, frame), section(true)),
];

test('however a file is cut into chunks, it holds the same', () => {
  fc.assert(
    fc.property(fc.constantFrom(...samples), fc.integer({ min: 1, max: 80 }), (file, chunkLength) => {
      expect(read(file, chunkLength)).toEqual(read(file));
    }),
  );
});

test('what was handed out does not change when the owner of a chunk uses its memory again', () => {
  for (const file of samples) {
    const reader = new CaptureReader();
    const chunk = Buffer.from(file);
    const items = [...reader.push(chunk), ...reader.end()];
    chunk.fill(0xee);
    expect(items).toEqual(read(file).items);
  }
});

test('damage anywhere neither throws nor hangs, and the bytes handed out fit the file', () => {
  const change = fc.record({ at: fc.nat(200), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.constantFrom(...samples), fc.array(change, { maxLength: 5 }), fc.nat(80), (sample, changes, cut) => {
      const file = sample.slice(0, sample.length - Math.min(cut, sample.length));
      for (const { at, value } of changes) if (at < file.length) file[at] = value;
      const { items } = read(file);
      const size = frames(items).reduce((sum, item) => sum + item.bytes.length, 0);
      expect(size).toBeLessThanOrEqual(file.length);
    }),
  );
});
