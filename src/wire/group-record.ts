/**
 * What IGMP version 3 (RFC 3376) and version 2 of Multicast Listener Discovery (RFC 3810) have in common: IPv6 took it
 * over as it was.
 */

/** In a query's byte about its routers: the others are to stay silent. */
export const suppressMask = 0x08;
/** In the same byte: how many losses are reckoned with. */
export const robustnessMask = 0x07;

/** Bytes of one unit of a record's auxiliary data. */
export const auxiliaryUnit = 4;

/** Types of a report's records (RFC 3376, section 4.2.12; RFC 3810, section 5.2.12). */
export const groupRecordTypes: ReadonlyMap<number, string> = new Map([
  [1, 'is include'],
  [2, 'is exclude'],
  [3, 'change to include'],
  [4, 'change to exclude'],
  [5, 'allow new sources'],
  [6, 'block old sources'],
]);
