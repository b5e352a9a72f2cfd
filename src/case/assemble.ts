/** Puts gathered evidence together as a case. Pure: what it is given decides what it gives. */

import type { Snapshot } from '../host/snapshot.ts';
import type { CaptureInterface, Case, Frame, KernelLine, RuleTrace, Session } from './evidence.ts';

/** A frame before it has a number. */
export type UnnumberedFrame = Omit<Frame, 'number'>;

/** Numbers the frames in the order given. */
export function assembleCase(
  session: Session,
  interfaces: readonly CaptureInterface[],
  frames: readonly UnnumberedFrame[],
  snapshot: Snapshot,
  kernelLines: readonly KernelLine[],
  ruleTraces: readonly RuleTrace[],
): Case {
  const numbered = frames.map((frame, index): Frame => ({ ...frame, number: index + 1 }));
  return {
    session,
    interfaces,
    frames: numbered,
    snapshot,
    kernelLines,
    ...(ruleTraces.length > 0 && { ruleTraces }),
  };
}
