/** Numbers of the pcapng format (draft-ietf-opsawg-pcapng) that its reader and its writer share. */

/** Block types. */
export const blockType = {
  section: 0x0a0d0d0a,
  interface: 1,
  /** Obsolete, still met. */
  packet: 2,
  simplePacket: 3,
  nameResolution: 4,
  interfaceStatistics: 5,
  enhancedPacket: 6,
} as const;

/** Bytes of a block before its body (type, length) and after it (length again). */
export const blockHead = 8;
export const blockTail = 4;

/** The byte-order magic of a section header. */
export const byteOrderMagic = 0x1a2b3c4d;

/** Offsets in a section header's body. */
export const sectionBody = { byteOrder: 0, major: 4, minor: 6, sectionLength: 8, options: 16 } as const;

/** Offsets in an interface description's body. */
export const interfaceBody = { linkType: 0, snapLength: 4, options: 8 } as const;

/** Offsets in an enhanced packet's body. */
export const enhancedBody = {
  interface: 0,
  timeHigh: 4,
  timeLow: 8,
  capturedLength: 12,
  originalLength: 16,
  bytes: 20,
} as const;

/** Offsets in an interface's statistics: the interface, a time, then options. */
export const statisticsBody = { interface: 0, timeHigh: 4, timeLow: 8, options: 12 } as const;

/** Offsets within an option. Records of a name resolution block have the same head. */
export const optionLayout = { code: 0, length: 2, value: 4 } as const;

/** Rounds up to the 32-bit boundary that blocks and options are padded to. */
export function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
