/**
 * TCP as one capture point sees it: sequence numbers of one connection at one interface. State is a row of numbers, so
 * no capture, however hostile, makes it grow (RFC 9293; duplicate acknowledgements RFC 5681, section 2; keep-alives
 * RFC 9293, section 3.8.4).
 */

import { tcpFlag } from '../inet/protocol.ts';
import type { Headers } from '../wire/headers.ts';
import type { Sight } from './sight.ts';

/** What a packet was found to be, as bits; more than one may hold. */
const mark = {
  /** Bytes that were seen before, or that fill a gap later than a round trip after it was seen. */
  retransmission: 1,
  /** Bytes that fill a gap within a round trip of its being seen: they were sent once and overtaken. */
  outOfOrder: 2,
  duplicateAck: 4,
  zeroWindow: 8,
  keepAlive: 16,
} as const;

/** Words of a side: what one end sends. What every segment reads or writes comes first; doubles stand in two words. */
export const side = {
  flags: 0,
  nextSequence: 1,
  acknowledgement: 2,
  window: 3,
  lastSequence: 4,
  lastIdentification: 5,
  lastLength: 6,
  /** When the last packet came, in microseconds modulo 2^32. */
  lastMicroseconds: 7,
  packets: 12,
  retransmissions: 13,
  outOfOrder: 14,
  duplicateAcks: 15,
  zeroWindows: 16,
  keepAlives: 17,
  gapStart: 18,
  gapEnd: 19,
  words: 22,
} as const;

/** Doubles of a side. */
export const sideDouble = { bytes: 4, payload: 5, gapTimeNs: 10 } as const;

/** Words of a track: a connection at one capture point. */
export const track = { point: 0, next: 1, handshake: 2, sides: 8, words: 8 + 2 * side.words } as const;

/** Doubles of a track. */
export const trackDouble = { synTimeNs: 2, roundTripNs: 3 } as const;

const sideFlag = { sequenceKnown: 1, acknowledgementKnown: 2 };

/** Bits of a track's `handshake`. */
export const handshake = { syn: 1, synAck: 2, complete: 4, repeated: 8 } as const;

/** How late a segment may be to count as overtaken while the round trip is not known: tshark's figure. */
const reorderingNs = 3_000_000;

/** A copy comes at once; some hosts give a segment that they send again the identification that it had. */
const latestCopyMicroseconds = 3000;
const nanosecondsPerMicrosecond = 1000;

/** Where in the track's words a side starts: side 0 is the end that was first seen to send. */
export function sideAt(base: number, direction: number): number {
  return base + track.sides + direction * side.words;
}

function noteHandshake(words: Int32Array, doubles: Float64Array, base: number, flags: number, timeNs: number): void {
  const place = base + track.handshake;
  const state = words[place] ?? 0;
  const syn = (flags & tcpFlag.syn) !== 0;
  const ack = (flags & tcpFlag.ack) !== 0;
  if (syn && !ack) {
    words[place] = state | (state === 0 ? handshake.syn : handshake.repeated);
    if (state === 0) doubles[(base >> 1) + trackDouble.synTimeNs] = timeNs;
  } else if (syn) {
    words[place] = state | ((state & handshake.synAck) === 0 ? handshake.synAck : handshake.repeated);
  } else if (ack && (state & (handshake.syn | handshake.synAck)) === (handshake.syn | handshake.synAck)) {
    words[place] = state | handshake.complete;
    // Which of two SYNs was answered cannot be told (Karn's rule): then no time is known.
    if ((state & handshake.repeated) === 0) {
      doubles[(base >> 1) + trackDouble.roundTripNs] = timeNs - (doubles[(base >> 1) + trackDouble.synTimeNs] ?? 0);
    }
  }
}

/** What the acknowledgement of a segment says about both sides. */
function noteAcknowledgement(words: Int32Array, own: number, peer: number, headers: Headers, space: number): number {
  const { acknowledgement, window, flags } = headers;
  const ownFlags = words[own + side.flags] ?? 0;
  let marks = 0;
  if (((words[peer + side.flags] ?? 0) & sideFlag.sequenceKnown) !== 0) {
    const outstanding = ((words[peer + side.nextSequence] ?? 0) - acknowledgement) | 0;
    // What this point did not see, the other end has: nothing of it is missing.
    if (outstanding < 0) words[peer + side.nextSequence] = acknowledgement;
    else if (
      outstanding > 0 &&
      space === 0 &&
      (ownFlags & sideFlag.acknowledgementKnown) !== 0 &&
      acknowledgement === words[own + side.acknowledgement] &&
      window === words[own + side.window]
    ) {
      marks = mark.duplicateAck;
    }
  }
  const before = words[own + side.acknowledgement] ?? 0;
  if ((ownFlags & sideFlag.acknowledgementKnown) === 0 || ((acknowledgement - before) | 0) > 0) {
    words[own + side.acknowledgement] = acknowledgement;
    words[own + side.flags] = ownFlags | sideFlag.acknowledgementKnown;
  }
  words[own + side.window] = window;
  if (window === 0 && (flags & tcpFlag.syn) === 0) marks |= mark.zeroWindow;
  return marks;
}

/** Bytes that fill a gap: the gap shrinks to what is still missing of it. */
function fillGap(words: Int32Array, own: number, sequence: number, end: number): void {
  const gapEnd = words[own + side.gapEnd] ?? 0;
  if (((gapEnd - end) | 0) <= 0 && sequence !== words[own + side.gapStart]) words[own + side.gapEnd] = sequence;
  else words[own + side.gapStart] = ((gapEnd - end) | 0) <= 0 ? gapEnd : end;
}

/**
 * Follows one segment.
 *
 * @param words The page of the track's row, and the same as doubles.
 * @param base Where the row starts in `words`.
 * @param direction 0 when the end sent it that was first seen to send.
 */
export function followSegment(
  words: Int32Array,
  doubles: Float64Array,
  base: number,
  direction: number,
  { headers, timeNs }: Sight,
): void {
  const { flags, sequence, payloadLength, identification } = headers;
  const own = sideAt(base, direction);
  const peer = sideAt(base, 1 - direction);
  const microseconds = (timeNs / nanosecondsPerMicrosecond) | 0;
  const sinceLast = (microseconds - (words[own + side.lastMicroseconds] ?? 0)) | 0;
  words[own + side.lastMicroseconds] = microseconds;
  // The very packet before, seen a second time at this point: a mirror port, a host's own copy. Nothing was sent again.
  if (
    headers.family === 4 &&
    identification !== 0 &&
    identification === words[own + side.lastIdentification] &&
    sequence === words[own + side.lastSequence] &&
    payloadLength === words[own + side.lastLength] &&
    sinceLast < latestCopyMicroseconds
  ) {
    return;
  }
  words[own + side.lastIdentification] = identification;
  words[own + side.lastSequence] = sequence;
  words[own + side.lastLength] = payloadLength;
  // A reset takes no sequence space, and its numbers may be anybody's.
  if ((flags & tcpFlag.reset) !== 0) return;
  if (((words[base + track.handshake] ?? 0) & handshake.complete) === 0) {
    noteHandshake(words, doubles, base, flags, timeNs);
  }

  const space = payloadLength + ((flags & tcpFlag.syn) >> 1) + (flags & tcpFlag.fin);
  const end = (sequence + space) | 0;
  const next = words[own + side.nextSequence] ?? 0;
  const ahead = (sequence - next) | 0;
  const isKnown = ((words[own + side.flags] ?? 0) & sideFlag.sequenceKnown) !== 0;
  let marks = 0;
  if (!isKnown) {
    words[own + side.flags] = (words[own + side.flags] ?? 0) | sideFlag.sequenceKnown;
    words[own + side.nextSequence] = end;
  } else if (ahead === 0) words[own + side.nextSequence] = end;
  else if (ahead === -1 && payloadLength <= 1 && flags === tcpFlag.ack && words[peer + side.acknowledgement] === next) {
    // All was acknowledged, so nothing needs to be sent again: it asks whether the other end is there.
    marks = mark.keepAlive;
  } else if (space > 0 && ahead > 0) {
    // Bytes before this segment were not seen.
    words[own + side.gapStart] = next;
    words[own + side.gapEnd] = sequence;
    doubles[(own >> 1) + sideDouble.gapTimeNs] = timeNs;
    words[own + side.nextSequence] = end;
  } else if (space > 0) {
    const gapStart = words[own + side.gapStart] ?? 0;
    const gapEnd = words[own + side.gapEnd] ?? 0;
    marks = mark.retransmission;
    if (((sequence - gapStart) | 0) >= 0 && ((gapEnd - sequence) | 0) > 0) {
      const roundTripNs = doubles[(base >> 1) + trackDouble.roundTripNs] ?? 0;
      const lateNs = timeNs - (doubles[(own >> 1) + sideDouble.gapTimeNs] ?? 0);
      if (lateNs < (roundTripNs > 0 ? roundTripNs : reorderingNs)) marks = mark.outOfOrder;
      fillGap(words, own, sequence, end);
    }
    if (((end - next) | 0) > 0) words[own + side.nextSequence] = end;
  }
  if ((flags & tcpFlag.ack) !== 0) {
    const found = noteAcknowledgement(words, own, peer, headers, space);
    marks |= (marks & mark.keepAlive) === 0 ? found : found & ~mark.duplicateAck;
  }
  if (marks !== 0) countMarks(words, own, marks);
}

function countMarks(words: Int32Array, own: number, marks: number): void {
  const count = (bit: number, word: number): void => {
    if ((marks & bit) !== 0) words[own + word] = (words[own + word] ?? 0) + 1;
  };
  count(mark.retransmission, side.retransmissions);
  count(mark.outOfOrder, side.outOfOrder);
  count(mark.duplicateAck, side.duplicateAcks);
  count(mark.zeroWindow, side.zeroWindows);
  count(mark.keepAlive, side.keepAlives);
}
