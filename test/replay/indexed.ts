/** Diagnoses captures by their index, as `replay` does with large ones. */

import { CaseAround } from '../../src/capfile/case-around.ts';
import type { Case } from '../../src/case/evidence.ts';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { CaptureIndex } from '../../src/index/capture-index.ts';
import { IndexedCapture } from '../../src/index/indexed-capture.ts';
import { IndexedDiagnosis } from '../../src/replay/indexed-diagnosis.ts';
import type { Bounds } from '../../src/replay/plan.ts';

/** A file that was read to its end. */
export function indexedCapture(file: Uint8Array, around: CaseAround): IndexedCapture {
  const index = new CaptureIndex(7, around);
  index.push(file);
  index.end();
  return new IndexedCapture(index, (offset, length, into) => {
    const bytes = file.subarray(offset, offset + length);
    if (into === undefined) return bytes.slice();
    into.set(bytes);
    return into.subarray(0, bytes.length);
  });
}

/** Diagnoses a capture by its index. */
export function diagnosedCapture(
  capture: IndexedCapture,
  around: Omit<Case, 'frames'>,
  bounds?: Bounds,
): IndexedDiagnosis {
  const making = IndexedDiagnosis.make(capture, around, null, bounds);
  for (;;) {
    const step = making.next();
    if (step.done === true) return step.value;
  }
}

/** Reads a file's index, and diagnoses by it. */
export function indexedDiagnosis(file: Uint8Array, bounds?: Bounds): IndexedDiagnosis {
  const around = new CaseAround();
  const capture = indexedCapture(file, around);
  return diagnosedCapture(capture, around.end(), bounds);
}

/** The whole document. */
export function indexedDocument(file: Uint8Array, bounds?: Bounds): Diagnosis {
  const diagnosis = indexedDiagnosis(file, bounds);
  return { ...diagnosis.head, connections: [...diagnosis.all()] };
}
