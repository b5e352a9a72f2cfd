/**
 * What the terminal UI is given: a diagnosis and frames to look at. The UI renders it and decides nothing.
 */

import type { ConnectionDiagnosis, Diagnosis } from '../diagnose/diagnosis.ts';
import type { StreamLine } from '../report/stream.ts';
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

/** Numbers of frames in ascending order: an array is one, but of millions there are smaller ones. */
export type FrameNumbers = Pick<readonly number[], 'length' | 'at' | 'indexOf' | 'includes'> & Iterable<number>;

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

/** How a followed connection is shown: decoded, as a hex dump, or its bytes alone, as digits. */
export type StreamForm = 'text' | 'hex' | 'raw';

/** One end of a followed connection; raw text. */
interface StreamEnd {
  readonly address: string;
  readonly port: number;
}

/** What the ends of a connection said to each other, or why that cannot be told. */
export type StreamAnswer =
  | {
      readonly ok: true;
      readonly protocol: 'tcp' | 'udp' | 'icmp';
      readonly client: StreamEnd;
      readonly server: StreamEnd;
      /**
       * Its lines, a bounded number; the same form and width give the same array.
       *
       * @param width Cells that a line of `hex` or `raw` may take; lines of `text` are as long as they were sent.
       */
      readonly lines: (form: StreamForm, width: number) => readonly StreamLine[];
    }
  | {
      readonly ok: false;
      /** One sentence; raw text. */
      readonly message: string;
    };

/** Frames that are to be a capture of their own. */
export interface WriteRequest {
  /** Their numbers; null: all. */
  readonly frames: FrameNumbers | null;
  /** As it was typed, from the working directory on. */
  readonly path: string;
  /** A file that is there already is replaced. */
  readonly overwrite: boolean;
}

/** What became of it. */
export type WriteAnswer =
  | { readonly kind: 'written'; readonly frames: number }
  /** A file of that name is there, and nothing was written. */
  | { readonly kind: 'exists' }
  | {
      readonly kind: 'failed';
      /** Why, and what to do, without the file's name; raw text. */
      readonly reason: string;
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
  /** What a filter accepts: the same text gives the same object until more is known. */
  filter(text: string): FilterAnswer;
  /** Goes on asking frames by this filter and by no other one; null leaves it. Absent where all are asked at once. */
  search?(text: string | null): void;
  /** Calls back when an answer has grown; returns what ends that. Absent where none ever grows. */
  subscribe?(listener: () => void): () => void;
  /** Follows the connection that a frame belongs to; the same frame gives the same object. */
  follow(frame: number): StreamAnswer;
  /** Writes frames to a pcapng, as `nettrace frames --write` does. Never rejects for what a person can mend. */
  write(request: WriteRequest): Promise<WriteAnswer>;
  /** Null for a case that is complete. */
  readonly live: LiveStatus | null;
}
