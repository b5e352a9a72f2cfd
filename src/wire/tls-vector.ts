/** Vectors of TLS messages, RFC 8446 section 3.4: a length and as many bytes, one inside the other. */

import type { Header } from './decoder.ts';
import type { DecodeError } from './layer.ts';

/** A part of a message that holds vectors. Places count from the header's start. */
export interface Body {
  /** Reads no further than the record does; the message may go on in another one. */
  readonly header: Header;
  /** Where this part ends by the lengths in the message. */
  readonly end: number;
  /** Lengths that lead out of what they stand in, in the order in which they were met. */
  readonly faults: DecodeError[];
}

/** Where a vector's bytes lie. */
export interface Vector {
  readonly start: number;
  readonly end: number;
}

/** A list with more items than any honest hello has; the rest of it is left out. */
const mostItems = 256;

/** Adds a vector's length, of `size` bytes. A vector that leads out of its body is a fault, and ends with the body. */
export function addVector(body: Body, field: string, label: string, place: number, size: number): Vector {
  const { header, end, faults } = body;
  const start = place + size;
  if (start > end || !header.has(start)) return { start: end, end };
  const length = header.number(field, label, place, size);
  if (start + length <= end) return { start, end: start + length };
  faults.push(header.excess(field, end - start, length));
  return { start, end };
}

/** Adds the numbers of `size` bytes that a vector consists of. */
export function addNumbers(
  { header }: Body,
  field: string,
  label: string,
  { start, end }: Vector,
  size: number,
  text: (value: number) => string,
): void {
  const last = Math.min(end, start + mostItems * size);
  for (let place = start; place + size <= last && header.has(place + size); place += size) {
    header.number(field, label, place, size, text);
  }
}
