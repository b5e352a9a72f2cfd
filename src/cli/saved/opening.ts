/** Opens a large capture on a terminal: the UI is there at once, tells how far it is, and can be left. */

import { setImmediate } from 'node:timers/promises';
import type { CaseView } from '../../ui/case-view.ts';
import type { ColourChoice } from '../../ui/colour.ts';
import type { Loading } from '../../ui/rows/loading.ts';
import type { OpenUi } from '../../ui/start.tsx';
import { type HowFar, howFarText, Stopwatch, type Watcher } from '../progress.ts';

/** What takes no longer than this is not worth a screen of its own. */
const firstMs = 100;
/** How often it is drawn, and how often keys are looked at: far below what a hand notices. */
const drawnEveryMs = 100;
const turnEveryMs = 20;

const words: Readonly<Record<HowFar['what'], string>> = {
  reading: 'Reading',
  diagnosing: 'Looking into what failed',
  filtering: 'Filtering',
};

/** A UI that opens while a capture is read. Who leaves it before there is a case ends nettrace: nothing is to be tidied. */
export class Opening implements Watcher, AsyncDisposable {
  readonly #title: string;
  readonly #color: ColourChoice;
  readonly #stopwatch = new Stopwatch();
  #ui: OpenUi | null = null;
  /** Whoever closes it now ends nettrace. */
  #isLoading = true;
  #turnAtMs = performance.now() + firstMs;
  #drawAtMs = 0;

  constructor(title: string, color: ColourChoice) {
    this.#title = title;
    this.#color = color;
  }

  async tell(what: HowFar['what'], done: number, total: number | null): Promise<void> {
    const howFar = this.#stopwatch.at(what, done, total);
    const nowMs = performance.now();
    if (nowMs < this.#turnAtMs) return;
    const loading = {
      title: this.#title,
      text: `${words[what]}: ${howFarText(howFar)}`,
      share: total === null ? null : Math.min(1, done / Math.max(1, total)),
    };
    if (this.#ui === null) await this.#open(loading);
    else if (nowMs >= this.#drawAtMs) {
      this.#ui.tell(loading);
      this.#drawAtMs = nowMs + drawnEveryMs;
    }
    // Keys and the screen have their turn.
    await setImmediate();
    this.#turnAtMs = performance.now() + turnEveryMs;
  }

  async #open(loading: Loading): Promise<void> {
    const { openLoading } = await import('../../ui/start.tsx');
    this.#ui = openLoading(loading, this.#color);
    void this.#endWith(this.#ui);
  }

  async #endWith({ closed }: OpenUi): Promise<void> {
    try {
      await closed;
    } catch {
      // Whoever waits for its end is told.
      return;
    }
    if (this.#isLoading) process.exit();
  }

  /** Shows a case until the user quits. */
  async show(view: CaseView): Promise<void> {
    if (this.#ui === null) {
      const { startUi } = await import('../../ui/start.tsx');
      await startUi(view, this.#color);
      return;
    }
    this.#isLoading = false;
    this.#ui.show(view);
    await this.#ui.closed;
  }

  /** Gives the terminal back. */
  async close(): Promise<void> {
    this.#isLoading = false;
    this.#ui?.close();
    await this.#ui?.closed;
    this.#ui = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
