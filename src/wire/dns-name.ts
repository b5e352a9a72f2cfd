/** Domain names as messages hold them, compressed or not: RFC 1035 sections 3.1 and 4.1.4. */

import type { Context, Header } from './decoder.ts';
import type { DecodeError } from './layer.ts';

const shortLength = 2;
const pointerMask = 0xc0;
const pointerOffsetMask = 0x3fff;

/** RFC 1035 section 2.3.4. */
const longestLabel = 63;
/** RFC 1035 section 2.3.4: all labels with their length bytes, the root's among them. */
const longestName = 255;

/** A name has at most this many labels, so an honest name never follows more pointers. */
const mostPointers = 127;

/** The name of the root, whose own text would be empty; Wireshark writes it so as well. */
const rootName = '<Root>';

/** Where reading goes on after a part of a message; null after an error, and where the capture ends. */
export interface Step {
  readonly next: number | null;
  readonly error: DecodeError | null;
}

/** A name as far as it could be read. */
export interface Name {
  /** Labels joined by dots, raw; null when the name is damaged or is not there as a whole. */
  readonly text: string | null;
  /** Bytes that it takes where it stands: up to its end, or to its first pointer's. */
  readonly length: number;
  readonly error: DecodeError | null;
}

/**
 * Reads the name at `place`.
 *
 * @param base Where the message starts, from which pointers count. Like `place` it counts from the header's start.
 */
export function readName(header: Header, base: number, place: number, context: Context): Name {
  const labels: string[] = [];
  let at = place;
  let length = 0;
  let total = 1;
  let pointers = 0;
  // A pointer leads to a prior occurrence, so each one must point before all that the name has come through so far.
  let earliest = place;
  for (;;) {
    if (!header.has(at + 1)) return { text: null, length, error: header.shortage(at + 1, context) };
    const size = header.peek(at, 1);
    if (size === 0) {
      const text = labels.length === 0 ? rootName : labels.join('.');
      return { text, length: pointers === 0 ? at + 1 - place : length, error: null };
    }
    if (size >= pointerMask) {
      const after = at + shortLength;
      if (!header.has(after)) return { text: null, length, error: header.shortage(after, context) };
      if (pointers === 0) length = after - place;
      const target = header.peek(at, shortLength) & pointerOffsetMask;
      const most = earliest - base - 1;
      if (target > most) return { text: null, length, error: header.excess('dns.name.pointer', most, target) };
      pointers += 1;
      if (pointers > mostPointers) {
        return { text: null, length, error: header.excess('dns.name.pointers', mostPointers, pointers) };
      }
      at = base + target;
      earliest = at;
      continue;
    }
    if (size > longestLabel)
      return { text: null, length, error: header.excess('dns.label.length', longestLabel, size) };
    const next = at + 1 + size;
    if (!header.has(next)) return { text: null, length, error: header.shortage(next, context) };
    total += 1 + size;
    if (total > longestName) return { text: null, length, error: header.excess('dns.name.length', longestName, total) };
    labels.push(header.peekText(at + 1, size));
    at = next;
  }
}
