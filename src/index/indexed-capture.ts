/** An index with the bytes that it was made of: single packets come back from where they stand. */

import type { Frame } from '../case/evidence.ts';
import type { CaptureIndex } from './capture-index.ts';
import { ConnectionNumbers } from './connection-numbers.ts';
import { interfaceOf, packetDouble, packetWord } from './packet-row.ts';

const nsPerSecond = 1_000_000_000n;

/**
 * Bytes of a capture by their place in it; fewer where it has become shorter since. A copy, which may stand at the start
 * of `into` where that is given: it holds as many. May throw the system's error.
 */
export type ReadBytes = (offset: number, length: number, into?: Uint8Array) => Uint8Array;

/** A packet of an index as a frame, which reads its bytes whenever it is asked for them, and keeps none. */
class IndexedFrame implements Frame {
  readonly #index: CaptureIndex;
  readonly #row: number;
  readonly #read: (offset: number, length: number) => Uint8Array;

  constructor(index: CaptureIndex, row: number, read: (offset: number, length: number) => Uint8Array) {
    this.#index = index;
    this.#row = row;
    this.#read = read;
  }

  get number(): number {
    return this.#row + 1;
  }

  get timeNs(): bigint {
    const seconds = this.#word(packetWord.seconds) >>> 0;
    return BigInt(seconds) * nsPerSecond + BigInt(this.#word(packetWord.nanoseconds));
  }

  get interfaceIndex(): number {
    return interfaceOf(this.#word(packetWord.rest));
  }

  get originalLength(): number {
    return this.#word(packetWord.originalLength) >>> 0;
  }

  get bytes(): Uint8Array {
    const { packets } = this.#index;
    const offset = packets.page(this.#row).doubles[(packets.at(this.#row) >> 1) + packetDouble.offset] ?? 0;
    return this.#read(offset, this.#word(packetWord.capturedLength) >>> 0);
  }

  #word(word: number): number {
    const { packets } = this.#index;
    return packets.page(this.#row).words[packets.at(this.#row) + word] ?? 0;
  }
}

/** A capture that was read to its end. */
export class IndexedCapture {
  readonly index: CaptureIndex;
  readonly numbers: ConnectionNumbers;
  readonly #read: ReadBytes;
  /** What `borrowed` frames read into. */
  #lent = new Uint8Array(0);

  constructor(index: CaptureIndex, read: ReadBytes) {
    this.index = index;
    this.numbers = new ConnectionNumbers(index.connections);
    this.#read = read;
  }

  /** A packet as a frame; rows count from 0. Its bytes are read whenever they are asked for. */
  frame(row: number): Frame {
    return new IndexedFrame(this.index, row, (offset, length) => this.#read(offset, length));
  }

  /** All packets as frames. */
  *frames(): Generator<Frame> {
    for (let row = 0; row < this.index.packets.count; row += 1) yield this.frame(row);
  }

  /**
   * The same for whoever reads many frames and keeps no bytes: those of one frame are borrowed until the next frame is
   * asked for its own.
   */
  borrowed(row: number): Frame {
    return new IndexedFrame(this.index, row, (offset, length) => {
      if (this.#lent.length < length) this.#lent = new Uint8Array(2 * length);
      return this.#read(offset, length, this.#lent);
    });
  }

  /** The table's number of a packet's connection, or `none`. */
  idOf(row: number): number {
    const { packets } = this.index;
    return packets.page(row).words[packets.at(row) + packetWord.connection] ?? 0;
  }

  /** The same with what NAT split joined: the number of the connection as its client knows it. */
  clientIdOf(row: number): number {
    return this.numbers.clientSide(this.idOf(row));
  }
}
