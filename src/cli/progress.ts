/** How far the reading of a large file is: one line on a terminal's standard error, gone at the end. */

import { bytesText } from '../report/connections.ts';

/** What is done sooner needs no progress; after that, it is told this often. */
const firstMs = 300;
const everyMs = 200;
const eraseLine = '\r\u001b[K';

/** Shows progress while it is told of it. Nothing is shown where standard error is no terminal. */
export class Progress implements Disposable {
  readonly #total: number | null;
  readonly #startMs = performance.now();
  readonly #isShown = process.stderr.isTTY;
  #nextMs = this.#startMs + firstMs;
  #isDrawn = false;

  /** @param total Bytes in all; null when nobody knows. */
  constructor(total: number | null) {
    this.#total = total;
  }

  /** Says how many bytes are read by now. */
  show(bytes: number): void {
    if (!this.#isShown) return;
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + everyMs;
    const perSecond = (bytes * 1000) / (nowMs - this.#startMs);
    const rate = `${bytesText(perSecond)}/s`;
    const rest =
      this.#total === null
        ? `reading: ${bytesText(bytes)}, ${rate}`
        : `reading: ${bytesText(bytes)} of ${bytesText(this.#total)}, ${rate}, ${Math.ceil((this.#total - bytes) / perSecond)} s left`;
    process.stderr.write(`${eraseLine}${rest}`);
    this.#isDrawn = true;
  }

  /** Takes the line away. */
  [Symbol.dispose](): void {
    if (this.#isDrawn) process.stderr.write(eraseLine);
  }
}
