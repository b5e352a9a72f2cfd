/** Where a capture's bytes come from: a file, a pipe, a device, standard input, as they are or compressed. */

import { type FileHandle, open } from 'node:fs/promises';
import {
  type Compression,
  type CompressionDamage,
  compressionMagicLength,
  decompress,
  recogniseCompression,
} from './compression.ts';
import { errorText } from './error-text.ts';

/** Why a capture's bytes ended before their end. */
export type InputProblem =
  | { readonly kind: 'unreadable'; readonly offset: number; readonly error: unknown }
  | {
      readonly kind: 'damaged-compression';
      readonly compression: Compression;
      readonly offset: number;
      readonly reason: string;
    }
  | { readonly kind: 'no-room'; readonly folder: string; readonly error: unknown };

/** One line for people, without a full stop. */
export function describeInputProblem(problem: InputProblem): string {
  if (problem.kind === 'unreadable') {
    return `cannot be read beyond byte ${problem.offset}: ${errorText(problem.error)}`;
  }
  if (problem.kind === 'no-room') {
    return `cannot be kept in ${problem.folder}: ${errorText(problem.error)}; TMPDIR names another folder`;
  }
  const { compression, offset, reason } = problem;
  return `the ${compression} data cannot be read beyond byte ${offset} of the compressed file: ${reason}`;
}

/** Bytes read at once. */
const readLength = 256 * 1024;

async function* readFrom(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(readLength), 0, readLength, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Reads a regular file from its beginning, again. */
async function* readAgain(handle: FileHandle): AsyncGenerator<Uint8Array> {
  for (let offset = 0; ; ) {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(readLength), 0, readLength, offset);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    offset += bytesRead;
  }
}

/** An opened input. Dispose of it when its bytes are no longer wanted. */
export class CaptureInput implements AsyncDisposable {
  /** What the bytes are wrapped in, by their beginning; null when in nothing. */
  readonly compression: Compression | null;
  /** Descriptor of a regular file whose bytes are the capture's own; null for what can be read once only. */
  readonly descriptor: number | null;
  readonly #handle: FileHandle | null;
  readonly #isFile: boolean;
  readonly #head: readonly Uint8Array[];
  readonly #rest: AsyncIterator<Uint8Array>;
  #problem: InputProblem | null = null;

  private constructor(
    handle: FileHandle | null,
    isFile: boolean,
    head: readonly Uint8Array[],
    rest: AsyncIterator<Uint8Array>,
  ) {
    this.#handle = handle;
    this.#isFile = isFile;
    this.#head = head;
    this.#rest = rest;
    this.compression = recogniseCompression(Uint8Array.from(head.flatMap((chunk) => [...chunk.subarray(0, 4)])));
    this.descriptor = handle !== null && isFile && this.compression === null ? handle.fd : null;
  }

  /**
   * Opens a file by its path, or standard input by `-`, and waits for its first bytes.
   *
   * @throws the system's error when it cannot be opened or its first bytes cannot be read.
   */
  static async open(path: string): Promise<CaptureInput> {
    const handle = path === '-' ? null : await open(path, 'r');
    try {
      const isFile = handle !== null && (await handle.stat()).isFile();
      const bytes: AsyncIterable<Uint8Array> = handle === null ? process.stdin : readFrom(handle);
      const rest = bytes[Symbol.asyncIterator]();
      const head: Uint8Array[] = [];
      for (let length = 0; length < compressionMagicLength; ) {
        const { done, value } = await rest.next();
        if (done === true) break;
        head.push(value);
        length += value.length;
      }
      return new CaptureInput(handle, isFile, head, rest);
    } catch (error) {
      await handle?.close();
      throw error;
    }
  }

  /** Why the bytes ended before their end; null while all is well. */
  get problem(): InputProblem | null {
    return this.#problem;
  }

  /**
   * The capture's bytes, decompressed, once; whoever reads owns the chunks. Never throws: see `problem` when it has ended.
   * Of damaged compressed data that cannot be read twice, the last 16 KiB before the damage may be missing.
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    const { compression } = this;
    if (compression === null) {
      yield* this.#bytes();
      return;
    }
    const damages: CompressionDamage[] = [];
    const onDamage = (damage: CompressionDamage): void => void damages.push(damage);
    let given = 0;
    for await (const chunk of decompress(compression, this.#bytes(), onDamage)) {
      given += chunk.length;
      yield chunk;
    }
    const first = damages.at(0);
    if (first === undefined || this.#problem !== null) return;
    if (first.lossy && this.#isFile && this.#handle !== null) {
      // A file can be read again: byte by byte where it is damaged, what the engine lost there comes out.
      let passed = 0;
      for await (const chunk of decompress(compression, readAgain(this.#handle), onDamage, first.offset)) {
        const fresh = chunk.subarray(Math.max(0, given - passed));
        passed += chunk.length;
        if (fresh.length > 0) yield fresh;
      }
    }
    const { offset, reason } = damages.at(-1) ?? first;
    this.#problem ??= { kind: 'damaged-compression', compression, offset, reason };
  }

  async *#bytes(): AsyncGenerator<Uint8Array> {
    let offset = 0;
    try {
      for (const chunk of this.#head) {
        offset += chunk.length;
        yield chunk;
      }
      for (;;) {
        const { done, value } = await this.#rest.next();
        if (done === true) return;
        offset += value.length;
        yield value;
      }
    } catch (error) {
      this.#problem = { kind: 'unreadable', offset, error };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rest.return?.();
    await this.#handle?.close();
  }
}
