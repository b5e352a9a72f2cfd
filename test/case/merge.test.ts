import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { Case } from '../../src/case/evidence.ts';
import { mergeCases } from '../../src/case/merge.ts';
import { exampleCase } from '../capfile/example-case.ts';

/** A capture of one interface, its frames at these times; each frame's bytes say where it comes from. */
function captureAt(device: string, ...times: readonly bigint[]): Case {
  return {
    session: null,
    interfaces: [{ netns: null, device, linkType: 1 }],
    frames: times.map((timeNs, index) => ({
      number: index + 1,
      timeNs,
      interfaceIndex: 0,
      originalLength: 1,
      bytes: Uint8Array.of(index + 1),
    })),
    snapshot: null,
    kernelLines: [],
  };
}

/** `device:place in its file` for every frame, in the merged order. */
function order({ frames, interfaces }: Case): string {
  expect(frames.map(({ number }) => number)).toEqual(frames.map((_, index) => index + 1));
  return frames.map(({ interfaceIndex, bytes }) => `${interfaces[interfaceIndex]?.device}${bytes[0]}`).join(' ');
}

function merged(...cases: readonly Case[]): Case {
  return mergeCases(cases.map((evidence, index) => ({ name: `file ${index + 1}`, evidence }))).evidence;
}

describe('captures merged by time', () => {
  it.each([
    ['one after the other', [captureAt('b', 4n, 5n), captureAt('a', 1n, 2n)], 'a1 a2 b1 b2'],
    ['turn by turn', [captureAt('a', 1n, 3n), captureAt('b', 2n, 4n), captureAt('c', 2n)], 'a1 b1 c1 a2 b2'],
    ['at one time, in the order of the files', [captureAt('b', 1n, 1n), captureAt('a', 1n)], 'b1 b2 a1'],
    ['a file out of order keeps its own', [captureAt('a', 5n, 1n), captureAt('b', 3n)], 'b1 a1 a2'],
    ['an empty one', [captureAt('a'), captureAt('b', 1n)], 'b1'],
  ])('%s', (_name, cases, expected) => {
    expect(order(merged(...cases))).toBe(expected);
  });

  it('interfaces stay apart, even those of one name', () => {
    expect(merged(captureAt('eth0', 1n), captureAt('eth0', 2n)).interfaces).toHaveLength(2);
  });

  it('one alone is given back as it is', () => {
    expect(merged(exampleCase)).toBe(exampleCase);
  });

  test('files in order give a case in order, with every frame', () => {
    const times = fc.array(fc.bigInt({ min: 0n, max: 30n })).map((all) => all.toSorted((a, b) => Number(a - b)));
    fc.assert(
      fc.property(fc.array(times, { minLength: 2, maxLength: 5 }), (files) => {
        const found = merged(...files.map((all) => captureAt('a', ...all))).frames.map(({ timeNs }) => timeNs);
        expect(found).toEqual(files.flat().toSorted((a, b) => Number(a - b)));
      }),
    );
  });
});

describe('what only a case has', () => {
  it('survives beside a plain capture, its interfaces counted anew', () => {
    const { evidence, problems } = mergeCases([
      { name: 'plain.pcap', evidence: captureAt('eth9', 1n) },
      { name: 'case.pcapng', evidence: exampleCase },
    ]);
    expect(problems).toEqual([]);
    expect(evidence.session).toEqual({ ...exampleCase.session, framesDropped: [null, 0, null] });
    expect(evidence.snapshot).toBe(exampleCase.snapshot);
    expect(evidence.kernelLines).toBe(exampleCase.kernelLines);
    expect(evidence.ruleTraces).toBe(exampleCase.ruleTraces);
    expect(evidence.interfaces.map(({ device }) => device)).toEqual(['eth9', 'eth0', 'podman0']);
    const [first] = exampleCase.frames;
    expect(evidence.frames[1]?.interfaceIndex).toBe((first?.interfaceIndex ?? 0) + 1);
  });

  it('is one run’s: of two cases the first’s is taken, and that is said', () => {
    const { evidence, problems } = mergeCases([
      { name: 'a.pcapng', evidence: exampleCase },
      { name: 'b.pcapng', evidence: { ...exampleCase, kernelLines: [] } },
    ]);
    expect(evidence.kernelLines).toEqual(exampleCase.kernelLines);
    expect(problems).toEqual([
      'The host state and kernel events of a.pcapng are used and those of b.pcapng are left out: each belongs to its own run.',
    ]);
  });

  it('remarks of all of them are kept', () => {
    const section = { hardware: null, operatingSystem: 'Linux', application: null, comments: ['one'] };
    const notes = { sections: [section], addressNames: [] };
    const plain = captureAt('a', 1n);
    expect(merged({ ...plain, notes }, plain, { ...plain, notes }).notes?.sections).toEqual([section, section]);
    expect(merged(plain, plain)).not.toHaveProperty('notes');
  });
});
