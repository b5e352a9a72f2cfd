/** Shows a case the way the terminal and the options ask for: terminal UI, plain report, or JSON. */

import type { Case } from '../case/evidence.ts';
import { diagnose } from '../diagnose/diagnose.ts';
import type { Diagnosis } from '../diagnose/diagnosis.ts';
import type { Filter } from '../filter/filter.ts';
import { formatJson } from '../report/json.ts';
import { lessonsOf } from '../report/teach.ts';
import { formatText } from '../report/text.ts';
import type { ColourChoice } from '../ui/colour.ts';
import { paintFor } from './paint.ts';
import { connectionsWith, framesAmong, passingFrames } from './saved/case-filter.ts';
import { viewCase } from './saved/case-view.ts';
import { isTerminal } from './terminal.ts';

/** Says that a filter leaves nothing to be shown. */
export function sayNothingPasses(): void {
  process.stdout.write('No connection has a frame that the filter accepts.\n');
}

/** How a case is shown. */
export interface ShowOptions {
  readonly json?: true;
  /** What the words of the report mean is told as well. */
  readonly teach?: true;
  readonly color: ColourChoice;
}

/** Writes the plain report to a stream. */
export function writeReport(
  diagnosis: Diagnosis,
  stream: NodeJS.WriteStream,
  { teach, color }: Omit<ShowOptions, 'json'>,
): void {
  const lessons = teach ? lessonsOf(diagnosis.connections) : [];
  stream.write(formatText(diagnosis, paintFor(color, stream), lessons));
}

/** Writes the JSON document to standard output. */
export function writeJson(diagnosis: Diagnosis, { teach }: Pick<ShowOptions, 'teach'>): void {
  const document = teach ? { ...diagnosis, teach: lessonsOf(diagnosis.connections) } : diagnosis;
  process.stdout.write(formatJson(document));
}

/** Shows a case with what is told of it in the terminal UI, until the user quits; which has to be a terminal's. */
export async function browseCase(
  title: string,
  evidence: Case,
  diagnosis: Diagnosis,
  { color }: Pick<ShowOptions, 'color'>,
): Promise<void> {
  const { startUi } = await import('../ui/start.tsx');
  await startUi(viewCase(title, evidence, diagnosis), color);
}

/**
 * Shows a case that was read: the terminal UI on a terminal, else, and to teach, the plain report. All of it is
 * diagnosed; a filter chooses what of that is shown. Resolves to what was shown.
 */
export async function showCase(
  title: string,
  evidence: Case,
  options: ShowOptions,
  filter: Filter | null = null,
): Promise<Diagnosis> {
  const whole = diagnose(evidence);
  const passing = filter && passingFrames(evidence, whole, filter);
  const diagnosis = passing === null ? whole : connectionsWith(whole, passing);
  if (options.json) {
    writeJson(diagnosis, options);
  } else if (passing !== null && diagnosis.connections.length === 0) {
    sayNothingPasses();
  } else if (isTerminal() && !options.teach) {
    await browseCase(title, evidence, passing === null ? diagnosis : framesAmong(diagnosis, passing), options);
  } else {
    writeReport(diagnosis, process.stdout, options);
  }
  return diagnosis;
}
