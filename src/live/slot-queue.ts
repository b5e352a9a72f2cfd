/** A first-in, first-out list of 32-bit numbers that costs no object an entry. */

const fewest = 256;

/** See the file's head. */
export class SlotQueue {
  #items = new Int32Array(fewest);
  #first = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The first one; 0 when there is none. */
  get head(): number {
    return this.#items[this.#first] ?? 0;
  }

  push(item: number): void {
    if (this.#count === this.#items.length) this.#grow();
    this.#items[(this.#first + this.#count) & (this.#items.length - 1)] = item;
    this.#count += 1;
  }

  /** Takes the first one away. There must be one. */
  shift(): void {
    this.#first = (this.#first + 1) & (this.#items.length - 1);
    this.#count -= 1;
  }

  #grow(): void {
    const items = new Int32Array(2 * this.#items.length);
    const end = this.#items.subarray(this.#first);
    items.set(end);
    items.set(this.#items.subarray(0, this.#first), end.length);
    this.#items = items;
    this.#first = 0;
  }
}
