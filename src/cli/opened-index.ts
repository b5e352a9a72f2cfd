/** Opens a capture of any size and reads it once, to its end: its index, and its bytes for later. */

import { randomBytes } from 'node:crypto';
import { fstatSync } from 'node:fs';
import { CaptureSource } from '../capfile/capture-source.ts';
import { CaptureIndex } from '../index/capture-index.ts';
import { IndexedCapture } from '../index/indexed-capture.ts';
import { readChunks } from '../index/read-file.ts';
import { nameOf, remark, whatStopped } from './captures.ts';
import { errorText, UserError } from './errors.ts';
import { Progress } from './progress.ts';

/** Bytes that are read at once when a capture is read again. */
const againLength = 1024 * 1024;

/** A capture that was read to its end. Dispose of it when none of its bytes are wanted any more. */
export class OpenedIndex implements AsyncDisposable {
  /** What people call the capture. */
  readonly name: string;
  readonly capture: IndexedCapture;
  readonly #source: CaptureSource;

  private constructor(name: string, source: CaptureSource, index: CaptureIndex) {
    this.name = name;
    this.#source = source;
    this.capture = new IndexedCapture(index, (offset, length) => source.read(offset, length));
  }

  /** Reads a capture. Throws a UserError when it is none; what is before damage counts. */
  static async open(path: string): Promise<OpenedIndex> {
    const name = nameOf(path);
    const source = await openSource(path);
    try {
      const index = await readIndex(path, source);
      if (index.error === null || index.error.kind === 'damaged') return new OpenedIndex(name, source, index);
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

  /** Why the capture was not read to its end; null when it was. */
  get stopped(): string | null {
    return whatStopped(this.#source.problem, this.#source.input.compression, this.capture.index.error);
  }

  /** Says on standard error what the capture lacks, or what of it did not fit. */
  remark(): void {
    const { untracked } = this.capture.index.connections;
    const { stopped } = this;
    if (stopped !== null) remark(this.name, stopped);
    if (untracked === 0) return;
    remark(this.name, `${untracked} packets are in no connection here: there are more than fit into memory`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#source[Symbol.asyncDispose]();
  }
}

async function openSource(path: string): Promise<CaptureSource> {
  try {
    return await CaptureSource.open(path);
  } catch (error) {
    throw new UserError(`cannot read ${nameOf(path)}: ${errorText(error)}`);
  }
}

async function readIndex(path: string, source: CaptureSource): Promise<CaptureIndex> {
  // A seed that nobody can guess: no capture can be crafted so that its connections collide.
  const index = new CaptureIndex(randomBytes(4).readInt32LE());
  const { descriptor } = source.input;
  using progress = new Progress(descriptor === null ? null : fstatSync(descriptor).size);
  const take = (chunk: Uint8Array): void => {
    index.push(chunk);
    progress.show(index.bytes);
  };
  try {
    if (descriptor !== null) await readChunks(descriptor, take);
    else {
      for await (const chunk of source.chunks()) {
        take(chunk);
        // A device may never end.
        if (index.error !== null) break;
      }
    }
  } catch (error) {
    throw new UserError(`cannot read ${nameOf(path)}: ${errorText(error)}`);
  }
  index.end();
  return index;
}
