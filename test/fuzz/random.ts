/** Random numbers that a seed repeats. */

/** Knuth's multiplier and xorshift32 (Marsaglia): no more than different enough inputs are wanted. */
export class Random {
  #state: number;

  /** The numbers of input `index` of a run: each input is made again without those before it. */
  constructor(seed: number, index: number) {
    this.#state = (Math.imul(seed, 2_654_435_761) ^ Math.imul(index + 1, 2_246_822_519)) >>> 0 || 1;
    // Neighbouring states begin alike.
    for (let round = 0; round < 4; round++) this.below(1);
  }

  /** A whole number from 0 to `bound` - 1. */
  below(bound: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return Math.floor((this.#state / 2 ** 32) * bound);
  }

  /** One of these. */
  of<T>(values: readonly T[]): T {
    const value = values[this.below(values.length)];
    if (value === undefined) throw new RangeError('nothing to choose from');
    return value;
  }
}
