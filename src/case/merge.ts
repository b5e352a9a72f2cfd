/** Several captures as one case: their frames merged by time, their interfaces side by side. */

import type { Case, Frame, Session } from './evidence.ts';
import type { CaptureNotes } from './notes.ts';

/** A case, and what people call the file that it comes from. */
export interface NamedCase {
  readonly name: string;
  readonly evidence: Case;
}

/** True when it holds more than frames: how they were gathered, the host's state, the kernel's traces. */
function hasOtherEvidence({ session, snapshot, kernelLines, ruleTraces }: Case): boolean {
  return session !== null || snapshot !== null || kernelLines.length > 0 || ruleTraces !== undefined;
}

/** The session of a case whose interfaces stand at `start` among `count`. */
function placeSession(session: Session, start: number, count: number): Session {
  const framesDropped: (number | null)[] = Array<null>(count).fill(null);
  for (const [index, dropped] of session.framesDropped.entries()) framesDropped[start + index] = dropped;
  return { ...session, framesDropped };
}

function joinNotes(cases: readonly Case[]): CaptureNotes | null {
  const all = cases.flatMap(({ notes }) => notes ?? []);
  if (all.length === 0) return null;
  return {
    sections: all.flatMap(({ sections }) => sections),
    addressNames: all.flatMap(({ addressNames }) => addressNames),
  };
}

/**
 * Merges by time: of the next frame of each file, the earliest comes first; of those of one time, the first file's. The
 * frames of one file keep their order, even where it is not that of time. They are numbered in the merged order.
 */
function mergeFrames(cases: readonly Case[], starts: readonly number[]): Frame[] {
  const merged: Frame[] = [];
  const next = cases.map(() => 0);
  for (;;) {
    let earliest: { file: number; frame: Frame } | null = null;
    for (const [file, { frames }] of cases.entries()) {
      const frame = frames[next[file] ?? 0];
      if (frame !== undefined && (earliest === null || frame.timeNs < earliest.frame.timeNs)) {
        earliest = { file, frame };
      }
    }
    if (earliest === null) return merged;
    const { file, frame } = earliest;
    next[file] = (next[file] ?? 0) + 1;
    const interfaceIndex = (starts[file] ?? 0) + frame.interfaceIndex;
    merged.push({ ...frame, number: merged.length + 1, interfaceIndex });
  }
}

/**
 * One case from one or more; a single one is given back as it is. Interfaces stay apart, even those of one name. Session,
 * snapshot and the kernel's traces are the first file's that has any: those of two runs speak of two states of a host.
 */
export function mergeCases(files: readonly NamedCase[]): { evidence: Case; problems: readonly string[] } {
  const [first, ...others] = files;
  if (first === undefined) throw new RangeError('there is nothing to merge');
  if (others.length === 0) return { evidence: first.evidence, problems: [] };
  const cases = files.map(({ evidence }) => evidence);
  const starts: number[] = [];
  let count = 0;
  for (const { interfaces } of cases) {
    starts.push(count);
    count += interfaces.length;
  }

  const [chosen, ...left] = files.filter(({ evidence }) => hasOtherEvidence(evidence));
  const { session = null, snapshot = null, kernelLines = [], ruleTraces } = chosen?.evidence ?? {};
  const start = starts[files.findIndex((file) => file === chosen)] ?? 0;
  const problems = left.map(
    ({ name }) =>
      `The host state and kernel events of ${chosen?.name} are used and those of ${name} are left out: each belongs to its own run.`,
  );
  const notes = joinNotes(cases);
  const evidence: Case = {
    session: session && placeSession(session, start, count),
    interfaces: cases.flatMap(({ interfaces }) => interfaces),
    frames: mergeFrames(cases, starts),
    snapshot,
    kernelLines,
    ...(ruleTraces && { ruleTraces }),
    ...(notes && { notes }),
  };
  return { evidence, problems };
}
