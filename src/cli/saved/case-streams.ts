/** The streams of a case that is held as a whole, for the terminal UI. */

import type { Case } from '../../case/evidence.ts';
import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import type { StreamAnswer } from '../../ui/case-view.ts';
import { indexOf } from './case-filter.ts';
import { Streams } from './streams.ts';

/** Follows connections of a case, which is indexed when the first one is wanted. */
export class CaseStreams {
  readonly #evidence: Case;
  readonly #diagnosis: Pick<Diagnosis, 'connections'>;
  #streams: Streams | null = null;

  constructor(evidence: Case, diagnosis: Pick<Diagnosis, 'connections'>) {
    this.#evidence = evidence;
    this.#diagnosis = diagnosis;
  }

  /** What the connection of a frame said. An ICMP error may be known as its frame to the diagnosis alone. */
  of(frame: number): StreamAnswer {
    this.#streams ??= this.#open();
    return this.#streams.of(frame, this.#diagnosis.connections.find(({ frames }) => frames.includes(frame))?.frames);
  }

  #open(): Streams {
    const { frames } = this.#evidence;
    const capture = indexOf(this.#evidence);
    return new Streams(capture, (row) => frames[row] ?? capture.frame(row));
  }
}
