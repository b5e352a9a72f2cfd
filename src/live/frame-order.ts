/** Which slot of the ring each frame number has: frames are numbered in the order of time, not in that of arrival. */

const fewest = 4096;

/** Numbers count from 1 and are never used again; those from `first` on have slots. */
export class FrameOrder {
  #slots = new Int32Array(fewest);
  #first = 1;
  #last = 0;

  /** The first frame that is still there; `last` + 1 when none is. */
  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#last;
  }

  /** Gives the next number to a slot. */
  add(slot: number): number {
    if (this.#last - this.#first + 1 === this.#slots.length) this.#grow();
    this.#last += 1;
    this.#slots[this.#last & (this.#slots.length - 1)] = slot;
    return this.#last;
  }

  /** The slot of a number between `first` and `last`. */
  slot(number: number): number {
    return this.#slots[number & (this.#slots.length - 1)] ?? 0;
  }

  /** Forgets the numbers up to this one. */
  forget(number: number): void {
    this.#first = Math.max(this.#first, Math.min(number, this.#last) + 1);
  }

  #grow(): void {
    const slots = new Int32Array(2 * this.#slots.length);
    for (let number = this.#first; number <= this.#last; number += 1) {
      slots[number & (slots.length - 1)] = this.slot(number);
    }
    this.#slots = slots;
  }
}
