/** What the index keeps of a packet: 32 bytes, so that millions of them fit into memory and a filter reads little. */

/** 32-bit words of a packet's row. */
export const packetWord = {
  /** Seconds since 1970, UTC, as an unsigned number, and nanoseconds of that second. Times outside 1970 to 2106 are cut. */
  seconds: 2,
  nanoseconds: 3,
  capturedLength: 4,
  /** Bytes on the wire. */
  originalLength: 5,
  /** Number of its connection, or `none`. */
  connection: 6,
  /**
   * The file's interface (15 bits), whether it is plain (see `isPlain`), TCP's flags (8), and in the highest bit
   * whether end 1 of the connection sent it.
   */
  rest: 7,
} as const;

/** Doubles of the row: where in the file the captured bytes start. */
export const packetDouble = { offset: 0 } as const;

/** 32-bit words of the row. */
export const packetWords = 8;

const interfaceMask = 0x7fff;
const plainShift = 15;
const flagsShift = 16;
const flagsMask = 0xff;
const directionShift = 31;

/** The word `rest`. Interfaces beyond the 32,767th are kept as that one; `plain` is 0 or 1. */
export function packRest(interfaceIndex: number, plain: number, flags: number, direction: number): number {
  const kept = interfaceIndex < interfaceMask ? interfaceIndex : interfaceMask;
  return kept | (plain << plainShift) | (flags << flagsShift) | (direction << directionShift);
}

/**
 * In `rest`: the row and its connection's say all of the packet's addresses, ports and flags. False for fragments,
 * tunnels, broken headers, what an ICMP error quotes, and packets of no connection.
 */
export function isPlain(rest: number): boolean {
  return ((rest >>> plainShift) & 1) !== 0;
}

/** The file's interface in `rest`. */
export function interfaceOf(rest: number): number {
  return rest & interfaceMask;
}

/** TCP's flags in `rest`. */
export function flagsOf(rest: number): number {
  return (rest >>> flagsShift) & flagsMask;
}

/** Which end of its connection sent it, in `rest`. */
export function directionOf(rest: number): number {
  return rest >>> directionShift;
}
