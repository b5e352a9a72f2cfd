/**
 * Bytes that arrive in chunks and leave in records: joins chunks only when a record straddles them, so each byte is
 * copied a bounded number of times however small the chunks are.
 */
export class ByteQueue {
  #head: Uint8Array = new Uint8Array(0);
  #start = 0;
  #rest: Uint8Array[] = [];
  #restLength = 0;

  /** Bytes that wait. */
  get length(): number {
    return this.#head.length - this.#start + this.#restLength;
  }

  /** Takes a chunk over: it must not change until its bytes have left. */
  append(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    // A Buffer's slice is a view where a Uint8Array's is a copy: readers of the queue count on copies.
    this.#rest.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length));
    this.#restLength += chunk.length;
  }

  /** The first `count` bytes, borrowed until the next call of any method; null when fewer wait. */
  peek(count: number): Uint8Array | null {
    if (this.length < count) return null;
    if (this.#head.length - this.#start < count) this.#join();
    return this.#head.subarray(this.#start, this.#start + count);
  }

  /** Drops the first `count` bytes, which a `peek` has shown to be there. */
  discard(count: number): void {
    this.#start += count;
  }

  #join(): void {
    const left = this.#head.subarray(this.#start);
    const only = this.#rest.at(0);
    if (left.length === 0 && this.#rest.length === 1 && only !== undefined) this.#head = only;
    else {
      const joined = new Uint8Array(left.length + this.#restLength);
      joined.set(left);
      let offset = left.length;
      for (const chunk of this.#rest) {
        joined.set(chunk, offset);
        offset += chunk.length;
      }
      this.#head = joined;
    }
    this.#start = 0;
    this.#rest = [];
    this.#restLength = 0;
  }
}
