/** gzip (RFC 1952, several members too) and zstd (RFC 8878, several frames too), taken off a stream of bytes. */

import { once } from 'node:events';
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';

/** What a capture may be wrapped in. */
export type Compression = 'gzip' | 'zstd';

/** Bytes that tell a compression. */
export const compressionMagicLength = 4;

const gzipMagic = [0x1f, 0x8b];
const zstdMagic = [0x28, 0xb5, 0x2f, 0xfd];
/** A skippable frame (RFC 8878, section 3.1.2), with which parallel compressors begin: its lowest four bits are free. */
const skippableMagic = [0x50, 0x2a, 0x4d, 0x18];
const freeBits = 0x0f;

/** The compression of what begins with these bytes, or null. */
export function recogniseCompression(head: Uint8Array): Compression | null {
  const begins = (magic: readonly number[]): boolean => magic.every((byte, index) => head[index] === byte);
  if (begins(gzipMagic)) return 'gzip';
  const [first = 0, ...rest] = head;
  const skippable = [first & ~freeBits, ...rest.slice(0, 3)].every((byte, index) => byte === skippableMagic[index]);
  return begins(zstdMagic) || (skippable && head.length >= compressionMagicLength) ? 'zstd' : null;
}

/** Why compressed data could not be read to their end. */
export interface CompressionDamage {
  /** Bytes of the compressed file that were read before it. */
  readonly offset: number;
  readonly reason: string;
  /** The engine dropped what it made of the bytes around the damage; never when they merely end too early. */
  readonly lossy: boolean;
}

/** Compressed bytes given to the engine at once: the damage is somewhere in as many. */
const sliceLength = 16 * 1024;
/** Decompressed bytes that the engine makes before it waits for its reader, however much a slice expands to. */
const outputLength = 16 * 1024;

const endedEarly = 'Z_BUF_ERROR';
const reasons: ReadonlyMap<string, string> = new Map([
  [endedEarly, 'they end too early'],
  ['ZSTD_error_frameParameter_windowTooLarge', 'they want a window above 128 MiB'],
]);

/**
 * Decompressed chunks, at most 16 KiB waiting at a time. Where the data are damaged it ends, after it has told `onDamage`;
 * all that was decompressed before comes out.
 *
 * @param fineFrom From this offset on bytes are taken one by one, so that the damage is told to the byte and the engine
 *   loses nothing of what stands before it.
 */
export async function* decompress(
  compression: Compression,
  input: AsyncIterable<Uint8Array>,
  onDamage: (damage: CompressionDamage) => void,
  fineFrom = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  const slices = new Slices(input, fineFrom);
  for (let start = 0; ; ) {
    // A high-water mark of one byte lets the engine work on only when all that it made has been taken: Node drops what
    // waits in a stream that fails.
    const options = { chunkSize: outputLength, highWaterMark: 1 };
    const engine = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
    let failure: unknown = null;
    engine.on('error', (error) => {
      failure ??= error;
    });
    const begin = start;
    const taken = (): number => begin + engine.bytesWritten;
    const source = Readable.from(slices.from(begin, taken), { objectMode: false, highWaterMark: 1 });
    source.on('error', (error) => engine.destroy(error));
    source.pipe(engine);
    try {
      for await (const chunk of engine) yield chunk;
    } catch (error) {
      failure ??= error;
    } finally {
      source.destroy();
      engine.destroy();
    }
    start = taken();
    if (failure !== null) {
      const code = failure instanceof Error && 'code' in failure ? String(failure.code) : '';
      onDamage({ offset: start, reason: reasons.get(code) ?? 'they are damaged', lossy: code !== endedEarly });
      return;
    }
    // Node's gzip goes on with the next member by itself, its zstd ends with a frame.
    if (compression === 'gzip' || start === begin) return;
    if (!source.closed) await once(source, 'close');
    if (!slices.reachBeyond(start)) return;
  }
}

/** The compressed bytes in slices, of which those that an engine left are given again to the next one. */
class Slices {
  readonly #input: AsyncIterator<Uint8Array>;
  readonly #fineFrom: number;
  /** Chunks with bytes that the engine has not taken yet. */
  #chunks: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  #end = 0;

  constructor(input: AsyncIterable<Uint8Array>, fineFrom: number) {
    this.#input = input[Symbol.asyncIterator]();
    this.#fineFrom = fineFrom;
  }

  /** True when bytes at or behind this offset have been taken from the input. */
  reachBeyond(offset: number): boolean {
    return this.#end > offset;
  }

  /** Slices from an offset on. Bytes before `taken()` are wanted no more, and are let go. */
  async *from(start: number, taken: () => number): AsyncGenerator<Uint8Array> {
    for (let offset = start; ; ) {
      this.#chunks = this.#chunks.filter((chunk) => chunk.offset + chunk.bytes.length > taken());
      const chunk = this.#chunks.find((one) => one.offset + one.bytes.length > offset);
      if (chunk === undefined) {
        const { done, value } = await this.#input.next();
        if (done === true) return;
        this.#chunks.push({ offset: this.#end, bytes: value });
        this.#end += value.length;
        continue;
      }
      const length = offset >= this.#fineFrom ? 1 : Math.min(sliceLength, this.#fineFrom - offset);
      const within = offset - chunk.offset;
      const slice = chunk.bytes.subarray(within, within + length);
      yield slice;
      offset += slice.length;
    }
  }
}
