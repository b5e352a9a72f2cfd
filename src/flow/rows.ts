/** Records of numbers in pages of typed arrays: they grow without copying, and one record's numbers lie together. */

const pageBits = 12;
const rowsPerPage = 1 << pageBits;
const rowMask = rowsPerPage - 1;

interface Page {
  readonly words: Int32Array;
  /** The same bytes: double n is words 2n and 2n + 1. */
  readonly doubles: Float64Array;
}

/** A table of rows, each of `stride` 32-bit words; new rows are all zeros. */
export class Rows {
  readonly #stride: number;
  readonly #pages: Page[] = [];
  #count = 0;

  /** @param stride Even, so that doubles fit. */
  constructor(stride: number) {
    this.#stride = stride;
  }

  get count(): number {
    return this.#count;
  }

  /** Adds a row and gives its number, from 0. */
  add(): number {
    if ((this.#count & rowMask) === 0) {
      const buffer = new ArrayBuffer(rowsPerPage * this.#stride * Int32Array.BYTES_PER_ELEMENT);
      this.#pages.push({ words: new Int32Array(buffer), doubles: new Float64Array(buffer) });
    }
    this.#count += 1;
    return this.#count - 1;
  }

  /** The page that holds a row; the row must be there. */
  page(row: number): Page {
    const page = this.#pages[row >> pageBits];
    if (page === undefined) throw new RangeError(`there is no row ${row}`);
    return page;
  }

  /** Where a row starts in its page's words. */
  at(row: number): number {
    return (row & rowMask) * this.#stride;
  }
}
