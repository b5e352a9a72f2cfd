/** One packet as one capture point saw it: what the tables of this room are told, in one object that is used again. */

import { Headers } from '../wire/headers.ts';

/** A packet, where and when it was seen. Its numbers are fields, because a number that is passed is allocated. */
export class Sight {
  readonly headers = new Headers();
  /** Nanoseconds from any fixed moment; exact within 104 days of it. */
  timeNs = Number.NaN;
  /** Number of the capture point. */
  point = 0;
  /** Bytes on the wire. */
  length = 0;
  /** The frame's number, from 1. */
  frame = 0;
  /** A message to or from a resolver: where in `bytes` it is, as much of it as is kept; its length is 0 without one. */
  bytes: Uint8Array = new Uint8Array(0);
  messageAt = 0;
  messageLength = 0;
}
