/** A live capture as the terminal UI takes it: what is cheap is made now, frames are read when they are asked for. */

import type { CaptureInterface } from '../case/evidence.ts';
import { interfaceName } from '../case/interface-name.ts';
import type { ConnectionDiagnosis, Diagnosis } from '../diagnose/diagnosis.ts';
import type { FrameStore } from '../live/frame-store.ts';
import { formatSpan } from '../report/frame-lines.ts';
import type { CaseView, FilterAnswer, FrameView } from '../ui/case-view.ts';
import type { LiveStatus } from '../ui/live-status.ts';
import { dissect } from '../wire/dissect.ts';
import { summarize } from '../wire/summary.ts';

const nsPerSecond = 1_000_000_000n;
const ethernet = 1;

/** What a view is made of. */
export interface LiveParts {
  readonly store: FrameStore;
  readonly interfaces: readonly CaptureInterface[];
  readonly diagnosis: Diagnosis;
  readonly status: LiveStatus;
  readonly filter: (text: string) => FilterAnswer;
  readonly framesOf: (connection: ConnectionDiagnosis) => readonly number[];
}

/** A frame that had to go while it was on the screen. */
function goneFrame(number: number): FrameView {
  const bytes = new Uint8Array(0);
  return {
    number,
    relativeTime: '',
    interfaceName: '',
    originalLength: 0,
    bytes,
    info: 'gone from memory: later frames needed the room',
    dissection: dissect(bytes, ethernet, 0),
  };
}

/** The view as things stand; times are those since the second of the first frame. */
export function liveView({ store, interfaces, diagnosis, status, filter, framesOf }: LiveParts): CaseView {
  return {
    title: 'live',
    diagnosis,
    frameCount: store.last,
    firstFrame: store.first,
    live: status,
    filter,
    framesOf,
    frame(number) {
      const stored = store.frame(number);
      if (stored === null) return goneFrame(number);
      const point = interfaces[stored.point];
      const dissection = dissect(stored.bytes, point?.linkType ?? ethernet, stored.originalLength);
      return {
        number,
        relativeTime: formatSpan(stored.timeNs - BigInt(store.baseSecond) * nsPerSecond),
        interfaceName: point === undefined ? '' : interfaceName(point),
        originalLength: stored.originalLength,
        bytes: stored.bytes,
        info: summarize(dissection),
        dissection,
      };
    },
  };
}
