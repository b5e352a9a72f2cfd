/** Captured frames within a bound: the oldest go first, and how many went is known. */

/** A frame as a capture point saw it, before frames of all points are put in order. */
export interface CapturedFrame {
  /** Index into the list of capture points. */
  readonly pointIndex: number;
  readonly timeNs: bigint;
  readonly originalLength: number;
  readonly bytes: Uint8Array;
}

/**
 * What a frame costs in memory beside its bytes: objects and a backing store of its own, some 550 bytes measured on Node
 * 24. Without it a flood of small frames would take ten times the bound.
 */
export const frameOverheadBytes = 512;

function cost(frame: CapturedFrame): number {
  return frame.bytes.length + frameOverheadBytes;
}

/** Frames of all capture points, at most `boundBytes` of memory. */
export class FrameBuffer {
  readonly #boundBytes: number;
  #frames: (CapturedFrame | null)[] = [];
  #first = 0;
  #bytes = 0;
  /** Frames that ever came. */
  added = 0;
  /** Frames that had to go. */
  discarded = 0;

  constructor(boundBytes: number) {
    this.#boundBytes = boundBytes;
  }

  /** Keeps a frame, and lets the oldest go while the bound is passed. */
  add(frame: CapturedFrame): void {
    this.#frames.push(frame);
    this.added += 1;
    this.#bytes += cost(frame);
    while (this.#bytes > this.#boundBytes) {
      const oldest = this.#frames[this.#first];
      if (oldest !== undefined && oldest !== null) this.#bytes -= cost(oldest);
      this.#frames[this.#first] = null;
      this.#first += 1;
      this.discarded += 1;
    }
    // Closing the gap in bulk keeps adding at a constant cost.
    if (this.#first > this.#frames.length / 2 && this.#first > 1024) {
      this.#frames = this.#frames.slice(this.#first);
      this.#first = 0;
    }
  }

  /** The frames in the order of time; those of one moment stay in the order in which they came. */
  inOrder(): CapturedFrame[] {
    const kept = this.#frames.slice(this.#first).filter((frame) => frame !== null);
    return kept.sort((a, b) => (a.timeNs < b.timeNs ? -1 : a.timeNs > b.timeNs ? 1 : 0));
  }
}
