/** `replay` of a capture that is too large to be held as a whole: it is shown by its index. */

import type { Case } from '../../case/evidence.ts';
import type { FrameSet } from '../../case/frame-set.ts';
import type { FrameTest } from '../../filter/bind.ts';
import type { Filter } from '../../filter/filter.ts';
import { FilterSearch } from '../../replay/filter-search.ts';
import { IndexedDiagnosis } from '../../replay/indexed-diagnosis.ts';
import { viewIndexed } from '../../replay/indexed-view.ts';
import { diagnosisJson } from '../../report/json.ts';
import { lessonsOf } from '../../report/teach.ts';
import { textReport } from '../../report/text.ts';
import { asksForDiagnosis } from '../filter.ts';
import { writeAll } from '../output.ts';
import { paintFor } from '../paint.ts';
import { drive, type Watcher } from '../progress.ts';
import { type ShowOptions, sayNothingPasses } from '../show.ts';
import { factsOf, nothingTold, type Told } from './connection-facts.ts';
import type { OpenedIndex } from './opened-index.ts';
import type { Opening } from './opening.ts';
import { passingRows, rowTest } from './passing-rows.ts';
import { Streams } from './streams.ts';
import { writeFramesAgain } from './write-frames.ts';

/** What of a capture is shown. */
interface Shown {
  readonly diagnosis: IndexedDiagnosis;
  /** The frames that the filter accepts; null without one. */
  readonly passing: FrameSet | null;
  readonly interfaces: Case['interfaces'];
}

function testOf({ capture }: OpenedIndex, filter: Filter, told: Told): FrameTest<number> {
  return rowTest(capture, filter, factsOf(capture, told, filter));
}

/**
 * Diagnoses the connections that have a frame that the filter accepts; all without one.
 *
 * @param around Everything of the case but its frames.
 */
export async function diagnoseChosen(
  opened: OpenedIndex,
  around: Omit<Case, 'frames'>,
  filter: Filter | null,
  watcher: Watcher,
): Promise<Shown> {
  const { capture } = opened;
  const { interfaces } = around;
  if (filter === null) {
    const diagnosis = await drive('diagnosing', IndexedDiagnosis.make(capture, around), watcher);
    return { diagnosis, passing: null, interfaces };
  }
  const find = async (told: Told): Promise<FrameSet> =>
    await drive('filtering', passingRows(capture, testOf(opened, filter, told)), watcher);
  if (asksForDiagnosis(filter)) {
    const whole = await drive('diagnosing', IndexedDiagnosis.make(capture, around), watcher);
    const passing = await find(whole.outcomes());
    return { diagnosis: whole.withFrames(passing), passing, interfaces };
  }
  const passing = await find(nothingTold);
  const chosen = new Uint8Array(capture.index.connections.rows.count);
  for (const number of passing) chosen[capture.clientIdOf(number - 1)] = 1;
  const making = IndexedDiagnosis.make(capture, around, (id) => chosen[id] === 1);
  const diagnosis = await drive('diagnosing', making, watcher);
  return { diagnosis: diagnosis.withFrames(passing), passing, interfaces };
}

/** Writes the report, or the document, connection by connection. */
export async function writeIndexed({ diagnosis, passing }: Shown, { json, color, teach }: ShowOptions): Promise<void> {
  const { head } = diagnosis;
  if (json) await writeAll(diagnosisJson(head, diagnosis.all(), teach ? lessonsOf(diagnosis.told()) : null));
  else if (passing !== null && diagnosis.length === 0) sayNothingPasses();
  else {
    const lessons = teach ? lessonsOf(diagnosis.told()) : [];
    await writeAll(textReport(head, diagnosis.told(), paintFor(color, process.stdout), lessons));
  }
}

/** Shows it in the terminal UI, until the user quits. */
export async function browseIndexed(title: string, opened: OpenedIndex, shown: Shown, opening: Opening): Promise<void> {
  const { capture } = opened;
  const { diagnosis, passing, interfaces } = shown;
  let told: Told | null = null;
  const test = (filter: Filter): FrameTest<number> => {
    told ??= diagnosis.outcomes();
    return testOf(opened, filter, told);
  };
  const search = new FilterSearch(capture.index.packets.count, test, {
    later: (work) => void setImmediate(work),
    nowMs: () => performance.now(),
  });
  const streams = new Streams(capture);
  await opening.show(
    viewIndexed({
      title,
      capture,
      interfaces,
      diagnosis,
      passing,
      search,
      follow: (frame) => streams.of(frame),
      write: (request) => writeFramesAgain(opened, request),
    }),
  );
}
