/** The order of a diagnosis: failed connections first, then the unclear ones, then those that are well, each by time. */

import { placeOf } from '../diagnose/diagnose.ts';
import type { Outcome } from '../diagnose/diagnosis.ts';
import { Rows } from '../flow/rows.ts';

/** Words of a row; the double of its time stands before them. */
const word = { code: 2, place: 3, frame: 4, words: 6 } as const;

/** What stands where in a document, as numbers: there may be millions. */
export class DiagnosisOrder {
  readonly #rows = new Rows(word.words);

  /**
   * Adds a connection.
   *
   * @param code What the caller knows it by, 32 bits.
   * @param beganNs From any fixed moment.
   * @param frame Its first frame, which decides between those of one time; 0 comes last.
   */
  add(code: number, outcome: Outcome, beganNs: number, frame: number): void {
    const { words, doubles, at } = this.#added();
    doubles[at >> 1] = beganNs;
    words[at + word.code] = code;
    words[at + word.place] = placeOf(outcome);
    words[at + word.frame] = frame - 1;
  }

  /** The codes, in order. */
  sorted(): Int32Array {
    const { words, count } = this.#rows;
    const order = Uint32Array.from({ length: count }, (_, entry) => entry);
    const compare = (a: number, b: number): number => this.#compare(this.#rows.at(a), this.#rows.at(b));
    // Nearly always they come in order.
    if (order.some((entry) => entry > 0 && compare(entry - 1, entry) > 0)) order.sort(compare);
    return Int32Array.from(order, (entry) => words[this.#rows.at(entry) + word.code] ?? 0);
  }

  #added(): { readonly words: Int32Array; readonly doubles: Float64Array; readonly at: number } {
    const at = this.#rows.at(this.#rows.add());
    const { words, doubles } = this.#rows;
    return { words, doubles, at };
  }

  #compare(a: number, b: number): number {
    const { words, doubles } = this.#rows;
    return (
      (words[a + word.place] ?? 0) - (words[b + word.place] ?? 0) ||
      (doubles[a >> 1] ?? 0) - (doubles[b >> 1] ?? 0) ||
      // Unsigned, so that no frame comes behind all frames.
      ((words[a + word.frame] ?? 0) >>> 0) - ((words[b + word.frame] ?? 0) >>> 0)
    );
  }
}
