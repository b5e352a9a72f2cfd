/** What the causes judge by: a case without its frames, which stand in its connections. */

import type { Case } from '../case/evidence.ts';

/** All evidence of a case but its frames. */
export interface Evidence extends Omit<Case, 'frames'> {
  readonly frameCount: number;
  /** When the latest frame was captured, nanoseconds since 1970; 0 without frames. */
  readonly lastNs: bigint;
}

/** The evidence of a case that is held as a whole. */
export function evidenceOf({ frames, ...around }: Case): Evidence {
  const lastNs = frames.reduce((last, { timeNs }) => (timeNs > last ? timeNs : last), 0n);
  return { ...around, frameCount: frames.length, lastNs };
}
