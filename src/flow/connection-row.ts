/** Where a connection's row keeps what is known of it; see `connection-table.ts`. */

/** No connection, and no row. */
export const none = -1;

/**
 * Words of a connection's row. The end that was first seen to send is end 0. What every packet reads or writes comes
 * first, so that it lies in one or two lines of the processor's cache; doubles stand in two words.
 */
export const connectionWord = {
  /** End 0's address, then end 1's, as `Headers.addresses` holds them. */
  addresses: 0,
  /** End 0's port in the upper half, end 1's in the lower. */
  ports: 8,
  /** Family times 256, plus protocol. */
  kind: 9,
  /** In the row of the latest attempt on these ends: the attempt that packets belong to now. */
  current: 10,
  /** The first of its tracks, plus 1. */
  tracks: 11,
  /** Bits of `sent`: end 0's, end 1's. */
  sent: 12,
  /** The attempt before this one, plus 1. */
  previous: 18,
  /** The sequence number of the client's SYN, whether it is known, and the SYN's IP identification. */
  opening: 19,
  /** Of UDP instead: the last of its transactions with a resolver (`dns-table.ts`), plus 1. */
  dns: 19,
  openingKnown: 20,
  openingIdentification: 21,
  /** Which end is the client. */
  client: 22,
  /** The first ICMP error that means something to the client: 0x10000, plus type times 256, plus code. */
  error: 23,
  /** The end that sent the first FIN, the first RST, plus 1; and at which stage that RST came. */
  finBy: 24,
  resetBy: 25,
  resetStage: 26,
  firstFrame: 27,
} as const;

/** Doubles of the row. */
export const connectionDouble = { lastNs: 7, firstNs: 8 } as const;

/** 32-bit words of the row. */
export const connectionWords = 28;

/** When a reset came: before the handshake was complete, while the connection was open, after a FIN. */
export const endingStage = { opening: 1, open: 2, closing: 3 } as const;
