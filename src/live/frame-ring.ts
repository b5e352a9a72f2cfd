/**
 * The frames of a live capture in a bounded memory: the oldest go first. Bytes lie in segments of fixed size that are
 * used again, each with the rows of its frames at its far end, so that a frame costs its bytes and 32 more, and nothing
 * that the garbage collector knows of.
 */

import type { FrameRecord } from '../capfile/capture-parser.ts';

/** Large enough that a frame always fits (the longest snapshot is 256 KiB), small enough that little goes at once. */
const segmentBytes = 1024 * 1024;
/** Fewer would let go of frames before they are in order; more have no slots: 64 GB. */
const segmentCounts = { fewest: 8, most: 65_535 };

/** 32-bit words of a frame's row. */
const rowWord = {
  /** Where in the segment its bytes start. */
  start: 0,
  capturedLength: 1,
  originalLength: 2,
  /** Its capture point. */
  point: 3,
  seconds: 4,
  nanoseconds: 5,
  /** Number of its connection, or `none`. */
  connection: 6,
  /** How many frames before this one the connection's last one stands; 0 when there is none. */
  distance: 7,
} as const;
const rowWords = 8;
export const rowBytes = rowWords * Int32Array.BYTES_PER_ELEMENT;
const rowBits = 15;
const rowMask = (1 << rowBits) - 1;
const segmentWords = segmentBytes / Int32Array.BYTES_PER_ELEMENT;

class Segment {
  readonly bytes = new Uint8Array(segmentBytes);
  readonly view = new DataView(this.bytes.buffer);
  readonly words = new Int32Array(this.bytes.buffer);
  used = 0;
  rows = 0;

  hasRoom(length: number): boolean {
    return this.used + length + (this.rows + 1) * rowBytes <= segmentBytes;
  }
}

/** The number of the segment that holds a slot. */
export function segmentOf(slot: number): number {
  return slot >> rowBits;
}

/** Frames by slots. A slot is a number below 2^31 that a later frame will have when its own is gone. */
export class FrameRing {
  readonly #segments: Segment[] = [];
  readonly #mostSegments: number;
  #current = -1;

  /** @param boundBytes Of memory, in whole segments, eight at least. */
  constructor(boundBytes: number) {
    this.#mostSegments = Math.min(
      segmentCounts.most,
      Math.max(segmentCounts.fewest, Math.floor(boundBytes / segmentBytes)),
    );
  }

  /** Bytes of memory that are taken by now. */
  get bytes(): number {
    return this.#segments.length * segmentBytes;
  }

  /**
   * Takes so many bytes more of its memory ahead of the frames, so that none of them waits while the kernel clears pages;
   * no more than there are to be.
   */
  prepare(bytes: number): void {
    const until = Math.min(this.#mostSegments, this.#segments.length + Math.ceil(bytes / segmentBytes));
    while (this.#segments.length < until) {
      const segment = new Segment();
      segment.bytes.fill(0);
      this.#segments.push(segment);
    }
  }

  /**
   * Copies a frame, and gives its slot.
   *
   * @param letGo Is called before a segment is used again, with its number: see `segmentOf`.
   */
  add(record: FrameRecord, point: number, letGo: (segment: number) => void): number {
    const { window, start, originalLength, seconds, nanoseconds } = record;
    // More than a segment is more than any frame: what would not fit is cut, as a capture's own limit would.
    const capturedLength = Math.min(record.capturedLength, segmentBytes - rowBytes);
    let segment = this.#segments[this.#current];
    if (segment === undefined || !segment.hasRoom(capturedLength)) segment = this.#next(letGo);
    segment.bytes.set(window.bytes.subarray(start, start + capturedLength), segment.used);
    const row = segment.rows;
    const at = segmentWords - (row + 1) * rowWords;
    const { words } = segment;
    words[at + rowWord.start] = segment.used;
    words[at + rowWord.capturedLength] = capturedLength;
    words[at + rowWord.originalLength] = originalLength;
    words[at + rowWord.point] = point;
    words[at + rowWord.seconds] = seconds;
    words[at + rowWord.nanoseconds] = nanoseconds;
    words[at + rowWord.connection] = -1;
    words[at + rowWord.distance] = 0;
    segment.used += capturedLength;
    segment.rows = row + 1;
    return (this.#current << rowBits) | row;
  }

  #next(letGo: (segment: number) => void): Segment {
    this.#current += 1;
    if (this.#current === this.#mostSegments) this.#current = 0;
    const known = this.#segments[this.#current];
    if (known === undefined) {
      const segment = new Segment();
      this.#segments.push(segment);
      return segment;
    }
    letGo(this.#current);
    known.used = 0;
    known.rows = 0;
    return known;
  }

  /** The bytes of the segment that holds a slot's frame, borrowed until the frame goes. */
  view(slot: number): DataView {
    return this.#segment(slot).view;
  }

  /** The captured bytes of a slot's frame, copied. */
  bytesOf(slot: number): Uint8Array {
    const start = this.start(slot);
    return this.#segment(slot).bytes.slice(start, start + this.capturedLength(slot));
  }

  /** Where in its segment's bytes a frame starts. */
  start(slot: number): number {
    return this.#word(slot, rowWord.start);
  }

  capturedLength(slot: number): number {
    return this.#word(slot, rowWord.capturedLength);
  }

  /** Bytes on the wire. */
  originalLength(slot: number): number {
    return this.#word(slot, rowWord.originalLength) >>> 0;
  }

  point(slot: number): number {
    return this.#word(slot, rowWord.point);
  }

  /** Seconds since 1970, UTC. */
  seconds(slot: number): number {
    return this.#word(slot, rowWord.seconds) >>> 0;
  }

  nanoseconds(slot: number): number {
    return this.#word(slot, rowWord.nanoseconds);
  }

  connection(slot: number): number {
    return this.#word(slot, rowWord.connection);
  }

  /** See `setConnection`. */
  distance(slot: number): number {
    return this.#word(slot, rowWord.distance) >>> 0;
  }

  /** Says whose frame it is, and how many frames before it the connection's last one stands, 0 when there is none. */
  setConnection(slot: number, connection: number, distance: number): void {
    const { words } = this.#segment(slot);
    const at = segmentWords - ((slot & rowMask) + 1) * rowWords;
    words[at + rowWord.connection] = connection;
    words[at + rowWord.distance] = distance;
  }

  #word(slot: number, word: number): number {
    return this.#segment(slot).words[segmentWords - ((slot & rowMask) + 1) * rowWords + word] ?? 0;
  }

  #segment(slot: number): Segment {
    const segment = this.#segments[segmentOf(slot)];
    if (segment === undefined) throw new RangeError(`there is no slot ${slot}`);
    return segment;
  }
}
