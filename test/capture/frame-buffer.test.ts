import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type CapturedFrame, FrameBuffer, frameOverheadBytes } from '../../src/capture/frame-buffer.ts';

function frame(pointIndex: number, timeNs: bigint, length: number): CapturedFrame {
  return { pointIndex, timeNs, originalLength: length, bytes: new Uint8Array(length) };
}

/** A naive buffer: the longest end of what came that fits. */
function fitting(frames: readonly CapturedFrame[], bound: number): CapturedFrame[] {
  let left = bound;
  const kept: CapturedFrame[] = [];
  for (const one of frames.toReversed()) {
    left -= one.bytes.length + frameOverheadBytes;
    if (left < 0) break;
    kept.unshift(one);
  }
  return kept;
}

const frames = fc.array(
  fc.record({ timeNs: fc.bigInt({ min: 0n, max: 20n }), length: fc.constantFrom(0, 60, 1514, 65_535) }),
  { maxLength: 100 },
);

test('the newest frames that fit are kept, in the order of time and, within a moment, as they came', () => {
  fc.assert(
    fc.property(frames, fc.nat(200_000), (told, bound) => {
      const buffer = new FrameBuffer(bound);
      const added = told.map(({ timeNs, length }, index) => frame(index, timeNs, length));
      for (const one of added) buffer.add(one);
      const expected = fitting(added, bound).sort((a, b) => Number(a.timeNs - b.timeNs) || a.pointIndex - b.pointIndex);
      expect(buffer.inOrder().map(({ pointIndex }) => pointIndex)).toEqual(
        expected.map(({ pointIndex }) => pointIndex),
      );
      expect(buffer.discarded).toBe(added.length - expected.length);
    }),
  );
});

test('it goes on so for thousands of frames, empty ones too', () => {
  const buffer = new FrameBuffer(10 * frameOverheadBytes);
  for (let index = 0; index < 10_000; index++) buffer.add(frame(index, BigInt(index), 0));
  expect(buffer.inOrder().map(({ pointIndex }) => pointIndex)).toEqual(Array.from({ length: 10 }, (_, i) => 9990 + i));
  expect(buffer.discarded).toBe(9990);
});

test('a frame larger than the bound is not kept, and the next one is', () => {
  const buffer = new FrameBuffer(1000);
  buffer.add(frame(0, 0n, 2000));
  expect([buffer.inOrder(), buffer.discarded]).toEqual([[], 1]);
  buffer.add(frame(1, 1n, 60));
  expect(buffer.inOrder()).toHaveLength(1);
});
