import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaseReader, encodeCase, selectFrames } from '../../src/capfile/case-file.ts';
import type { Case } from '../../src/case/evidence.ts';
import { directionOf } from '../../src/case/notes.ts';
import { block, concat, interfaceOf, packet, section, Writer } from './build.ts';
import { exampleCase } from './example-case.ts';

function read(...blocks: readonly Uint8Array[]): Case {
  const reader = new CaseReader();
  for (const bytes of blocks) reader.push(bytes);
  const evidence = reader.end();
  expect(reader.error).toBeNull();
  if (evidence === null) throw new Error('it is no capture');
  return evidence;
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Options in one byte order, with their end. */
function options(littleEndian: boolean, ...all: readonly (readonly [number, Uint8Array])[]): Uint8Array {
  const writer = new Writer(littleEndian);
  for (const [code, value] of all) {
    writer.uint(code, 2).uint(value.length, 2).raw(value);
    writer.raw(new Uint8Array((4 - (value.length % 4)) % 4));
  }
  return writer.uint(0, 4).bytes();
}

const frame = Uint8Array.of(1, 2, 3, 4, 5);

describe.each([true, false])('what a pcapng says beside its frames; little-endian: %s', (littleEndian) => {
  const number = (value: number | bigint, length: number): Uint8Array =>
    new Writer(littleEndian).uint(value, length).bytes();
  const header = block(
    littleEndian,
    0x0a0d0d0a,
    concat(
      new Writer(littleEndian).uint(0x1a2b3c4d, 4).uint(1, 2).uint(0, 2).uint(-1n, 8).bytes(),
      options(littleEndian, [1, ascii('first')], [2, ascii('x86')], [3, ascii('Linux')], [4, ascii('dumpcap')]),
    ),
  );
  const point = interfaceOf(littleEndian, [
    [2, ascii('eth0')],
    [3, ascii('uplink')],
    [6, Uint8Array.of(2, 0, 0, 0, 0, 10)],
    [8, number(10_000_000_000n, 8)],
    [11, ascii('\0port 53')],
  ]);
  const said = block(
    littleEndian,
    6,
    concat(
      new Writer(littleEndian).uint(0, 12).uint(5, 4).uint(5, 4).raw(frame).uint(0, 3).bytes(),
      options(littleEndian, [1, ascii('look')], [2, number(0b10, 4)], [4, number(3, 8)], [1, ascii('here')]),
    ),
  );
  const names = block(
    littleEndian,
    4,
    options(
      littleEndian,
      [1, concat(Uint8Array.of(10, 88, 0, 1), ascii('gw\0gateway\0'))],
      [9, ascii('passed over')],
      [2, concat(Uint8Array.of(0xfd, ...new Uint8Array(14), 1), ascii('six\0'))],
    ),
  );
  const counts = block(
    littleEndian,
    5,
    concat(number(0, 12), options(littleEndian, [4, number(90, 8)], [5, number(2, 8)], [7, number(1, 8)])),
  );

  test('is in the case', () => {
    const evidence = read(header, point, names, said, packet(littleEndian, 0, 5n, frame), counts);
    expect(evidence.notes).toEqual({
      sections: [{ hardware: 'x86', operatingSystem: 'Linux', application: 'dumpcap', comments: ['first'] }],
      addressNames: [
        { address: '10.88.0.1', names: ['gw', 'gateway'] },
        { address: 'fd00::1', names: ['six'] },
      ],
    });
    expect(evidence.interfaces[0]?.notes).toEqual({
      description: 'uplink',
      filter: 'port 53',
      hardwareAddress: '02:00:00:00:00:0a',
      bitsPerSecond: 10_000_000_000,
      comments: [],
      received: 90,
      dropped: 3,
    });
    expect(evidence.frames[0]?.notes).toEqual({ comments: ['look', 'here'], flags: 2, dropped: 3 });
    expect(evidence.frames[0]?.notes && directionOf(evidence.frames[0].notes)).toBe('outbound');
    expect(evidence.frames[1]).not.toHaveProperty('notes');
  });

  test('survives being written, but for the name of the writer', () => {
    const evidence = read(header, point, names, said, counts);
    const [section] = evidence.notes?.sections ?? [];
    const notes = { ...evidence.notes, sections: [{ ...section, application: null }] };
    expect(read(...encodeCase(evidence))).toEqual({ ...evidence, notes });
  });

  test('of a second section belongs to that section’s interfaces', () => {
    const evidence = read(header, point, header, point, counts);
    expect(evidence.interfaces.map(({ notes }) => notes?.dropped)).toEqual([null, 3]);
    const written = read(...encodeCase(evidence));
    // Two machines are no single one.
    expect(written.notes?.sections).toEqual([
      { hardware: null, operatingSystem: null, application: null, comments: ['first', 'first'] },
    ]);
  });

  test('costs nothing where it is malformed', () => {
    const short = block(littleEndian, 5, number(0, 4));
    const nobody = block(littleEndian, 5, concat(number(7, 4), number(0, 8), options(littleEndian, [5, number(1, 8)])));
    const cutNames = block(littleEndian, 4, new Writer(littleEndian).uint(1, 2).uint(99, 2).bytes());
    const odd = block(littleEndian, 6, new Writer(littleEndian).uint(0, 12).uint(0, 8).uint(1, 2).uint(99, 2).bytes());
    const evidence = read(
      section(littleEndian),
      interfaceOf(littleEndian, [[8, Uint8Array.of(1)]]),
      short,
      nobody,
      cutNames,
      odd,
    );
    expect(evidence).not.toHaveProperty('notes');
    expect(evidence.interfaces).toEqual([{ netns: null, device: '', linkType: 1 }]);
    expect(evidence.frames).toHaveLength(1);
    expect(evidence.frames[0]).not.toHaveProperty('notes');
  });
});

test('what a writer says is read back equal', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const orNull = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null });
  const comments = fc.array(text, { maxLength: 3 });
  const frameNotes = fc.record({
    comments: fc.array(text, { minLength: 1, maxLength: 3 }),
    flags: orNull(fc.nat(0xffffffff)),
    dropped: orNull(fc.maxSafeNat()),
  });
  const interfaceNotes = fc.record({
    description: text,
    filter: orNull(text),
    hardwareAddress: orNull(fc.constant('02:00:5e:ff:00:01')),
    bitsPerSecond: orNull(fc.maxSafeNat()),
    comments,
    received: orNull(fc.nat()),
    dropped: orNull(fc.nat()),
  });
  const sections = fc.record({
    hardware: text,
    operatingSystem: orNull(text),
    application: fc.constant(null),
    comments,
  });
  const times = fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n });
  fc.assert(
    fc.property(
      frameNotes,
      interfaceNotes,
      sections,
      times,
      times,
      (onFrame, onInterface, onSection, first, second) => {
        const one = { number: 1, timeNs: first, interfaceIndex: 0, originalLength: 9, bytes: frame, notes: onFrame };
        const evidence: Case = {
          session: null,
          interfaces: [{ netns: null, device: 'eth0', linkType: 1, notes: onInterface }],
          frames: [one, { ...one, number: 2, timeNs: second }],
          snapshot: null,
          kernelLines: [],
          notes: { sections: [onSection], addressNames: [{ address: '2001:db8::1', names: ['a', 'b'] }] },
        };
        expect(read(...encodeCase(evidence))).toEqual(evidence);
      },
    ),
  );
});

test('a comment longer than an option is cut before the character that does not fit', () => {
  const [one] = exampleCase.frames;
  if (one === undefined) throw new Error('the example has no frame');
  const comments = [`${'a'.repeat(0xfffe)}é!`];
  const evidence = { ...exampleCase, frames: [{ ...one, notes: { comments, flags: null, dropped: null } }] };
  expect(read(...encodeCase(evidence)).frames[0]?.notes?.comments).toEqual(['a'.repeat(0xfffe)]);
});

describe('frames that were chosen', () => {
  test('become a capture of their own: interfaces and remarks stay, the host’s state does not', () => {
    const chosen = selectFrames(exampleCase, new Set([4, 1, 99]));
    const [first, , , fourth] = exampleCase.frames;
    const { ruleTraces: _left, ...others } = exampleCase;
    expect(chosen).toEqual({
      ...others,
      session: null,
      frames: [first, { ...fourth, number: 2 }],
      snapshot: null,
      kernelLines: [],
    });
    expect(read(...encodeCase(chosen))).toEqual(chosen);
  });

  test('of another tool’s capture are a plain capture, without a block of nettrace’s own', () => {
    const foreign = read(
      section(true),
      interfaceOf(true, [[2, ascii('a:b')]]),
      packet(true, 0, 1n, frame),
      packet(true, 0, 2n, frame),
    );
    const chosen = selectFrames(foreign, new Set([2]));
    expect([...encodeCase(chosen)]).toHaveLength(3);
    expect(read(...encodeCase(chosen))).toEqual(chosen);
  });
});
