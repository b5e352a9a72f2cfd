/**
 * A live capture as the terminal UI takes it: what is cheap is made now, frames are read when they are asked for. A view
 * stays what it is while the capture goes on: frames that came after it are not in its answers.
 */

import type { CaptureInterface } from '../../case/evidence.ts';
import type { ConnectionDiagnosis, Diagnosis } from '../../diagnose/diagnosis.ts';
import { none } from '../../flow/connection-row.ts';
import type { FrameStore } from '../../live/frame-store.ts';
import type { FramesOfConnection } from '../../live/frames-of-connection.ts';
import { liveFrame } from '../../live/live-evidence.ts';
import { numbersUntil } from '../../live/numbers-until.ts';
import { frameView } from '../../replay/frame-view.ts';
import type { CaseView, FrameView } from '../../ui/case-view.ts';
import type { LiveStatus } from '../../ui/live-status.ts';
import { dissect } from '../../wire/dissect.ts';
import type { LiveFilters } from './filter.ts';
import type { LiveStreams } from './streams.ts';
import { writeLiveFrames } from './write.ts';

const nsPerSecond = 1_000_000_000n;
const ethernet = 1;

/** What a view is made of. */
export interface LiveParts {
  readonly store: FrameStore;
  readonly interfaces: readonly CaptureInterface[];
  readonly diagnosis: Diagnosis;
  readonly status: LiveStatus;
  readonly filters: LiveFilters;
  readonly streams: LiveStreams;
  readonly framesOf: FramesOfConnection;
  /** The number of a connection that the diagnosis lists; null when it has none any more. */
  readonly idOf: (connection: ConnectionDiagnosis) => number | null;
  /** All that was seen of a connection, before NAT and after, by the number of any of it. */
  readonly sightsOf: (id: number) => readonly number[];
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

/** The view as things stand; times are those since the second of the first frame. */
export function liveView({
  store,
  interfaces,
  diagnosis,
  status,
  filters,
  streams,
  framesOf,
  idOf,
  sightsOf,
}: LiveParts): CaseView {
  const { first, last } = store;
  const sinceNs = BigInt(store.baseSecond) * nsPerSecond;
  const listed = new Map<ConnectionDiagnosis, readonly number[]>();
  return {
    title: 'live',
    diagnosis,
    frameCount: last,
    firstFrame: first,
    live: status,
    filter: (text) => filters.ask(text, last),
    framesOf(connection) {
      const known = listed.get(connection);
      if (known !== undefined) return known;
      const id = idOf(connection);
      const numbers = id === null ? [] : numbersUntil(framesOf.of(sightsOf(id)), last);
      listed.set(connection, numbers);
      return numbers;
    },
    follow(frame) {
      const id = store.connectionOf(frame);
      return streams.of(frame, id === none ? [] : numbersUntil(framesOf.of(sightsOf(id)), last));
    },
    write: (request) => writeLiveFrames(store, interfaces, request, last),
    frame(number) {
      const frame = liveFrame(store, number);
      return frame === null ? goneFrame(number) : frameView(frame, interfaces, sinceNs);
    },
  };
}
