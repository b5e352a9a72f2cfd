/** A filter over a live capture: the latest frames at first, then each as it comes, within a time that the screen has. */

import { compileFilter, type Filter } from '../../filter/filter.ts';
import { type FrameSurroundings, frameFields } from '../../filter/frame-fields.ts';
import type { FrameStore } from '../../live/frame-store.ts';
import { liveFrame } from '../../live/live-evidence.ts';
import { numbersUntil } from '../../live/numbers-until.ts';
import type { FilterAnswer } from '../../ui/case-view.ts';

/** Frames that are asked at first, and at each look after that: some 5 µs each. */
const firstFrames = 20_000;
const framesEach = 4000;
/** Passing frames that are kept. */
const mostKept = 100_000;

/** Whether two parts of one ascending list are the same: then their ends are. */
function areSame(one: readonly number[], other: readonly number[]): boolean {
  return one === other || (one.length === other.length && one[0] === other[0] && one.at(-1) === other.at(-1));
}

/** One filter's answer so far. */
class LiveAnswer {
  readonly #accepts: (frame: Parameters<FrameSurroundings['connectionOf']>[0]) => boolean;
  readonly #store: FrameStore;
  #asked: number;
  #numbers: readonly number[] = [];
  #latest: { readonly ok: true; readonly frames: readonly number[] } = { ok: true, frames: this.#numbers };

  /** @param until The number of the frame that is the last one now. */
  constructor(filter: Filter, store: FrameStore, surroundings: FrameSurroundings, until: number) {
    this.#accepts = filter.bind(frameFields(surroundings));
    this.#store = store;
    this.#asked = Math.max(store.first - 1, until - firstFrames);
    this.#ask(firstFrames);
  }

  /**
   * The kept frames up to a number that pass, the same object until there are others; frames that come faster than they
   * can be asked are passed over.
   */
  latest(until: number): FilterAnswer {
    this.#asked = Math.max(this.#asked, this.#store.last - framesEach);
    this.#ask(framesEach);
    const frames = numbersUntil(this.#numbers, until);
    if (!areSame(frames, this.#latest.frames)) this.#latest = { ok: true, frames };
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

  /** What a filter's text means where a frame is the last one; frames that come after it are asked beside that. */
  ask(text: string, until: number): FilterAnswer {
    const known = this.#answers.get(text);
    if (known !== undefined) return known.latest(until);
    const compiled = compileFilter(text);
    if (!compiled.ok) return { ok: false, ...compiled.error };
    const answer = new LiveAnswer(compiled.value, this.#store, this.#surroundings(), until);
    // The one in force is asked for all the time; those that were typed on the way to it are not.
    for (const old of [...this.#answers.keys()].slice(0, -2)) this.#answers.delete(old);
    this.#answers.set(text, answer);
    return answer.latest(until);
  }
}
