/** A filter over a live capture: the latest frames at first, then each as it comes, within a time that the screen has. */

import { compileFilter, type Filter } from '../filter/filter.ts';
import { type FrameSurroundings, frameFields } from '../filter/frame-fields.ts';
import type { FrameStore } from '../live/frame-store.ts';
import { liveFrame } from '../live/live-evidence.ts';
import type { FilterAnswer } from '../ui/case-view.ts';

/** Frames that are asked at first, and at each look after that: some 5 µs each. */
const firstFrames = 20_000;
const framesEach = 4000;
/** Passing frames that are kept. */
const mostKept = 100_000;

/** One filter's answer so far. */
class LiveAnswer {
  readonly #accepts: (frame: Parameters<FrameSurroundings['connectionOf']>[0]) => boolean;
  readonly #store: FrameStore;
  #asked: number;
  #numbers: readonly number[] = [];
  #latest: FilterAnswer & { ok: true } = { ok: true, frames: this.#numbers };

  constructor(filter: Filter, store: FrameStore, surroundings: FrameSurroundings) {
    this.#accepts = filter.bind(frameFields(surroundings));
    this.#store = store;
    this.#asked = Math.max(store.first - 1, store.last - firstFrames);
    this.#ask(firstFrames);
  }

  /** The kept frames that pass, until there are others; frames that come faster than they can be asked are passed over. */
  latest(): FilterAnswer {
    this.#asked = Math.max(this.#asked, this.#store.last - framesEach);
    this.#ask(framesEach);
    if (this.#latest.frames !== this.#numbers) this.#latest = { ok: true, frames: this.#numbers };
    return this.#latest;
  }

  #ask(most: number): void {
    const { first, last } = this.#store;
    const until = Math.min(last, this.#asked + most);
    const passing: number[] = [];
    for (let number = Math.max(first, this.#asked + 1); number <= until; number += 1) {
      const frame = liveFrame(this.#store, number);
      if (frame !== null && this.#accepts(frame)) passing.push(number);
    }
    this.#asked = Math.max(this.#asked, until);
    const isGone = (this.#numbers[0] ?? first) < first;
    if (passing.length === 0 && !isGone) return;
    this.#numbers = [...this.#numbers.filter((number) => number >= first), ...passing].slice(-mostKept);
  }
}

/** The filters of a live capture: the one in force, and the one that is being typed. */
export class LiveFilters {
  readonly #store: FrameStore;
  readonly #surroundings: () => FrameSurroundings;
  readonly #answers = new Map<string, LiveAnswer>();

  constructor(store: FrameStore, surroundings: () => FrameSurroundings) {
    this.#store = store;
    this.#surroundings = surroundings;
  }

  /** What a filter's text means now. */
  ask(text: string): FilterAnswer {
    const known = this.#answers.get(text);
    if (known !== undefined) return known.latest();
    const compiled = compileFilter(text);
    if (!compiled.ok) return { ok: false, ...compiled.error };
    const answer = new LiveAnswer(compiled.value, this.#store, this.#surroundings());
    // The one in force is asked for all the time; those that were typed on the way to it are not.
    for (const old of [...this.#answers.keys()].slice(0, -2)) this.#answers.delete(old);
    this.#answers.set(text, answer);
    return answer.latest();
  }
}
