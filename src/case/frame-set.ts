/** Numbers of frames, as a set that is also a list: a bit a frame, however many there are. */

const wordBits = 32;
const blockWords = 32;
const blockBits = wordBits * blockWords;

function bitsIn(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Frame numbers in ascending order. Its methods are those of an array of them. */
export class FrameSet implements Iterable<number> {
  readonly #words: Int32Array;
  /** How many numbers stand before each block. */
  readonly #before: Uint32Array;
  #length = 0;
  #last = 0;

  /** @param most The greatest number that may be added. */
  constructor(most: number) {
    const blocks = Math.floor(most / blockBits) + 1;
    this.#words = new Int32Array(blocks * blockWords);
    this.#before = new Uint32Array(blocks);
  }

  /** The set of some numbers, in ascending order. */
  static of(most: number, numbers: Iterable<number>): FrameSet {
    const set = new FrameSet(most);
    for (const number of numbers) set.add(number);
    return set;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds a number that is greater than all before it. */
  add(number: number): void {
    const block = Math.floor(number / blockBits);
    for (let next = Math.floor(this.#last / blockBits) + 1; next <= block; next += 1) this.#before[next] = this.#length;
    const word = Math.floor(number / wordBits);
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (number % wordBits));
    this.#length += 1;
    this.#last = number;
  }

  includes(number: number): boolean {
    return ((this.#words[Math.floor(number / wordBits)] ?? 0) & (1 << (number % wordBits))) !== 0;
  }

  /** Where a number stands in the list, -1 when it does not. */
  indexOf(number: number): number {
    if (!this.includes(number)) return -1;
    const last = Math.floor(number / wordBits);
    let index = this.#before[Math.floor(number / blockBits)] ?? 0;
    for (let word = last - (last % blockWords); word < last; word += 1) index += bitsIn(this.#words[word] ?? 0);
    return index + bitsIn((this.#words[last] ?? 0) & ((1 << (number % wordBits)) - 1));
  }

  /** The number at a place of the list, from 0; undefined where there is none. */
  at(index: number): number | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    // The last block that begins at or before it; those behind the last number added are not counted yet.
    let [low, high] = [0, Math.floor(this.#last / blockBits)];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#before[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    let left = index - (this.#before[low] ?? 0);
    for (let word = low * blockWords; word < (low + 1) * blockWords; word += 1) {
      let bits = this.#words[word] ?? 0;
      const count = bitsIn(bits);
      if (left >= count) {
        left -= count;
        continue;
      }
      for (; left > 0; left -= 1) bits &= bits - 1;
      return word * wordBits + (wordBits - 1 - Math.clz32(bits & -bits));
    }
    return undefined;
  }

  *[Symbol.iterator](): Generator<number> {
    for (const [word, bits] of this.#words.entries()) {
      for (let left = bits; left !== 0; left &= left - 1) {
        yield word * wordBits + (wordBits - 1 - Math.clz32(left & -left));
      }
    }
  }
}
