/** What people should know of a live capture, in sentences: what holds from the start on, then what happened when. */

/** Of what happened, the latest are kept. */
const mostEvents = 200;

/** See the file's head. */
export class LiveNotes {
  readonly #standing: string[];
  readonly #events: string[] = [];

  constructor(standing: readonly string[]) {
    this.#standing = [...standing];
  }

  /** What holds for all of the capture: a saved case says it too. */
  get standing(): readonly string[] {
    return this.#standing;
  }

  /** All of it, the latest last. */
  get all(): readonly string[] {
    return [...this.#standing, ...this.#events];
  }

  /** Something holds from here on. */
  stand(sentence: string): void {
    this.#standing.push(sentence);
  }

  /** Something has happened, now. */
  happened(sentence: string): void {
    const time = new Date().toTimeString().slice(0, 8);
    this.#events.push(`${time} ${sentence}`);
    if (this.#events.length > mostEvents) this.#events.shift();
  }
}
