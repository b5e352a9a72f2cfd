/**
 * Numbers and text read from packet bytes, big-endian as every header here is (RFC 1700).
 *
 * Nothing throws: a byte beyond the end reads as 0, so whoever reads checks first that the bytes are there.
 */

/** The unsigned number of `length` bytes (1 to 4) at `offset`. */
export function readUint(bytes: Uint8Array, offset: number, length: number): number {
  let value = 0;
  for (let index = offset; index < offset + length; index++) value = value * 0x100 + (bytes[index] ?? 0);
  return value;
}

/** Lower-case hex of the bytes from `start` up to `end`, as much of it as there is. */
export function readHex(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (const byte of bytes.subarray(start, Math.max(start, end))) text += byte.toString(16).padStart(2, '0');
  return text;
}

const utf8 = new TextDecoder();

/** The text in the bytes from `start` up to `end`, as much of it as there is; what is not UTF-8 reads as U+FFFD. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  return utf8.decode(bytes.subarray(start, Math.max(start, end)));
}

/** A number as hex of `digits` digits: `0x0800`. */
export function hex(value: number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}
