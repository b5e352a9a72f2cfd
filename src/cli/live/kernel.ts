/** The kernel's events in a live capture: asked for less under a flood, and never taken for complete when they are not. */

import type { Guard } from '../../capture/guard.ts';
import type { KernelLine } from '../../case/evidence.ts';
import { Tracer } from '../../kernel/tracefs.ts';
import { errorText } from '../errors.ts';
import type { LiveNotes } from './notes.ts';

/** Above so many frames a second the kernel is no longer asked about each packet; below the other it is again. */
const mostTraced = 20_000;
const tracedAgain = 5000;
/** The kernel speaks of a connection within this time before its first frame and after its last. */
const marginNs = 1_000_000_000n;
/** Of a long connection, its beginning is left to its frames. */
const longestNs = 20_000_000_000n;
const nsPerMs = 1_000_000n;

/** What the kernel said meanwhile, and whether some of that may be missing. */
export interface KernelEvidence {
  readonly lines: readonly KernelLine[];
  readonly isComplete: boolean;
}

/** See the file's head. */
export class LiveKernel {
  readonly #notes: LiveNotes;
  #tracer: Tracer | null = null;
  #devices: readonly string[] = [];
  #asksAll = true;
  #stopped = false;
  #lost = 0;
  /** When a line was last lost, or not asked for; nanoseconds since 1970, 0 for never. */
  #lostNs = 0n;

  constructor(notes: LiveNotes) {
    this.#notes = notes;
  }

  /** Begins, where the kernel can be asked; else a note says why not. Never rejects. */
  async open(guard: Guard, wanted: boolean): Promise<void> {
    if (!wanted) {
      this.#notes.stand('Kernel events are left out (--no-kernel): nothing is proven without them.');
      return;
    }
    try {
      const tracer = await Tracer.open(guard, 'latest');
      if (this.#stopped) tracer.stop();
      else this.#begin(tracer);
    } catch (error) {
      this.#notes.stand(`Kernel events cannot be had: ${errorText(error)}.`);
    }
  }

  #begin(tracer: Tracer): void {
    tracer.watch(this.#devices);
    this.#tracer = tracer;
  }

  /** The tracer, while it traces: one that has failed is let go, which a note says. */
  #current(): Tracer | null {
    const failure = this.#tracer?.failure ?? null;
    if (failure === null) return this.#tracer;
    this.#tracer?.stop();
    this.#tracer = null;
    this.#notes.stand(`Kernel events cannot be had any more: ${errorText(failure)}.`);
    return null;
  }

  /** True where the kernel is asked. */
  get isOpen(): boolean {
    return this.#tracer !== null;
  }

  /** Nothing that it said was lost so far. */
  get isComplete(): boolean {
    return this.#lostNs === 0n;
  }

  /** Says at which devices packets are to be followed from here on. */
  watch(devices: readonly string[]): void {
    this.#devices = devices;
    this.#tracer?.watch(devices);
  }

  /** Once a second: asks for as much as these frames a second allow. */
  measure(framesPerSecond: number): void {
    const tracer = this.#current();
    if (tracer === null) return;
    if (tracer.asksAll && framesPerSecond > mostTraced) tracer.askLess();
    else if (!tracer.asksAll && framesPerSecond < tracedAgain) tracer.askAll();
    if (!this.#asksAll || !tracer.asksAll || tracer.lost > this.#lost) this.#lostNs = BigInt(Date.now()) * nsPerMs;
    this.#lost = tracer.lost;
    if (this.#asksAll === tracer.asksAll) return;
    this.#asksAll = tracer.asksAll;
    this.#notes.happened(
      this.#asksAll
        ? 'The kernel is asked for everything again.'
        : 'There are too many packets for the kernel to tell of each: what it would prove is not proven for now.',
    );
  }

  /** What it said around two times, in nanoseconds since 1970. */
  between(fromNs: bigint, toNs: bigint): KernelEvidence {
    const latestNs = toNs + marginNs;
    const firstNs = fromNs - marginNs;
    const earliestNs = firstNs < latestNs - longestNs ? latestNs - longestNs : firstNs;
    const lines = this.#tracer?.between(earliestNs, latestNs) ?? [];
    // Whether the kernel could be asked at all is known now.
    this.#current();
    return { lines, isComplete: this.#lostNs < earliestNs };
  }

  /** Ends it, and gives the lines that are still kept. */
  stop(): KernelLine[] {
    this.#stopped = true;
    return this.#tracer?.stop() ?? [];
  }
}
