/** Opens a capture of any size and reads it once, to its end: its index, and its bytes for later. */

import { randomBytes } from 'node:crypto';
import { CaptureSource } from '../../capfile/capture-source.ts';
import { CaseAround } from '../../capfile/case-around.ts';
import { CaseReader } from '../../capfile/case-file.ts';
import type { Case } from '../../case/evidence.ts';
import { CaptureIndex } from '../../index/capture-index.ts';
import { IndexedCapture } from '../../index/indexed-capture.ts';
import { errorText, UserError } from '../errors.ts';
import { Progress, type Watcher } from '../progress.ts';
import { losses, nameOf, remark, whatStopped } from './captures.ts';
import { feed, remarkOn } from './feed.ts';

/** Bytes that are read at once when a capture is read again. */
const againLength = 1024 * 1024;

/** A capture that was read to its end. Dispose of it when none of its bytes are wanted any more. */
export class OpenedIndex implements AsyncDisposable {
  /** What people call the capture. */
  readonly name: string;
  readonly capture: IndexedCapture;
  /** Everything of the case but its frames. */
  readonly around: Omit<Case, 'frames'>;
  readonly #source: CaptureSource;
  readonly #problems: readonly string[];

  private constructor(name: string, source: CaptureSource, index: CaptureIndex, around: CaseAround) {
    this.name = name;
    this.#source = source;
    this.capture = new IndexedCapture(index, (offset, length, into) => source.read(offset, length, into));
    this.around = around.end();
    this.#problems = around.problems;
  }

  /** Opens a capture and reads it. Throws a UserError when it is none; what is before damage counts. */
  static async open(path: string): Promise<OpenedIndex> {
    using progress = new Progress();
    return await OpenedIndex.read(path, await openSource(path), progress);
  }

  /** Reads a capture that was opened, and takes it over. Throws as `open`. */
  static async read(path: string, source: CaptureSource, watcher: Watcher): Promise<OpenedIndex> {
    const name = nameOf(path);
    try {
      const around = new CaseAround();
      // A seed that nobody can guess: no capture can be crafted so that its connections collide.
      const index = new CaptureIndex(randomBytes(4).readInt32LE(), around);
      await feed(path, source.input, source.chunks(), index, watcher);
      index.end();
      if (index.error === null || index.error.kind === 'damaged') return new OpenedIndex(name, source, index, around);
      const stopped = whatStopped(source.problem, source.input.compression, index.error);
      throw new UserError(`cannot read ${name}: ${stopped ?? 'it is no capture'}`);
    } catch (error) {
      await source[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The capture's bytes once more; whoever reads owns the chunks. */
  *again(): Generator<Uint8Array> {
    const { bytes } = this.capture.index;
    for (let offset = 0; offset < bytes; offset += againLength) {
      yield this.#source.read(offset, Math.min(againLength, bytes - offset));
    }
  }

  /** The capture as a case that is held as a whole, at some five times its size. */
  whole(): Case | null {
    const reader = new CaseReader();
    for (const chunk of this.again()) reader.push(chunk);
    return reader.end();
  }

  /** Why the capture was not read to its end; null when it was. */
  get stopped(): string | null {
    return whatStopped(this.#source.problem, this.#source.input.compression, this.capture.index.error);
  }

  /** Says on standard error what the capture lacks, or what of it did not fit. */
  remark(): void {
    remarkOn(this.name, this.stopped, this.capture.index.connections);
  }

  /** Says the same of the capture as a case: also what of its other evidence could not be read. */
  remarkOnCase(): void {
    this.remark();
    for (const problem of [...this.#problems, ...losses(this.around)]) remark(this.name, problem);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
  }
}

/** Opens a capture's bytes, which stay reachable. Throws a UserError that names it. */
export async function openSource(path: string): Promise<CaptureSource> {
  try {
    return await CaptureSource.open(path);
  } catch (error) {
    throw new UserError(`cannot read ${nameOf(path)}: ${errorText(error)}`);
  }
}
