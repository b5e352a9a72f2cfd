/** Capture files for tests, written byte by byte in either byte order. */

/** Numbers in one byte order. */
export class Writer {
  readonly #littleEndian: boolean;
  readonly #bytes: number[] = [];

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian;
  }

  uint(value: number | bigint, length: number): this {
    const bytes: number[] = [];
    for (let rest = BigInt.asUintN(length * 8, BigInt(value)); bytes.length < length; rest >>= 8n) {
      bytes.push(Number(rest & 0xffn));
    }
    this.#bytes.push(...(this.#littleEndian ? bytes : bytes.reverse()));
    return this;
  }

  raw(bytes: Iterable<number>): this {
    this.#bytes.push(...bytes);
    return this;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** One file from several pieces. */
export function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => [...piece]));
}

/** A pcap file header. */
export function pcapHeader(littleEndian: boolean, magic: number, minor = 4, linkType = 1): Uint8Array {
  const writer = new Writer(littleEndian).uint(magic, 4).uint(2, 2).uint(minor, 2).uint(0, 4).uint(0, 4);
  return writer.uint(262_144, 4).uint(linkType, 4).bytes();
}

/** A pcap record. */
export function pcapRecord(
  littleEndian: boolean,
  seconds: number,
  fraction: number,
  originalLength: number,
  bytes: Uint8Array,
): Uint8Array {
  const writer = new Writer(littleEndian).uint(seconds, 4).uint(fraction, 4).uint(bytes.length, 4);
  return writer.uint(originalLength, 4).raw(bytes).bytes();
}

/** A pcapng block; the body is padded. */
export function block(littleEndian: boolean, type: number, body: Uint8Array): Uint8Array {
  const pad = (4 - (body.length % 4)) % 4;
  const length = 12 + body.length + pad;
  const writer = new Writer(littleEndian).uint(type, 4).uint(length, 4).raw(body);
  return writer.raw(new Uint8Array(pad)).uint(length, 4).bytes();
}

/** A pcapng section header. */
export function section(littleEndian: boolean, major = 1, minor = 0): Uint8Array {
  const body = new Writer(littleEndian).uint(0x1a2b3c4d, 4).uint(major, 2).uint(minor, 2).uint(-1n, 8).bytes();
  return block(littleEndian, 0x0a0d0d0a, body);
}

/** A pcapng interface with options as `[code, value]`. */
export function interfaceOf(
  littleEndian: boolean,
  options: readonly (readonly [number, Uint8Array])[] = [],
  snapLength = 0,
): Uint8Array {
  const writer = new Writer(littleEndian).uint(1, 2).uint(0, 2).uint(snapLength, 4);
  for (const [code, value] of options) {
    writer
      .uint(code, 2)
      .uint(value.length, 2)
      .raw(value)
      .raw(new Uint8Array((4 - (value.length % 4)) % 4));
  }
  return block(littleEndian, 1, writer.bytes());
}

/** A pcapng enhanced packet. */
export function packet(littleEndian: boolean, index: number, time: bigint, bytes: Uint8Array): Uint8Array {
  const writer = new Writer(littleEndian)
    .uint(index, 4)
    .uint(time >> 32n, 4)
    .uint(time & 0xffffffffn, 4);
  return block(
    littleEndian,
    6,
    writer
      .uint(bytes.length, 4)
      .uint(bytes.length + 9, 4)
      .raw(bytes)
      .bytes(),
  );
}
