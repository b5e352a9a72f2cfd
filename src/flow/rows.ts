/** Records of numbers in typed arrays: one record's numbers lie together, and a record costs no object. */

const fewest = 64;

/** A table of rows, each of `stride` 32-bit words; new rows are all zeros. */
export class Rows {
  readonly #stride: number;
  #capacity: number;
  #count: number;

  /** All rows' words. Another array after an `add`: do not keep it. */
  words: Int32Array<ArrayBuffer>;
  /** The same bytes: double n is words 2n and 2n + 1. */
  doubles: Float64Array;

  /**
   * @param stride Even, so that doubles fit.
   * @param words Rows that another table was, and how many of them are taken.
   */
  constructor(stride: number, words = new Int32Array(fewest * stride), count = 0) {
    this.#stride = stride;
    this.#capacity = words.length / stride;
    this.#count = count;
    this.words = words;
    this.doubles = new Float64Array(words.buffer);
  }

  get count(): number {
    return this.#count;
  }

  /** Adds a row and gives its number, from 0. */
  add(): number {
    if (this.#count === this.#capacity) this.#grow();
    this.#count += 1;
    return this.#count - 1;
  }

  /** Adds a copy of a row of another table of the same stride, and gives its number. */
  addFrom(other: Rows, row: number): number {
    const added = this.add();
    this.words.set(other.words.subarray(other.at(row), other.at(row + 1)), this.at(added));
    return added;
  }

  /** Where a row starts in `words`. */
  at(row: number): number {
    return row * this.#stride;
  }

  #grow(): void {
    this.#capacity *= 2;
    const words = new Int32Array(this.#capacity * this.#stride);
    words.set(this.words);
    this.words = words;
    this.doubles = new Float64Array(words.buffer);
  }
}
