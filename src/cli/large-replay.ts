/** `replay` of a capture that is too large to be held as a whole: it is shown by its index. */

import type { FrameSet } from '../case/frame-set.ts';
import type { Filter } from '../filter/filter.ts';
import { IndexedDiagnosis } from '../replay/indexed-diagnosis.ts';
import { diagnosisJson } from '../report/json.ts';
import { textReport } from '../report/text.ts';
import { factsOf, nothingTold } from './connection-facts.ts';
import { asksForDiagnosis } from './filter.ts';
import type { OpenedIndex } from './opened-index.ts';
import { writeAll } from './output.ts';
import { passingRows } from './passing-rows.ts';
import { drive, type Watcher } from './progress.ts';
import { paintFor, type ShowOptions, sayNothingPasses } from './show.ts';

/** What of a capture is shown. */
interface Shown {
  readonly diagnosis: IndexedDiagnosis;
  /** The frames that the filter accepts; null without one. */
  readonly passing: FrameSet | null;
}

/** Diagnoses the connections that have a frame that the filter accepts; all without one. */
async function diagnoseChosen(
  { capture, around }: OpenedIndex,
  filter: Filter | null,
  watcher: Watcher,
): Promise<Shown> {
  if (filter === null || asksForDiagnosis(filter)) {
    const whole = await drive(IndexedDiagnosis.make(capture, around), watcher);
    const passing = filter && passingRows(capture, filter, factsOf(capture, whole.outcomes(), filter));
    return { diagnosis: passing === null ? whole : whole.withFrames(passing), passing };
  }
  const passing = passingRows(capture, filter, factsOf(capture, nothingTold, filter));
  const chosen = new Set(Array.from(passing, (number) => capture.idOf(number - 1)));
  const making = IndexedDiagnosis.make(capture, around, (id) => chosen.has(id));
  return { diagnosis: (await drive(making, watcher)).withFrames(passing), passing };
}

/** Shows it the way the terminal and the options ask for. */
export async function showIndexed(
  opened: OpenedIndex,
  options: ShowOptions,
  filter: Filter | null,
  watcher: Watcher,
): Promise<void> {
  const { diagnosis, passing } = await diagnoseChosen(opened, filter, watcher);
  if (options.json) {
    await writeAll(diagnosisJson(diagnosis.head, diagnosis.all()));
  } else if (passing !== null && diagnosis.length === 0) {
    sayNothingPasses();
  } else {
    await writeAll(textReport(diagnosis.head, diagnosis.told(), paintFor(options.color, process.stdout)));
  }
}
