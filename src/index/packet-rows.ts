/** The rows of all packets, in pages of typed arrays: they grow without copying, to hundreds of megabytes. */

import { packetWords } from './packet-row.ts';

const pageBits = 14;
const rowsPerPage = 1 << pageBits;
const rowMask = rowsPerPage - 1;

/** Some rows. */
interface Page {
  readonly words: Int32Array;
  /** The same bytes: double n is words 2n and 2n + 1. */
  readonly doubles: Float64Array;
}

function newPage(): Page {
  const words = new Int32Array(rowsPerPage * packetWords);
  return { words, doubles: new Float64Array(words.buffer) };
}

/** Rows of `packetWord`, numbered from 0. */
export class PacketRows {
  readonly #pages: Page[] = [];
  #count = 0;
  /** The page of the last row. */
  #last = newPage();

  get count(): number {
    return this.#count;
  }

  /** Adds a row, which is the last one of the page that this gives; `at(count - 1)` is where it starts. */
  add(): Page {
    if ((this.#count & rowMask) === 0) {
      if (this.#count > 0) this.#last = newPage();
      this.#pages.push(this.#last);
    }
    this.#count += 1;
    return this.#last;
  }

  /** The page that holds a row; the row must be there. */
  page(row: number): Page {
    const page = this.#pages[row >> pageBits];
    if (page === undefined) throw new RangeError(`there is no row ${row}`);
    return page;
  }

  /** Where a row starts in its page's words. */
  at(row: number): number {
    return (row & rowMask) * packetWords;
  }
}
