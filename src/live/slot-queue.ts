/** A list of 32-bit numbers that is taken from at its front and added to at its end, or near it; no object an entry. */

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

  /** Adds one before those at the end of which `isLater` is true; more than `most` are not asked. */
  insert(item: number, most: number, isLater: (item: number) => boolean): void {
    this.push(item);
    const mask = this.#items.length - 1;
    let at = this.#first + this.#count - 1;
    for (let count = 0; count < most && at > this.#first; count += 1) {
      const before = this.#items[(at - 1) & mask] ?? 0;
      if (!isLater(before)) break;
      this.#items[at & mask] = before;
      at -= 1;
    }
    this.#items[at & mask] = item;
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
