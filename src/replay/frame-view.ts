/** A frame as the terminal UI takes it, of whatever case: decoded now. */

import type { CaptureInterface, Frame } from '../case/evidence.ts';
import { interfaceName } from '../case/interface-name.ts';
import { formatSpan } from '../report/frame-lines.ts';
import type { FrameView } from '../ui/case-view.ts';
import { dissect } from '../wire/dissect.ts';
import { summarize } from '../wire/summary.ts';

const ethernet = 1;

/** @param sinceNs What its time is counted from, in nanoseconds since 1970. */
export function frameView(
  { number, timeNs, interfaceIndex, originalLength, bytes }: Frame,
  interfaces: readonly CaptureInterface[],
  sinceNs: bigint,
): FrameView {
  const point = interfaces[interfaceIndex];
  const dissection = dissect(bytes, point?.linkType ?? ethernet, originalLength);
  return {
    number,
    relativeTime: formatSpan(timeNs - sinceNs),
    interfaceName: point === undefined ? '' : interfaceName(point),
    originalLength,
    bytes,
    info: summarize(dissection),
    dissection,
  };
}
