/** The frame numbers of the connection that is looked at, kept up to date without walking over all of them again. */

import type { FrameStore } from './frame-store.ts';

/** More than anybody scrolls through: of a longer connection the latest are listed. */
const mostListed = 10_000;

/** What is listed of one sight of it. */
interface Listed {
  readonly id: number;
  readonly numbers: readonly number[];
}

/** See the file's head. */
export class FramesOfConnection {
  readonly #store: FrameStore;
  #sights: readonly Listed[] = [];
  #numbers: readonly number[] = [];

  constructor(store: FrameStore) {
    this.#store = store;
  }

  /** Connections have other numbers from now on. */
  forget(): void {
    this.#sights = [];
  }

  /** Those that are kept, of all sights of a connection; the same array until there are others. */
  of(ids: readonly number[]): readonly number[] {
    const before = this.#sights;
    const isSame = before.length === ids.length && before.every(({ id }, index) => id === ids[index]);
    const sights = ids.map((id, index) =>
      isSame ? this.#update(before[index] ?? { id, numbers: [] }) : this.#list(id),
    );
    this.#sights = sights;
    if (isSame && sights.every((one, index) => one === before[index])) return this.#numbers;
    const [only, ...others] = sights;
    const all =
      others.length === 0 ? (only?.numbers ?? []) : sights.flatMap(({ numbers }) => numbers).sort((a, b) => a - b);
    this.#numbers = all.length > mostListed ? all.slice(-mostListed) : all;
    return this.#numbers;
  }

  #list(id: number): Listed {
    return { id, numbers: this.#store.framesOf(id, 0, mostListed) };
  }

  /** The same object while nothing has come and nothing has gone. */
  #update(listed: Listed): Listed {
    const { id, numbers } = listed;
    const more = this.#store.framesOf(id, numbers.at(-1) ?? 0, mostListed);
    const { first } = this.#store;
    const gone = numbers.findIndex((number) => number >= first);
    if (more.length === 0 && (gone === 0 || numbers.length === 0)) return listed;
    const kept = gone === -1 ? [] : numbers.slice(gone);
    return { id, numbers: [...kept, ...more].slice(-mostListed) };
  }
}
