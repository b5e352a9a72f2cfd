import { assert, bigInt, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeSnapshot, largestSnapshot, readSnapshot } from '../../src/capfile/snapshot-file.ts';
import type { Snapshot } from '../../src/host/snapshot.ts';
import { escapeJson } from '../../src/report/json.ts';
import { printed, recordedSnapshot, snapshotOf } from '../host/sample.ts';

function encoded(snapshot: Snapshot): string {
  return [...encodeSnapshot(snapshot)].join('');
}

function read(text: string): ReturnType<typeof readSnapshot> {
  return readSnapshot(new TextEncoder().encode(text));
}

const small = encoded(snapshotOf([printed('ip -j addr', '[]\n')]));

describe('a snapshot as a file', () => {
  it('reads back what was recorded', () => {
    const snapshot = recordedSnapshot('two-namespaces');
    expect(read(encoded(snapshot))).toEqual(snapshot);
  });

  it('reads back any text, also as it is written to a terminal', () => {
    const texts = string({ unit: 'binary', maxLength: 50 });
    assert(
      property(texts, texts, bigInt({ min: 0n, max: 2n ** 63n }), (text, argument, takenNs) => {
        const snapshot = {
          ...snapshotOf([printed('ss -HOtlnpe', text)]),
          takenNs,
          processes: [{ pid: 1, argv: [argument] }],
        };
        expect(read(encoded(snapshot))).toEqual(snapshot);
        expect(read(escapeJson(encoded(snapshot)))).toEqual(snapshot);
      }),
    );
  });

  it('reads one without namespaces', () => {
    const empty = { takenNs: 0n, namespaces: [], processes: [], missing: ['Nothing was asked.'] };
    expect(read(encoded(empty))).toEqual(empty);
  });

  it.each([
    ['nothing', '', 'it is not JSON'],
    ['text', 'hello', 'it is not JSON'],
    ['one that was cut', small.slice(0, -10), 'it is not JSON'],
    ['a list', '[]', 'it is no snapshot (the whole: an object expected)'],
    ['another document', '{"schema": "nettrace.diagnosis/1"}', 'its schema is nettrace.diagnosis/1'],
    ['a newer one', small.replace('snapshot/1', 'snapshot/2'), 'this nettrace reads nettrace.snapshot/1'],
    ['a document without its fields', '{"schema": "nettrace.snapshot/1"}', 'it is malformed (takenNs: nanoseconds'],
    [
      'a wrong type',
      small.replace('"exitCode":0', '"exitCode":"0"'),
      'it is malformed (namespaces[0].outputs[0].exitCode: a whole number expected)',
    ],
    [
      'deep brackets',
      `${'['.repeat(900_000)}${']'.repeat(900_000)}`,
      'it is no snapshot (the whole: an object expected)',
    ],
    [
      'deep brackets where text was',
      small.replace('"exitCode":0', `"exitCode":${'['.repeat(9000)}${']'.repeat(9000)}`),
      'outputs[0].exitCode',
    ],
    ['many brackets', `[${'[],'.repeat(1_000_001)}[]]`, 'at most 1000000 are read'],
  ])('%s is refused, and said why', (_name, text, problem) => {
    expect(read(text)).toEqual({ problem: expect.stringContaining(problem) });
  });

  it('one that is too large is not looked at', () => {
    expect(readSnapshot(new Uint8Array(largestSnapshot + 1))).toEqual({
      problem: expect.stringContaining('at most 268435456 are read'),
    });
  });
});
