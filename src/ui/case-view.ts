/**
 * What the terminal UI is given: a diagnosis and frames to look at. The UI renders it and decides nothing.
 */

import type { ConnectionDiagnosis, Diagnosis } from '../diagnose/diagnosis.ts';
import type { Dissection } from '../wire/layer.ts';
import type { LiveStatus } from './live-status.ts';

/** One frame, decoded when it is asked for. */
export interface FrameView {
  readonly number: number;
  /** Seconds since the case's first frame, six decimals. */
  readonly relativeTime: string;
  /** `NETNS:DEVICE`, or the device alone in a foreign capture; raw text. */
  readonly interfaceName: string;
  readonly originalLength: number;
  readonly bytes: Uint8Array;
  /** One line: what it says. */
  readonly info: string;
  readonly dissection: Dissection;
}

/** What a filter's text means: the frames that it accepts, or where it is wrong. */
export type FilterAnswer =
  | {
      readonly ok: true;
      /** Numbers of the frames that pass, in their order. */
      readonly frames: readonly number[];
    }
  | {
      readonly ok: false;
      /** The wrong part, in UTF-16 units of the text. */
      readonly start: number;
      readonly end: number;
      /** One sentence; raw text. */
      readonly message: string;
    };

/** A case as the UI sees it. */
export interface CaseView {
  /** File name, or what is being traced. */
  readonly title: string;
  readonly diagnosis: Diagnosis;
  /** The number of the last frame. */
  readonly frameCount: number;
  /** The number of the first frame: 1, except where earlier ones had to go. */
  readonly firstFrame: number;
  /** Frames by number, from `firstFrame` to `frameCount`. */
  frame(number: number): FrameView;
  /** Numbers of a connection's frames, in their order; the same array until there are others. */
  framesOf(connection: ConnectionDiagnosis): readonly number[];
  /** Asks all frames, once a text: the same text gives the same object. */
  filter(text: string): FilterAnswer;
  /** Null for a case that is complete. */
  readonly live: LiveStatus | null;
}
