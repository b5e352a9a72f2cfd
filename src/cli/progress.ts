/** How far a long piece of work is: one line on a terminal's standard error, gone at the end. */

import { bytesText } from '../report/connections.ts';

/** What is done sooner needs no progress; after that, it is told this often. */
const firstMs = 300;
const everyMs = 200;
const eraseLine = '\r\u001b[K';

/** How far work is that comes in steps. */
export interface Step {
  readonly done: number;
  readonly total: number;
}

/** How far a piece of work is. */
export interface HowFar {
  readonly what: 'reading' | 'diagnosing' | 'filtering';
  /** Bytes read, connections looked into, or frames asked. */
  readonly done: number;
  /** Null when nobody knows. */
  readonly total: number | null;
  readonly elapsedMs: number;
}

/** Is told how far a piece of work is. */
export interface Watcher {
  /** The work goes on when the promise resolves. */
  tell(what: HowFar['what'], done: number, total: number | null): void | Promise<void>;
  /** Leaves the terminal to others. */
  close(): void | Promise<void>;
}

/** `45 MB of 1.8 GB, 1.1 GB/s, 2 s left`. */
export function howFarText({ what, done, total, elapsedMs }: HowFar): string {
  const perSecond = (done * 1000) / Math.max(1, elapsedMs);
  const text = what === 'reading' ? bytesText : (count: number): string => count.toFixed(0);
  const noun = { reading: '', diagnosing: ' connections', filtering: ' frames' }[what];
  if (total === null) return `${text(done)}, ${text(perSecond)}/s`;
  const left = perSecond === 0 ? '' : `, ${Math.ceil((total - done) / perSecond)} s left`;
  return `${text(done)} of ${text(total)}${noun}, ${text(perSecond)}/s${left}`;
}

/** Times pieces of work, each from when it is first told of. */
export class Stopwatch {
  #what: HowFar['what'] | null = null;
  #startMs = performance.now();

  /** How far a piece of work is by now. */
  at(what: HowFar['what'], done: number, total: number | null): HowFar {
    const nowMs = performance.now();
    if (this.#what !== null && this.#what !== what) this.#startMs = nowMs;
    this.#what = what;
    return { what, done, total, elapsedMs: nowMs - this.#startMs };
  }
}

/** Shows progress while it is told of it. Nothing is shown where standard error is no terminal. */
export class Progress implements Watcher, Disposable {
  readonly #isShown = process.stderr.isTTY;
  readonly #stopwatch = new Stopwatch();
  #nextMs = performance.now() + firstMs;
  #isDrawn = false;

  tell(what: HowFar['what'], done: number, total: number | null): void {
    if (!this.#isShown) return;
    const howFar = this.#stopwatch.at(what, done, total);
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + everyMs;
    process.stderr.write(`${eraseLine}${what}: ${howFarText(howFar)}`);
    this.#isDrawn = true;
  }

  /** Takes the line away, until it is told again. */
  close(): void {
    if (this.#isDrawn) process.stderr.write(eraseLine);
    this.#isDrawn = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Does work that comes in steps to its end. */
export async function drive<T>(what: HowFar['what'], work: Generator<Step, T>, watcher: Watcher): Promise<T> {
  for (let step = work.next(); ; step = work.next()) {
    if (step.done === true) return step.value;
    await watcher.tell(what, step.value.done, step.value.total);
  }
}
