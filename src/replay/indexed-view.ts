/** A capture of any size as the terminal UI takes it: everything is made from its index when it is asked for. */

import type { CaptureInterface } from '../case/evidence.ts';
import type { FrameSet } from '../case/frame-set.ts';
import type { ConnectionDiagnosis } from '../diagnose/diagnosis.ts';
import type { IndexedCapture } from '../index/indexed-capture.ts';
import type { CaseView } from '../ui/case-view.ts';
import type { FilterSearch } from './filter-search.ts';
import { frameView } from './frame-view.ts';
import type { IndexedDiagnosis } from './indexed-diagnosis.ts';

/** Connections that are listed: the first ones of the document, so that those that failed are among them. */
const mostListed = 20_000;

/** Connections whose frame numbers are kept: the one that is looked at, and those around it. */
const mostKept = 16;

/** What a view is made of. */
export interface Viewed extends Pick<CaseView, 'follow' | 'write'> {
  readonly title: string;
  readonly capture: IndexedCapture;
  readonly interfaces: readonly CaptureInterface[];
  readonly diagnosis: IndexedDiagnosis;
  /** The frames that connections are listed with; null for all of theirs. */
  readonly passing: FrameSet | null;
  readonly search: FilterSearch;
}

/** The connections that are listed, and a sentence about the others. */
function listed(diagnosis: IndexedDiagnosis): CaseView['diagnosis'] {
  const { head, length } = diagnosis;
  const connections = Array.from({ length: Math.min(length, mostListed) }, (_, index) => diagnosis.at(index));
  if (length <= mostListed) return { ...head, connections };
  const { missing } = head.evidence;
  const others = `${length - mostListed} of ${length} connections are not listed here, none of which comes before these; nettrace connections lists them.`;
  return { ...head, evidence: { ...head.evidence, missing: [...missing, others] }, connections };
}

/** The view. */
export function viewIndexed(viewed: Viewed): CaseView {
  const { title, capture, interfaces, diagnosis, passing, search, follow, write } = viewed;
  const frameCount = capture.index.packets.count;
  const startNs = frameCount === 0 ? 0n : capture.frame(0).timeNs;
  const shown = listed(diagnosis);
  const places = new Map(shown.connections.map((connection, place) => [connection, place]));
  const kept = new Map<ConnectionDiagnosis, readonly number[]>();
  return {
    title,
    diagnosis: shown,
    frameCount,
    firstFrame: 1,
    live: null,
    frame(number) {
      if (!Number.isInteger(number) || number < 1 || number > frameCount)
        throw new RangeError(`there is no frame ${number}`);
      return frameView(capture.frame(number - 1), interfaces, startNs);
    },
    framesOf(connection) {
      const known = kept.get(connection);
      if (known !== undefined) return known;
      const place = places.get(connection);
      const all = place === undefined ? [] : diagnosis.framesAt(place);
      const frames = passing === null ? all : all.filter((number) => passing.includes(number));
      if (kept.size >= mostKept) kept.clear();
      kept.set(connection, frames);
      return frames;
    },
    filter: (text) => search.answer(text),
    search: (text) => search.search(text),
    subscribe: (listener) => search.subscribe(listener),
    follow,
    write,
  };
}
