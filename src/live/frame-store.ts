/**
 * The frames of a live capture: several streams, merged by the kernel's time as they come, numbered, each told to whoever
 * follows connections, and kept within a bound.
 *
 * A stream tells its frames later than another one may, and nearly in their order: a packet is stamped before it waits
 * for a processor. So frames wait until every stream has told what happened before them, or has been silent for as long
 * as its frames can take. More than a part of the memory never waits: then the earliest one goes on, and a frame that
 * comes too late is numbered where it comes.
 */

import type { FrameRecord } from '../capfile/capture-parser.ts';
import { none } from '../flow/connection-row.ts';
import { FrameOrder } from './frame-order.ts';
import { FrameRing, rowBytes, segmentOf } from './frame-ring.ts';
import { SlotQueue } from './slot-queue.ts';

/** What may wait, of all memory. */
const waitingShare = 0.25;

/** Within one stream a frame comes so much later than one of after it, at most, and so many places (seen: 4 ms, 3). */
const disorderNs = 10_000_000;
const disorderPlaces = 256;

const nsPerSecond = 1_000_000_000;
const nsPerMs = 1_000_000;
const msPerSecond = 1000;

/** A frame that is told of, in one object that is used again. */
export interface ToldFrame {
  readonly number: number;
  /** The bytes that hold it, borrowed until the call returns. */
  readonly view: DataView;
  readonly start: number;
  readonly capturedLength: number;
  readonly originalLength: number;
  readonly point: number;
  /** Nanoseconds from `FrameStore.baseSecond`. */
  readonly timeNs: number;
}

/** Is told of each frame in its turn, and gives the number of its connection or `none`. */
export type FrameTaker = (frame: ToldFrame) => number;

/** One stream. */
interface Stream {
  readonly queue: SlotQueue;
  /** The latest time of its frames; of a silent one, nothing. */
  lastNs: number;
  open: boolean;
}

/** True for a stream that will tell nothing more: a capture may see thousands of them. */
function isOver({ open, queue }: Stream): boolean {
  return !open && queue.count === 0;
}

/** A frame that is kept. */
export interface StoredFrame {
  readonly number: number;
  /** Nanoseconds since 1970, UTC. */
  readonly timeNs: bigint;
  readonly point: number;
  readonly originalLength: number;
  /** The captured bytes, a copy. */
  readonly bytes: Uint8Array;
}

/** See the file's head. */
export class FrameStore {
  readonly #ring: FrameRing;
  readonly #order = new FrameOrder();
  readonly #take: FrameTaker;
  readonly #latencyMs: number;
  readonly #mostWaiting: number;
  readonly #streams: Stream[] = [];
  /** Those that are open, or from which frames wait. */
  #telling: Stream[] = [];
  /** By segment: the last number in it. */
  readonly #lastOfSegment: number[] = [];
  /** By connection: the number of its last frame. */
  #lastOfConnection = new Float64Array(1024);
  #baseSecond = Number.NaN;
  #waitingBytes = 0;
  #lastNs = Number.NEGATIVE_INFINITY;
  readonly #told = {
    number: 0,
    view: new DataView(new ArrayBuffer(0)) as DataView,
    start: 0,
    capturedLength: 0,
    originalLength: 0,
    point: 0,
    timeNs: 0,
  };
  /** Frames that came after a later one had been numbered. */
  late = 0;

  /**
   * @param boundBytes Of memory.
   * @param latencyMs The longest time that a frame may take from its stamp to `push`.
   */
  constructor(boundBytes: number, latencyMs: number, take: FrameTaker) {
    this.#ring = new FrameRing(boundBytes);
    this.#latencyMs = latencyMs;
    this.#mostWaiting = boundBytes * waitingShare;
    this.#take = take;
  }

  /** The second of the first frame; 0 without one. */
  get baseSecond(): number {
    return Number.isNaN(this.#baseSecond) ? 0 : this.#baseSecond;
  }

  /** The first frame that is kept; `last` + 1 when none is. */
  get first(): number {
    return this.#order.first;
  }

  /** The last frame that has a number: so many were told of. */
  get last(): number {
    return this.#order.last;
  }

  /** Bytes of memory. */
  get bytes(): number {
    return this.#ring.bytes;
  }

  /** Takes so many bytes more of its memory before they are needed, as far as there are to be any. */
  prepare(bytes: number): void {
    this.#ring.prepare(bytes);
  }

  /** Begins a stream, and gives its number: that of the capture point. */
  open(): number {
    const stream = { queue: new SlotQueue(), lastNs: Number.NEGATIVE_INFINITY, open: true };
    this.#telling.push(stream);
    return this.#streams.push(stream) - 1;
  }

  /** Says that a stream has ended: nobody waits for it. */
  close(stream: number): void {
    const one = this.#streams[stream];
    if (one !== undefined) one.open = false;
  }

  /** Takes a frame of a stream, which is copied. */
  push(stream: number, record: FrameRecord): void {
    const from = this.#streams[stream];
    if (from === undefined) throw new RangeError(`there is no stream ${stream}`);
    if (Number.isNaN(this.#baseSecond)) this.#baseSecond = record.seconds;
    const slot = this.#ring.add(record, stream, this.#letGo);
    const timeNs = this.#timeOf(slot);
    if (timeNs >= from.lastNs) {
      from.queue.push(slot);
      from.lastNs = timeNs;
    } else from.queue.insert(slot, disorderPlaces, (before) => this.#timeOf(before) > timeNs);
    this.#waitingBytes += record.capturedLength + rowBytes;
    if (this.#waitingBytes > this.#mostWaiting) this.#advance(Number.NEGATIVE_INFINITY);
  }

  readonly #letGo = (segment: number): void => {
    this.#order.forget(this.#lastOfSegment[segment] ?? 0);
  };

  /** Numbers and tells the frames whose turn has come, at a time in milliseconds since 1970. */
  advance(nowMs: number): void {
    const nowNs = (nowMs - this.#latencyMs - this.baseSecond * msPerSecond) * nsPerMs;
    this.#advance(nowNs);
  }

  /** Numbers and tells all that waits: nothing more comes. */
  finish(): void {
    this.#advance(Number.POSITIVE_INFINITY);
  }

  /** @param silentNs A silent stream has told everything up to here. */
  #advance(silentNs: number): void {
    if (this.#telling.some(isOver)) this.#telling = this.#telling.filter((stream) => !isOver(stream));
    let completeNs = Number.POSITIVE_INFINITY;
    for (const { open, lastNs } of this.#telling) {
      if (open) completeNs = Math.min(completeNs, Math.max(lastNs - disorderNs, silentNs));
    }
    while (this.#tellEarliest(completeNs));
  }

  /** Tells of the earliest frame, and of those that follow it in its stream; false when its turn has not come. */
  #tellEarliest(completeNs: number): boolean {
    let earliest: SlotQueue | null = null;
    let earliestNs = Number.POSITIVE_INFINITY;
    let untilNs = completeNs;
    for (const { queue } of this.#telling) {
      if (queue.count === 0) continue;
      const headNs = this.#timeOf(queue.head);
      if (headNs < earliestNs) {
        untilNs = Math.min(untilNs, earliestNs);
        earliest = queue;
        earliestNs = headNs;
      } else untilNs = Math.min(untilNs, headNs);
    }
    const mayWait = this.#waitingBytes <= this.#mostWaiting;
    if (earliest === null || (earliestNs > completeNs && mayWait)) return false;
    do {
      const slot = earliest.head;
      earliest.shift();
      this.#tell(slot);
    } while (earliest.count > 0 && this.#timeOf(earliest.head) <= untilNs);
    return true;
  }

  #tell(slot: number): void {
    const ring = this.#ring;
    const number = this.#order.add(slot);
    this.#lastOfSegment[segmentOf(slot)] = number;
    const told = this.#told;
    told.number = number;
    told.view = ring.view(slot);
    told.start = ring.start(slot);
    told.capturedLength = ring.capturedLength(slot);
    told.originalLength = ring.originalLength(slot);
    told.point = ring.point(slot);
    told.timeNs = this.#timeOf(slot);
    this.#waitingBytes -= told.capturedLength + rowBytes;
    if (told.timeNs < this.#lastNs) this.late += 1;
    else this.#lastNs = told.timeNs;
    const connection = this.#take(told);
    if (connection === none) return;
    if (connection >= this.#lastOfConnection.length) this.#growConnections(connection);
    const last = this.#lastOfConnection[connection] ?? 0;
    ring.setConnection(slot, connection, last === 0 ? 0 : number - last);
    this.#lastOfConnection[connection] = number;
  }

  #growConnections(connection: number): void {
    const grown = new Float64Array(Math.max(connection + 1, 2 * this.#lastOfConnection.length));
    grown.set(this.#lastOfConnection);
    this.#lastOfConnection = grown;
  }

  #timeOf(slot: number): number {
    return (this.#ring.seconds(slot) - this.#baseSecond) * nsPerSecond + this.#ring.nanoseconds(slot);
  }

  /** True for a number from `first` to `last`. */
  has(number: number): boolean {
    return Number.isInteger(number) && number >= this.first && number <= this.last;
  }

  /** A frame that is kept; null when it is gone, or was never there. */
  frame(number: number): StoredFrame | null {
    if (!this.has(number)) return null;
    const ring = this.#ring;
    const slot = this.#order.slot(number);
    return {
      number,
      timeNs: BigInt(ring.seconds(slot)) * BigInt(nsPerSecond) + BigInt(ring.nanoseconds(slot)),
      point: ring.point(slot),
      originalLength: ring.originalLength(slot),
      bytes: ring.bytesOf(slot),
    };
  }

  /** The number of a kept frame's connection; `none` for a frame that is gone too. */
  connectionOf(number: number): number {
    return this.has(number) ? this.#ring.connection(this.#order.slot(number)) : none;
  }

  /** True while a frame of the connection is kept. */
  holds(connection: number): boolean {
    return (this.#lastOfConnection[connection] ?? 0) >= this.first;
  }

  /** Gives connections other numbers: those of before as indices; `none` for one that is gone. */
  renumber(numbers: Int32Array): void {
    const last = new Float64Array(Math.max(1024, numbers.length));
    for (const [before, number] of numbers.entries()) {
      if (number !== none) last[number] = this.#lastOfConnection[before] ?? 0;
    }
    this.#lastOfConnection = last;
    for (let number = this.first; number <= this.last; number += 1) {
      const slot = this.#order.slot(number);
      const connection = this.#ring.connection(slot);
      if (connection === none) continue;
      this.#ring.setConnection(slot, numbers[connection] ?? none, this.#ring.distance(slot));
    }
  }

  /**
   * The numbers of a connection's kept frames that come after a frame, in their order; the latest `most` of them.
   */
  framesOf(connection: number, after: number, most: number): number[] {
    const numbers: number[] = [];
    let number = this.#lastOfConnection[connection] ?? 0;
    while (number > after && this.has(number) && numbers.length < most) {
      numbers.push(number);
      const distance = this.#ring.distance(this.#order.slot(number));
      if (distance === 0) break;
      number -= distance;
    }
    return numbers.reverse();
  }

  /**
   * The numbers of a connection's first kept frames, from a frame on, in their order: `most` of them, as far as they are
   * among the `among` frames that follow it.
   */
  firstFramesOf(connection: number, from: number, most: number, among: number): number[] {
    const numbers: number[] = [];
    const start = Math.max(from, this.first);
    const end = Math.min(start + among - 1, this.last);
    for (let number = start; number <= end && numbers.length < most; number += 1) {
      if (this.connectionOf(number) === connection) numbers.push(number);
    }
    return numbers;
  }
}
