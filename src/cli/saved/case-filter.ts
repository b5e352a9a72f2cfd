/** `replay --filter`: which connections of a case are reported, and which of their frames the terminal UI lists. */

import { encodeCase } from '../../capfile/case-file.ts';
import type { Case } from '../../case/evidence.ts';
import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import type { Filter } from '../../filter/filter.ts';
import { frameFields } from '../../filter/frame-fields.ts';
import { CaptureIndex } from '../../index/capture-index.ts';
import { IndexedCapture } from '../../index/indexed-capture.ts';
import { asksForConnections } from '../filter.ts';
import { factsOf, tellFrames } from './connection-facts.ts';

/** Indexes that were made: a case stays what it is. */
const indexedBefore = new WeakMap<Case, IndexedCapture>();

/**
 * The frames of a case as the capture that they are: its connections have the numbers of `nettrace connections`. The
 * frames' bytes are the case's alone.
 */
export function indexOf(evidence: Case): IndexedCapture {
  const known = indexedBefore.get(evidence) ?? indexCase(evidence);
  indexedBefore.set(evidence, known);
  return known;
}

function indexCase(evidence: Case): IndexedCapture {
  const index = new CaptureIndex();
  const capture = { ...evidence, session: null, snapshot: null, kernelLines: [] };
  for (const block of encodeCase(capture)) index.push(block);
  index.end();
  return new IndexedCapture(index, () => new Uint8Array(0));
}

/** The numbers of the frames that a filter accepts. */
export function passingFrames(evidence: Case, diagnosis: Diagnosis, filter: Filter): ReadonlySet<number> {
  const known = asksForConnections(filter)
    ? factsOf(indexOf(evidence), tellFrames(diagnosis), filter)
    : (): null => null;
  const test = filter.bind(
    frameFields({
      interfaces: evidence.interfaces,
      startNs: evidence.frames[0]?.timeNs ?? 0n,
      connectionOf: ({ number }) => known(number),
    }),
  );
  return new Set(evidence.frames.filter(test).map(({ number }) => number));
}

/** The diagnosis of those connections alone that have a frame among these. What is said of each stays whole. */
export function connectionsWith(diagnosis: Diagnosis, passing: ReadonlySet<number>): Diagnosis {
  const { connections } = diagnosis;
  return { ...diagnosis, connections: connections.filter(({ frames }) => frames.some((one) => passing.has(one))) };
}

/** The same with these frames alone in the connections' lists: what the terminal UI lists first. */
export function framesAmong(diagnosis: Diagnosis, passing: ReadonlySet<number>): Diagnosis {
  const connections = diagnosis.connections.map((connection) => ({
    ...connection,
    frames: connection.frames.filter((one) => passing.has(one)),
  }));
  return { ...diagnosis, connections };
}
