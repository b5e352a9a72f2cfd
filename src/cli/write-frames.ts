/** Writes frames of a case for the terminal UI, as `nettrace frames --write` writes those of a file. */

import { encodeCase, selectFrames } from '../capfile/case-file.ts';
import type { Case } from '../case/evidence.ts';
import type { WriteAnswer, WriteRequest } from '../ui/case-view.ts';
import { errorText } from './errors.ts';
import { application, CannotSave, replaceParts, saveParts, whatIsAt } from './save.ts';

/** Writes the frames to a new file; to one that is there only when the request says so. */
export function writeFrames(evidence: Case, { frames, path, overwrite }: WriteRequest): WriteAnswer {
  const part = selectFrames(evidence, new Set(frames ?? evidence.frames.map(({ number }) => number)));
  try {
    const there = whatIsAt(path);
    if (there === 'file' && !overwrite) return { kind: 'exists' };
    (there === null ? saveParts : replaceParts)(path, encodeCase(part, application));
    return { kind: 'written', frames: part.frames.length };
  } catch (error) {
    if (error instanceof CannotSave) return { kind: 'failed', reason: error.reason };
    return { kind: 'failed', reason: `${errorText(error)}. Name another file.` };
  }
}
