/**
 * Puts the segments of one direction in order, each byte once. The first capture of a byte wins: it is what a receiver
 * that keeps what it has (Linux does) handed to its program, and a later forgery cannot replace it.
 */

/** Payload that a frame brought. `Origin` is whatever the caller knows it by. */
export interface Segment<Origin> {
  /** Of its first byte in the stream. */
  readonly position: number;
  readonly length: number;
  /** As many bytes as `length` says, borrowed; null when they were sent, but the capture cut them off. */
  readonly bytes: Uint8Array | null;
  /** Counts up in the order of capture. */
  readonly arrival: number;
  readonly origin: Origin;
}

/** What the segments of a direction make. */
export interface Placement<Origin> {
  /** In the order of the stream, none over another; where there is nothing between two, nothing was captured. */
  readonly pieces: readonly Segment<Origin>[];
  /** Bytes that came again. */
  readonly repeated: number;
  /** Segments that brought other bytes for what had come already. */
  readonly contradicting: readonly Origin[];
}

/** The least first. */
class Heap<T> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = items[parent];
      if (above === undefined || !this.#before(item, above)) break;
      items[at] = above;
      at = parent;
    }
    items[at] = item;
  }

  pop(): T | undefined {
    const items = this.#items;
    const least = items[0];
    const moved = items.pop();
    if (moved === undefined || items.length === 0) return least;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [items[child], items[child + 1]];
      if (left === undefined) break;
      if (right !== undefined && this.#before(right, left)) child += 1;
      const lesser = items[child] ?? left;
      if (!this.#before(lesser, moved)) break;
      items[at] = lesser;
      at = child;
    }
    items[at] = moved;
    return least;
  }
}

/** The part of a segment from one position up to another. */
function part<Origin>(segment: Segment<Origin>, from: number, to: number): Segment<Origin> {
  const [start, end] = [from - segment.position, to - segment.position];
  return { ...segment, position: from, length: to - from, bytes: segment.bytes?.subarray(start, end) ?? null };
}

function endOf({ position, length }: Segment<unknown>): number {
  return position + length;
}

/** True when `a` keeps its bytes where both have some; bytes that are there beat those that were cut off. */
function wins(a: Segment<unknown>, b: Segment<unknown>): boolean {
  return (a.bytes === null) === (b.bytes === null) ? a.arrival <= b.arrival : b.bytes === null;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, index) => byte === b[index]);
}

/**
 * Orders segments. Its time grows with the number of segments and of their bytes (times a logarithm), however they
 * overlap: each overlap takes bytes away for good.
 */
export function placeSegments<Origin>(segments: readonly Segment<Origin>[]): Placement<Origin> {
  const waiting = new Heap<Segment<Origin>>((a, b) =>
    a.position === b.position ? a.arrival < b.arrival : a.position < b.position,
  );
  for (const segment of segments) if (segment.length > 0) waiting.push(segment);

  const pieces: Segment<Origin>[] = [];
  const contradicting = new Set<Origin>();
  let repeated = 0;
  const meet = (winner: Segment<Origin>, loser: Segment<Origin>, from: number, to: number): void => {
    const [kept, given] = [part(winner, from, to).bytes, part(loser, from, to).bytes];
    if (kept === null || given === null) return;
    repeated += to - from;
    // A keep-alive repeats one byte, whose value means nothing (RFC 9293 section 3.8.4).
    if (loser.length > 1 && !sameBytes(kept, given)) contradicting.add(loser.origin);
  };

  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const last = pieces.at(-1);
    if (last === undefined || endOf(last) <= next.position) {
      pieces.push(next);
      continue;
    }
    const overlapEnd = Math.min(endOf(last), endOf(next));
    if (wins(last, next)) {
      meet(last, next, next.position, overlapEnd);
      if (endOf(next) > overlapEnd) waiting.push(part(next, overlapEnd, endOf(next)));
      continue;
    }
    meet(next, last, next.position, overlapEnd);
    pieces.pop();
    if (last.position < next.position) pieces.push(part(last, last.position, next.position));
    if (endOf(last) > overlapEnd) waiting.push(part(last, overlapEnd, endOf(last)));
    pieces.push(next);
  }
  return { pieces, repeated, contradicting: [...contradicting] };
}
