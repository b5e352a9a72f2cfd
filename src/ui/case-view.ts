/**
 * What the terminal UI is given: a diagnosis and frames to look at. The UI renders it and decides nothing.
 */

import type { ConnectionDiagnosis, Diagnosis } from '../diagnose/diagnosis.ts';
import type { Dissection } from '../wire/layer.ts';

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

/** Numbers of frames in ascending order: an array is one, but of millions there are smaller ones. */
export type FrameNumbers = Pick<readonly number[], 'length' | 'at' | 'indexOf' | 'includes'>;

/** What a filter's text means: the frames that it accepts, or where it is wrong. */
export type FilterAnswer =
  | {
      readonly ok: true;
      /** Numbers of the frames that pass: of those that were asked by now. */
      readonly frames: FrameNumbers;
      /** The part of all frames that was asked, from 0 to below 1; absent when all were. */
      readonly asked?: number;
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
  readonly frameCount: number;
  /** Frames by number, from 1 to `frameCount`. */
  frame(number: number): FrameView;
  /** Numbers of a connection's frames, in their order; the same array until there are others. */
  framesOf(connection: ConnectionDiagnosis): readonly number[];
  /** What a filter accepts: the same text gives the same object until more is known. */
  filter(text: string): FilterAnswer;
  /** Goes on asking frames by this filter and by no other one; null leaves it. Absent where all are asked at once. */
  search?(text: string | null): void;
  /** Calls back when an answer has grown; returns what ends that. Absent where none ever grows. */
  subscribe?(listener: () => void): () => void;
}
