/** The frame numbers of the connection that is looked at, kept up to date without walking over all of them again. */

import type { FrameStore } from './frame-store.ts';

/** More than anybody scrolls through: of a longer connection the latest are listed. */
const mostListed = 10_000;

/** See the file's head. */
export class FramesOfConnection {
  readonly #store: FrameStore;
  #connection: number | null = null;
  #numbers: readonly number[] = [];

  constructor(store: FrameStore) {
    this.#store = store;
  }

  /** Connections have other numbers from now on. */
  forget(): void {
    this.#connection = null;
  }

  /** Those that are kept; the same array until there are others. */
  of(connection: number): readonly number[] {
    if (connection !== this.#connection) {
      this.#connection = connection;
      this.#numbers = this.#store.framesOf(connection, 0, mostListed);
      return this.#numbers;
    }
    const after = this.#numbers.at(-1) ?? 0;
    const more = this.#store.framesOf(connection, after, mostListed);
    const { first } = this.#store;
    const gone = this.#numbers.findIndex((number) => number >= first);
    if (more.length === 0 && (gone === 0 || this.#numbers.length === 0)) return this.#numbers;
    const kept = gone === -1 ? [] : this.#numbers.slice(gone);
    this.#numbers = [...kept, ...more].slice(-mostListed);
    return this.#numbers;
  }
}
