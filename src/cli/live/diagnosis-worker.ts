/** The diagnosing thread: gets cases, gives diagnoses, so that the screen and the capture never wait for one. */

import { constants, getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { Case } from '../../case/evidence.ts';
import { diagnose } from '../../diagnose/diagnose.ts';
import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import type { Snapshot } from '../../host/snapshot.ts';
import { errorText } from '../errors.ts';

/** What is asked of the thread. */
export interface DiagnosisRequest {
  readonly evidence: Omit<Case, 'snapshot'>;
  /** Undefined: that of the request before. */
  readonly snapshot: Snapshot | null | undefined;
}

/** What it answers, one a request, in their order. */
export type DiagnosisAnswer = { readonly diagnosis: Diagnosis } | { readonly failure: string };

let snapshot: Snapshot | null = null;

function answer(request: DiagnosisRequest): DiagnosisAnswer {
  if (request.snapshot !== undefined) snapshot = request.snapshot;
  try {
    return { diagnosis: diagnose({ ...request.evidence, snapshot }) };
  } catch (error) {
    return { failure: errorText(error) };
  }
}

// Of this thread alone, on Linux: on a busy host capturing comes first (docs/performance.md). A user's nice(1) stays.
setPriority(0, Math.max(getPriority(0), constants.priority.PRIORITY_BELOW_NORMAL));

parentPort?.on('message', (request: DiagnosisRequest) => parentPort?.postMessage(answer(request), []));
