/**
 * The corpus: captures made by others, read by nettrace and by tshark. NETTRACE_CORPUS names its folder, which is not
 * part of the repository.
 */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeCaptureError } from '../../src/capfile/capture-error.ts';
import { CaseReader } from '../../src/capfile/case-file.ts';
import { CaptureInput } from '../../src/capfile/input.ts';
import type { Case } from '../../src/case/evidence.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { formatJson } from '../../src/report/json.ts';
import { formatText } from '../../src/report/text.ts';
import { decideCorpus } from './available.ts';
import { type Comparison, compare, type Difference } from './compare.ts';
import { differences, messages, notDecoded, packetCounts } from './exceptions.ts';
import { type Entry, readIndex, readTruth } from './truth.ts';

/** Odd, so that records straddle chunks in every way. */
const chunkLength = 4099;

/** Enough to see what is wrong; a mistake in a header gives thousands. */
const shownDifferences = 20;

function describeDifference({ frame, field, expected, found }: Difference): string {
  return `frame ${frame}: ${field} is "${found}", tshark says "${expected}"`;
}

interface Reading {
  readonly evidence: Case | null;
  readonly message: string | null;
  readonly problems: readonly string[];
}

async function readCapture(file: string): Promise<Reading> {
  await using input = await CaptureInput.open(file);
  const reader = new CaseReader();
  for await (const bytes of input.chunks()) {
    for (let start = 0; start < bytes.length; start += chunkLength) {
      reader.push(bytes.subarray(start, start + chunkLength));
    }
  }
  const evidence = reader.end();
  const message = reader.error === null ? null : describeCaptureError(reader.error, input.compression);
  expect(input.problem).toBeNull();
  return { evidence, message, problems: reader.problems };
}

function captureTests(folder: string): void {
  const entries = readIndex(folder);
  const readings = new Map<Entry, Reading>();
  const comparisons = new Map<Entry, Comparison | null>();

  const readingOf = (entry: Entry): Reading => {
    const known = readings.get(entry);
    if (known === undefined) throw new Error(`${entry.file} was not read`);
    return known;
  };
  beforeAll(async () => {
    for (const entry of entries) readings.set(entry, await readCapture(path.join(folder, entry.file)));
  });

  /** Null when nothing could be read. */
  const comparisonOf = (entry: Entry): Comparison | null => {
    let known = comparisons.get(entry);
    if (known === undefined) {
      const { evidence } = readingOf(entry);
      known = evidence && compare(evidence, readTruth(folder, entry), new Set(notDecoded));
      comparisons.set(entry, known);
    }
    return known;
  };
  const allComparisons = (): readonly Comparison[] => entries.flatMap((entry) => comparisonOf(entry) ?? []);

  test('there are captures', () => expect(entries.length).toBeGreaterThan(0));

  describe.each(entries)('$file', (entry) => {
    test('ends with a result or one message', () => {
      const { evidence, message, problems } = readingOf(entry);
      expect({ message, problems }).toEqual({ message: messages[entry.file]?.message ?? null, problems: [] });
      expect(evidence !== null || message !== null).toBe(true);
      if (evidence === null) return;
      const diagnosis = diagnose(evidence);
      expect(formatText(diagnosis)).not.toBe('');
      expect(JSON.parse(formatJson(diagnosis))).toMatchObject({ evidence: { frames: evidence.frames.length } });
    });

    test('has the packets that were counted', () => {
      const packets = packetCounts[entry.file]?.packets ?? entry.packets;
      expect(readingOf(entry).evidence?.frames.length ?? 0).toBe(packets);
    });

    test('is read as tshark reads it', () => {
      const found = comparisonOf(entry)?.differences ?? [];
      const excepted = differences
        .filter(({ file }) => file === entry.file)
        .flatMap(({ frame, fields }) => fields.map((field) => `${frame} ${field}`));
      const isExcepted = ({ frame, field }: Difference): boolean => excepted.includes(`${frame} ${field}`);
      const wrong = found.filter((difference) => !isExcepted(difference));
      expect(wrong.slice(0, shownDifferences).map(describeDifference)).toEqual([]);
      expect(found.filter(isExcepted)).toHaveLength(excepted.length);
    });
  });

  test('every exception about a packet count is needed', () => {
    const same = entries.filter(({ file, packets }) => packetCounts[file]?.packets === packets);
    expect(same.map(({ file }) => file)).toEqual([]);
  });

  test('the protocols that are not decoded are those that are listed', () => {
    const met = new Set(allComparisons().flatMap((comparison) => [...comparison.notDecoded.keys()]));
    expect([...met].toSorted()).toEqual(notDecoded);
  });

  test('every field of the truth is read', () => {
    const read = new Set(allComparisons().flatMap((comparison) => [...comparison.read]));
    const wanted = new Set(entries.flatMap((entry) => readTruth(folder, entry).columns));
    expect([...wanted].filter((name) => !read.has(name))).toEqual([]);
  });

  afterAll(() => {
    const all = allComparisons();
    const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
    const compared = sum(all.map((comparison) => comparison.compared));
    const equal = sum(all.map((comparison) => comparison.equal));
    const beyond = sum(all.flatMap((comparison) => [...comparison.notDecoded.values()]));
    console.log(
      `corpus: ${entries.length} captures, ${compared} fields compared, ${equal} equal, ${compared - equal} excepted or wrong, ${beyond} beyond protocols that are not decoded`,
    );
  });
}

describe('where the corpus is not', () => {
  test('without NETTRACE_CORPUS it is skipped', () => {
    expect(decideCorpus(undefined)).toMatchObject({ run: false, failing: false });
    expect(decideCorpus('')).toMatchObject({ run: false, failing: false });
  });

  test('a folder that NETTRACE_CORPUS names and that holds none is a failure', () => {
    expect(decideCorpus('/nonexistent')).toMatchObject({ run: false, failing: true });
  });
});

const decision = decideCorpus(process.env['NETTRACE_CORPUS']);
if (decision.run) describe('the corpus', () => captureTests(decision.folder));
else if (decision.failing) {
  test('the corpus is there', () => {
    throw new Error(decision.reason);
  });
} else test.skip(`the corpus (skipped: ${decision.reason})`, () => undefined);
