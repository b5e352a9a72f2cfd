/** A case and its diagnosis as the terminal UI takes them: frames are decoded when they are asked for. */

import type { Case } from '../../case/evidence.ts';
import { FrameSet } from '../../case/frame-set.ts';
import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import { compileFilter } from '../../filter/filter.ts';
import { frameView } from '../../replay/frame-view.ts';
import type { CaseView, FilterAnswer } from '../../ui/case-view.ts';
import { passingFrames } from './case-filter.ts';
import { CaseStreams } from './case-streams.ts';
import { writeFrames } from './write-frames.ts';

/** Filters whose answers are kept; each may be as long as the case. */
const mostAnswers = 16;

/** The view of a case. */
export function viewCase(title: string, evidence: Case, diagnosis: Diagnosis): CaseView {
  const answers = new Map<string, FilterAnswer>();
  const answer = (text: string): FilterAnswer => {
    const compiled = compileFilter(text);
    if (!compiled.ok) return { ok: false, ...compiled.error };
    return {
      ok: true,
      frames: FrameSet.of(evidence.frames.length, passingFrames(evidence, diagnosis, compiled.value)),
    };
  };
  const streams = new CaseStreams(evidence, diagnosis);
  const firstNs = evidence.frames[0]?.timeNs ?? 0n;
  return {
    title,
    diagnosis,
    frameCount: evidence.frames.length,
    firstFrame: 1,
    live: null,
    framesOf: ({ frames }) => frames,
    filter(text) {
      const known = answers.get(text) ?? answer(text);
      // The one in force and the one that is being typed are asked for again and again.
      if (answers.size >= mostAnswers) answers.clear();
      answers.set(text, known);
      return known;
    },
    follow: (frame) => streams.of(frame),
    write: (request) => Promise.resolve(writeFrames(evidence, request)),
    frame(number) {
      const frame = evidence.frames[number - 1];
      if (frame === undefined) throw new RangeError(`there is no frame ${number}`);
      return frameView(frame, evidence.interfaces, firstNs);
    },
  };
}
