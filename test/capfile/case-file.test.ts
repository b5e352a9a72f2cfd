import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CaseReader, encodeCase } from '../../src/capfile/case-file.ts';
import { caseBlockType, encodeSection, sectionKind } from '../../src/capfile/case-section.ts';
import { rawBlock } from '../../src/capfile/pcapng-writer.ts';
import type { Case } from '../../src/case/evidence.ts';
import { block, concat, pcapHeader, pcapRecord } from './build.ts';
import { exampleCase } from './example-case.ts';

function decode(chunks: Iterable<Uint8Array>): {
  evidence: Case | null;
  problems: readonly string[];
  error: CaseReader['error'];
} {
  const reader = new CaseReader();
  for (const chunk of chunks) reader.push(chunk);
  const evidence = reader.end();
  return { evidence, problems: reader.problems, error: reader.error };
}

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const device = name.filter((text) => !text.includes(':'));
const anyText = fc.string({ unit: 'binary', maxLength: 60 });
const time = fc.bigInt({ min: 0n, max: 2n ** 63n });
const whole = fc.maxSafeInteger();
const orNull = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(values, { nil: null });

const session = fc.record({
  engine: fc.constantFrom('tcpdump' as const, 'cap' as const),
  clock: fc.constantFrom('kernel' as const, 'user-space' as const),
  promiscuous: fc.boolean(),
  command: orNull(
    fc.record({
      argv: fc.array(anyText, { maxLength: 4 }),
      exitCode: orNull(whole),
      signal: orNull(anyText),
      netns: anyText,
      credentials: orNull(fc.record({ user: whole, group: whole })),
      proxies: orNull(fc.array(fc.record({ variable: anyText, host: anyText, port: orNull(whole) }), { maxLength: 2 })),
      startedNs: time,
      endedNs: time,
    }),
  ),
  kernelEvents: fc.boolean(),
  kernelEventsLost: whole,
  linkOutages: fc.array(fc.record({ netns: name, device, fromNs: time, toNs: orNull(time) }), { maxLength: 3 }),
  framesDropped: fc.array(orNull(whole), { maxLength: 3 }),
  missing: fc.array(anyText, { maxLength: 3 }),
});

const namespace = fc.record({
  name: anyText,
  inode: whole,
  container: orNull(
    fc.record({
      id: anyText,
      name: anyText,
      runtime: anyText,
      networks: orNull(fc.array(anyText, { maxLength: 2 })),
      ports: orNull(
        fc.array(fc.record({ protocol: anyText, hostAddress: orNull(anyText), hostPort: whole, port: whole }), {
          maxLength: 2,
        }),
      ),
    }),
  ),
  outputs: fc.array(fc.record({ command: anyText, exitCode: orNull(whole), text: anyText, error: anyText }), {
    maxLength: 3,
  }),
});

const snapshot = fc.record({
  takenNs: time,
  namespaces: fc.array(namespace, { maxLength: 3 }),
  processes: fc.array(fc.record({ pid: whole, argv: fc.array(anyText, { maxLength: 3 }) }), { maxLength: 3 }),
  missing: fc.array(anyText, { maxLength: 3 }),
});

const linkType = fc.nat(0xffff);
const interfaces = fc.array(
  fc.oneof(
    fc.record({ netns: orNull(name), device, linkType }),
    // What another program calls an interface may have any colons.
    fc.record({ netns: fc.constant(null), device: name, linkType }),
  ),
  { minLength: 1, maxLength: 3 },
);

const cases: fc.Arbitrary<Case> = interfaces.chain((rows) => {
  const frame = fc.record({
    timeNs: time,
    interfaceIndex: fc.nat(rows.length - 1),
    originalLength: fc.nat(100_000),
    bytes: fc.uint8Array({ maxLength: 50 }),
  });
  const line = fc.record({ timeNs: time, text: anyText });
  const ruleTraces = fc.array(fc.record({ netns: name, lines: fc.array(line, { maxLength: 3 }) }), {
    minLength: 1,
    maxLength: 2,
  });
  const whole = {
    session: orNull(session),
    interfaces: fc.constant(rows),
    frames: fc.array(frame, { maxLength: 5 }).map((all) => all.map((item, index) => ({ ...item, number: index + 1 }))),
    snapshot: orNull(snapshot),
    kernelLines: fc.array(
      fc.record({ timeNs: time, scope: fc.constantFrom('packets' as const, 'command' as const), text: anyText }),
      { maxLength: 4 },
    ),
  };
  return fc.oneof(fc.record(whole), fc.record({ ...whole, ruleTraces }));
});

test('what is written is read back equal', () => {
  fc.assert(
    fc.property(cases, (evidence) => {
      expect(decode(encodeCase(evidence))).toEqual({ evidence, problems: [], error: null });
    }),
  );
});

test('sections larger than a block, and traces longer than a section, are read back equal', () => {
  const text = 'x'.repeat(100_000);
  const outputs = Array.from({ length: 60 }, (_item, index) => ({
    command: `c${index}`,
    exitCode: 0,
    text,
    error: '',
  }));
  const kernelLines = Array.from({ length: 30 }, (_item, index) => ({
    timeNs: BigInt(index),
    scope: 'packets' as const,
    text,
  }));
  const namespaces = [{ name: 'host', inode: 1, container: null, outputs }];
  const evidence: Case = {
    ...exampleCase,
    snapshot: { takenNs: 1n, namespaces, processes: [], missing: [] },
    kernelLines,
  };
  const blocks = [...encodeCase(evidence)];
  expect(Math.max(...blocks.map(({ length }) => length))).toBeLessThan(5 * 1024 * 1024);
  expect(decode(blocks)).toEqual({ evidence, problems: [], error: null });
});

test('frames out of time order keep their numbers and order', () => {
  const times = decode(encodeCase(exampleCase)).evidence?.frames.map(({ number, timeNs }) => [number, timeNs]);
  expect(times).toEqual(exampleCase.frames.map(({ number, timeNs }) => [number, timeNs]));
  expect(exampleCase.frames[1]?.timeNs).toBeLessThan(exampleCase.frames[0]?.timeNs ?? 0n);
});

test('a plain pcap has frames and no session, and its interface no name', () => {
  const file = concat(pcapHeader(true, 0xa1b2c3d4), pcapRecord(true, 1, 2, 60, Uint8Array.of(1)));
  expect(decode([file])).toEqual({
    evidence: {
      session: null,
      interfaces: [{ netns: null, device: '', linkType: 1 }],
      frames: [{ number: 1, timeNs: 1_000_002_000n, interfaceIndex: 0, originalLength: 60, bytes: Uint8Array.of(1) }],
      snapshot: null,
      kernelLines: [],
    },
    problems: [],
    error: null,
  });
});

/** Where our blocks start: everything before is what any pcapng has. */
function plainBlocks(): Uint8Array[] {
  const blocks = [...encodeCase(exampleCase)];
  return blocks.slice(0, 1 + exampleCase.interfaces.length + exampleCase.frames.length);
}

test('no capture gives no case, and says why', () => {
  const { evidence, error } = decode([new TextEncoder().encode('hello\n')]);
  expect(evidence).toBeNull();
  expect(error).toEqual({ kind: 'not-a-capture', looksLike: 'text', begins: '68 65 6c 6c 6f 0a' });
});

test('damage keeps the evidence before it', () => {
  const bytes = concat(...plainBlocks());
  const { evidence, error } = decode([bytes.subarray(0, -3)]);
  expect(error?.kind).toBe('damaged');
  expect(evidence?.frames).toHaveLength(exampleCase.frames.length - 1);
});

/** One block of ours with a header of the test's choice. */
function ourBlock(
  header: { version?: number; kind?: number; part?: number; parts?: number },
  json: string,
): Uint8Array {
  const { version = 1, kind = sectionKind.session, part = 0, parts = 1 } = header;
  const text = new TextEncoder().encode(json);
  const body = new Uint8Array(20 + text.length);
  const data = new DataView(body.buffer);
  body.set(new TextEncoder().encode('nettrace'));
  data.setUint16(8, version, true);
  data.setUint16(10, kind, true);
  data.setUint16(12, part, true);
  data.setUint16(14, parts, true);
  data.setUint32(16, text.length, true);
  body.set(text, 20);
  return rawBlock(caseBlockType, body);
}

test('an unknown newer version keeps all that is plain pcapng, and says so', () => {
  const { evidence, problems, error } = decode([
    ...plainBlocks(),
    ourBlock({ version: 2 }, '?'),
    ourBlock({ version: 2 }, ''),
  ]);
  expect(error).toBeNull();
  expect(evidence?.frames).toEqual(exampleCase.frames);
  expect(evidence?.interfaces).toEqual(exampleCase.interfaces);
  expect(evidence).toMatchObject({ session: null, snapshot: null, kernelLines: [] });
  expect(problems).toEqual([
    'This case was written in format 2 and this nettrace reads up to 1: its frames are here, its host state and kernel events are not.',
  ]);
});

describe('malformed sections are problems, not errors', () => {
  const kernelLine = '[{"timeNs":"1","scope":"all","text":""}]';
  test.each([
    ['not JSON', ourBlock({}, '{'), 'The session is malformed (it is not JSON), so it is left out.'],
    [
      'not an object',
      ourBlock({}, '[]'),
      'The session is malformed (the whole: an object expected), so it is left out.',
    ],
    [
      'a field missing',
      ourBlock({}, '{"__proto__":{"engine":"cap"}}'),
      'The session is malformed (engine: tcpdump or cap expected), so it is left out.',
    ],
    [
      'a wrong word',
      ourBlock({ kind: sectionKind.kernelLines }, kernelLine),
      'The kernel trace is malformed ([0].scope: packets or command expected), so it is left out.',
    ],
    [
      'a number for nanoseconds',
      ourBlock({ kind: sectionKind.snapshot }, '{"takenNs":5}'),
      "The snapshot's head is malformed (takenNs: nanoseconds as decimal text expected), so it is left out.",
    ],
    [
      'deep nesting',
      ourBlock({}, `${'['.repeat(100_000)}${']'.repeat(100_000)}`),
      'The session is malformed (the whole: an object expected), so it is left out.',
    ],
    [
      'a flood of objects',
      ourBlock({}, `[${'[],'.repeat(1_000_001)}1]`),
      'The session is malformed (its JSON has 1000002 parts, at most 1000000 are read), so it is left out.',
    ],
    ['a last part missing', ourBlock({ parts: 2 }, '{}'), 'The session is cut short, so it is left out.'],
    [
      'a first part missing',
      ourBlock({ part: 1, parts: 2 }, '{}'),
      'A part of the session is out of place, so it is left out.',
    ],
    ['no parts', ourBlock({ parts: 0 }, '{}'), 'A part of the session is out of place, so it is left out.'],
    ['an unknown kind', ourBlock({ kind: 99 }, '{}'), 'A section of unknown kind 99 is left out.'],
    [
      'a namespace without a snapshot',
      [...encodeSection(sectionKind.namespace, { name: '', inode: 1, container: null, outputs: [] })][0],
      "The snapshot's head is missing, so its namespaces are not used.",
    ],
  ])('%s', (_name, ours, problem) => {
    const { evidence, problems, error } = decode([...plainBlocks(), ours ?? new Uint8Array(0)]);
    expect(problems).toEqual([problem]);
    expect(error).toBeNull();
    expect(evidence?.frames).toEqual(exampleCase.frames);
    expect(evidence?.session).toBeNull();
  });

  test('namespaces that are missing are counted', () => {
    const head = { takenNs: 1n, namespaceCount: 2, processes: [], missing: [] };
    const { evidence, problems } = decode([...plainBlocks(), ...encodeSection(sectionKind.snapshot, head)]);
    expect(problems).toEqual(['The snapshot has 0 of its 2 namespaces.']);
    expect(evidence?.snapshot?.namespaces).toEqual([]);
  });

  test("somebody else's block of the same type is passed over in silence", () => {
    const { problems } = decode([...plainBlocks(), block(true, caseBlockType, Uint8Array.of(1, 2, 3))]);
    expect(problems).toEqual([]);
  });
});

test('bytes changed anywhere in a case never throw', () => {
  const file = concat(...encodeCase(exampleCase));
  const change = fc.record({ at: fc.nat(file.length - 1), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
      const bytes = file.slice();
      for (const { at, value } of changes) bytes[at] = value;
      const { evidence, error } = decode([bytes]);
      expect(evidence !== null || error !== null).toBe(true);
    }),
  );
});
