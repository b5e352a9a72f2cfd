/**
 * A capture whose bytes stay reachable after they have been read: an index keeps offsets, not bytes. A plain file is
 * read in place; of what can be read once only (a pipe, compressed data) a copy is kept, a large one under TMPDIR and without
 * a name.
 */

import { tmpdir } from 'node:os';
import { CaptureInput, type InputProblem } from './input.ts';
import { readAt, Spill } from './spill.ts';

/** An opened capture. Dispose of it when none of its bytes are wanted any more. */
export class CaptureSource implements AsyncDisposable {
  readonly input: CaptureInput;
  readonly #folder: string;
  #spill: Spill | null = null;
  #problem: InputProblem | null = null;

  private constructor(input: CaptureInput, folder: string) {
    this.input = input;
    this.#folder = folder;
  }

  /**
   * Opens a file by its path, or standard input by `-`.
   *
   * @param folder Where a copy is kept when one is needed.
   * @throws the system's error when it cannot be opened or its first bytes cannot be read.
   */
  static async open(path: string, folder = tmpdir()): Promise<CaptureSource> {
    return new CaptureSource(await CaptureInput.open(path), folder);
  }

  /** Why the bytes ended before their end; null while all is well. */
  get problem(): InputProblem | null {
    return this.#problem ?? this.input.problem;
  }

  /** The capture's bytes, decompressed, once. Never throws: see `problem` when it has ended. */
  async *chunks(): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.input.chunks()) {
      if (this.input.descriptor === null && !this.#keep(chunk)) return;
      yield chunk;
    }
  }

  #keep(chunk: Uint8Array): boolean {
    try {
      this.#spill ??= new Spill(this.#folder);
      this.#spill.append(chunk);
      return true;
    } catch (error) {
      this.#problem = { kind: 'no-room', folder: this.#folder, error };
      return false;
    }
  }

  /**
   * Bytes that `chunks` has given, by their place in the decompressed capture; fewer where it has not come so far.
   *
   * @param length Bounds what is allocated: the caller has checked it against its own bound.
   * @param into Where they go, at its start, if it is given; it holds as many.
   * @throws the system's error when the file cannot be read any more.
   */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array {
    if (this.input.descriptor !== null) return readAt(this.input.descriptor, offset, length, into);
    return this.#spill?.read(offset, length, into) ?? new Uint8Array(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#spill?.[Symbol.dispose]();
    await this.input[Symbol.asyncDispose]();
  }
}
