/** Which packets of an index a filter accepts. */

import { FrameSet } from '../case/frame-set.ts';
import type { FrameTest } from '../filter/bind.ts';
import type { Filter } from '../filter/filter.ts';
import type { ConnectionFacts } from '../filter/frame-fields.ts';
import { indexColumns, indexFields } from '../index/filter-columns.ts';
import type { IndexedCapture } from '../index/indexed-capture.ts';

/** The test of rows; `factsOf` tells of the connection of a frame, by the frame's number. */
export function rowTest(
  capture: IndexedCapture,
  filter: Filter,
  factsOf: (frameNumber: number) => ConnectionFacts | null,
): FrameTest<number> {
  return filter.bind(indexFields(capture, factsOf), indexColumns(capture.index));
}

/** The numbers of the frames that a filter accepts. */
export function passingRows(
  capture: IndexedCapture,
  filter: Filter,
  factsOf: (frameNumber: number) => ConnectionFacts | null,
): FrameSet {
  const test = rowTest(capture, filter, factsOf);
  const { count } = capture.index.packets;
  const passing = new FrameSet(count);
  for (let row = 0; row < count; row += 1) if (test(row)) passing.add(row + 1);
  return passing;
}
