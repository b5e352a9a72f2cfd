/** gzip (RFC 1952, several members too) and zstd (RFC 8878, several frames too), taken off a stream of bytes. */

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
  // A high-water mark of one byte lets the engine work on only when all that it made has been taken: Node drops what
  // waits in a stream that fails.
  const options = { chunkSize: outputLength, highWaterMark: 1 };
  const engine = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options);
  let failure: unknown = null;
  engine.on('error', (error) => {
    failure ??= error;
  });
  const source = Readable.from(slices(input, fineFrom), { objectMode: false, highWaterMark: 1 });
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
  if (failure === null) return;
  const code = failure instanceof Error && 'code' in failure ? String(failure.code) : '';
  onDamage({
    offset: engine.bytesWritten,
    reason: reasons.get(code) ?? 'they are damaged',
    lossy: code !== endedEarly,
  });
}

async function* slices(input: AsyncIterable<Uint8Array>, fineFrom: number): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for await (const chunk of input) {
    for (let start = 0; start < chunk.length; ) {
      const fine = offset >= fineFrom;
      const length = fine ? 1 : Math.min(sliceLength, fineFrom - offset);
      const slice = chunk.subarray(start, start + length);
      yield slice;
      start += slice.length;
      offset += slice.length;
    }
  }
}
