/** Which packets of an index a filter accepts, found in steps: a filter may have to read every packet again. */

import { FrameSet } from '../../case/frame-set.ts';
import type { FrameTest } from '../../filter/bind.ts';
import type { Filter } from '../../filter/filter.ts';
import type { ConnectionFacts } from '../../filter/frame-fields.ts';
import { indexColumns, indexFields } from '../../index/filter-columns.ts';
import type { IndexedCapture } from '../../index/indexed-capture.ts';
import type { Step } from '../progress.ts';

/** Packets between two steps. */
const rowsAtOnce = 1024;

/** The test of rows; `factsOf` tells of the connection of a frame, by the frame's number. */
export function rowTest(
  capture: IndexedCapture,
  filter: Filter,
  factsOf: (frameNumber: number) => ConnectionFacts | null,
): FrameTest<number> {
  return filter.bind(indexFields(capture, factsOf), indexColumns(capture.index));
}

/** The numbers of the frames that a test accepts. */
export function* passingRows({ index }: IndexedCapture, test: FrameTest<number>): Generator<Step, FrameSet> {
  const { count } = index.packets;
  const passing = new FrameSet(count);
  for (let row = 0; row < count; row += 1) {
    if (test(row)) passing.add(row + 1);
    if (row % rowsAtOnce === 0) yield { done: row, total: count };
  }
  return passing;
}

/** The numbers of the connections that have a packet that a test accepts, in their order. */
export function* passingConnections(
  capture: IndexedCapture,
  test: FrameTest<number>,
): Generator<Step, readonly number[]> {
  const { index, numbers } = capture;
  const { count } = index.packets;
  const accepted = new Uint8Array(numbers.count + 1);
  for (let row = 0; row < count; row += 1) {
    const number = numbers.numberOf(capture.idOf(row));
    // A packet whose connection has passed is not asked again.
    if (accepted[number] === 0 && number !== 0 && test(row)) accepted[number] = 1;
    if (row % rowsAtOnce === 0) yield { done: row, total: count };
  }
  return Array.from(accepted.keys()).filter((number) => accepted[number] === 1);
}
