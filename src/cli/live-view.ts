/** A live capture as the terminal UI takes it: what is cheap is made now, frames are read when they are asked for. */

import type { CaptureInterface, Case } from '../case/evidence.ts';
import { interfaceName } from '../case/interface-name.ts';
import type { ConnectionDiagnosis, Diagnosis } from '../diagnose/diagnosis.ts';
import type { FrameStore } from '../live/frame-store.ts';
import { formatSpan } from '../report/frame-lines.ts';
import type { CaseView, FilterAnswer, FrameView, StreamAnswer, WriteAnswer, WriteRequest } from '../ui/case-view.ts';
import type { LiveStatus } from '../ui/live-status.ts';
import { dissect } from '../wire/dissect.ts';
import { summarize } from '../wire/summary.ts';
import { CaseStreams } from './case-streams.ts';
import { writeFrames } from './write-frames.ts';

const nsPerSecond = 1_000_000_000n;
const ethernet = 1;

/** What a view is made of. */
export interface LiveParts {
  readonly store: FrameStore;
  readonly interfaces: readonly CaptureInterface[];
  readonly diagnosis: Diagnosis;
  readonly status: LiveStatus;
  readonly filter: (text: string) => FilterAnswer;
  readonly framesOf: (connection: ConnectionDiagnosis) => readonly number[];
}

/** A frame that had to go while it was on the screen. */
function goneFrame(number: number): FrameView {
  const bytes = new Uint8Array(0);
  return {
    number,
    relativeTime: '',
    interfaceName: '',
    originalLength: 0,
    bytes,
    info: 'gone from memory: later frames needed the room',
    dissection: dissect(bytes, ethernet, 0),
  };
}

/** Some of its frames, numbered from 1 on, as a case: what is said of cases serves for them too. */
function caseOf({ store, interfaces }: LiveParts, numbers: readonly number[]): Case {
  const frames = numbers.flatMap((number, index) => {
    const stored = store.frame(number);
    if (stored === null) return [];
    const { timeNs, point: interfaceIndex, originalLength, bytes } = stored;
    return { number: index + 1, timeNs, interfaceIndex, originalLength, bytes };
  });
  return { session: null, interfaces, frames, snapshot: null, kernelLines: [] };
}

/** What the connection of a frame has said until now. */
function follow(parts: LiveParts, frame: number): StreamAnswer {
  const own = parts.diagnosis.connections.map(parts.framesOf).find((numbers) => numbers.includes(frame));
  if (own === undefined) {
    return { ok: false, message: `Frame ${frame} belongs to no connection that is known: there is nothing to follow.` };
  }
  const kept = own.filter((number) => parts.store.frame(number) !== null);
  const evidence = caseOf(parts, kept);
  return new CaseStreams(evidence, parts.diagnosis).of(kept.indexOf(frame) + 1);
}

/** Writes frames as they are now; those that have gone from memory are missing. */
function write(parts: LiveParts, request: WriteRequest): WriteAnswer {
  const { first, last } = parts.store;
  const all = (): number[] => Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
  return writeFrames(caseOf(parts, request.frames === null ? all() : [...request.frames]), {
    ...request,
    frames: null,
  });
}

/** The view as things stand; times are those since the second of the first frame. */
export function liveView(parts: LiveParts): CaseView {
  const { store, interfaces, diagnosis, status, filter, framesOf } = parts;
  let followed: { readonly frame: number; readonly answer: StreamAnswer } | null = null;
  return {
    title: 'live',
    diagnosis,
    frameCount: store.last,
    firstFrame: store.first,
    live: status,
    filter,
    framesOf,
    follow(frame) {
      if (followed?.frame !== frame) followed = { frame, answer: follow(parts, frame) };
      return followed.answer;
    },
    write: (request) => Promise.resolve(write(parts, request)),
    frame(number) {
      const stored = store.frame(number);
      if (stored === null) return goneFrame(number);
      const point = interfaces[stored.point];
      const dissection = dissect(stored.bytes, point?.linkType ?? ethernet, stored.originalLength);
      return {
        number,
        relativeTime: formatSpan(stored.timeNs - BigInt(store.baseSecond) * nsPerSecond),
        interfaceName: point === undefined ? '' : interfaceName(point),
        originalLength: stored.originalLength,
        bytes: stored.bytes,
        info: summarize(dissection),
        dissection,
      };
    },
  };
}
