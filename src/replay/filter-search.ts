/** Asks the packets of an index by filters, some at a time, so that the screen and its keys never wait. */

import { FrameSet } from '../case/frame-set.ts';
import type { FrameTest } from '../filter/bind.ts';
import { compileFilter, type Filter } from '../filter/filter.ts';
import type { FilterAnswer } from '../ui/case-view.ts';

/** Filters whose answers are kept, each of a bit a packet. */
const mostAnswers = 16;

/** Packets are asked for so long before others have their turn, and what was found is told so often. */
const turnMs = 15;
const toldEveryMs = 150;
/** Packets that are asked between two looks at the clock: one may have to be read from the file. */
const askedAtOnce = 64;

/** When work is done. */
export interface Turns {
  /** Does something later, when others had their turn. */
  later(work: () => void): void;
  /** Milliseconds of any steady clock. */
  nowMs(): number;
}

/** A filter, and what it accepted by now. */
interface Search {
  readonly test: FrameTest<number>;
  readonly frames: FrameSet;
  /** The row that it asks next. */
  row: number;
}

/** Answers filters over the rows of an index, from 0 to `count`. */
export class FilterSearch {
  readonly #count: number;
  readonly #testOf: (filter: Filter) => FrameTest<number>;
  readonly #turns: Turns;
  readonly #answers = new Map<string, FilterAnswer>();
  readonly #searches = new Map<string, Search>();
  readonly #listeners = new Set<() => void>();
  #wanted: string | null = null;
  #isComing = false;
  #toldMs = 0;

  /** @param testOf Makes a filter a test of rows. */
  constructor(count: number, testOf: (filter: Filter) => FrameTest<number>, turns: Turns) {
    this.#count = count;
    this.#testOf = testOf;
    this.#turns = turns;
  }

  /** What a filter accepted by now; the same object until more is known. */
  answer(text: string): FilterAnswer {
    const known = this.#answers.get(text);
    if (known !== undefined) return known;
    if (this.#answers.size >= mostAnswers) this.#forget();
    const compiled = compileFilter(text);
    if (!compiled.ok) {
      const wrong: FilterAnswer = { ok: false, ...compiled.error };
      this.#answers.set(text, wrong);
      return wrong;
    }
    const search = { test: this.#testOf(compiled.value), frames: new FrameSet(this.#count), row: 0 };
    this.#searches.set(text, search);
    return this.#tell(text, search);
  }

  /** Goes on with this filter, and with no other one; null leaves all as they are. */
  search(text: string | null): void {
    this.#wanted = text;
    this.#goOn();
  }

  /** Calls back when an answer has grown; returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #goOn(): void {
    if (this.#isComing || this.#wanted === null || !this.#searches.has(this.#wanted)) return;
    this.#isComing = true;
    this.#turns.later(() => {
      this.#isComing = false;
      this.#turn();
    });
  }

  #turn(): void {
    const text = this.#wanted;
    const search = text === null ? undefined : this.#searches.get(text);
    if (text === null || search === undefined) return;
    const endMs = this.#turns.nowMs() + turnMs;
    // However slow the clock is to look at, each turn gets on.
    do {
      const end = Math.min(search.row + askedAtOnce, this.#count);
      for (; search.row < end; search.row += 1) if (search.test(search.row)) search.frames.add(search.row + 1);
    } while (search.row < this.#count && this.#turns.nowMs() < endMs);
    const isDone = search.row === this.#count;
    const nowMs = this.#turns.nowMs();
    if (isDone || nowMs - this.#toldMs >= toldEveryMs) {
      this.#toldMs = nowMs;
      this.#tell(text, search);
      for (const listener of this.#listeners) listener();
    }
    this.#goOn();
  }

  #tell(text: string, search: Search): FilterAnswer {
    const { frames, row } = search;
    const answer: FilterAnswer =
      row === this.#count ? { ok: true, frames } : { ok: true, frames, asked: row / this.#count };
    if (row === this.#count) this.#searches.delete(text);
    this.#answers.set(text, answer);
    return answer;
  }

  /** All but what is being searched for. */
  #forget(): void {
    for (const text of this.#answers.keys()) {
      if (text === this.#wanted) continue;
      this.#answers.delete(text);
      this.#searches.delete(text);
    }
  }
}
