/**
 * What the parsers of the two formats share: bytes go in by windows, records come out by a visitor, and nothing is
 * allocated for a frame. The live stream and the index of a large file stand on the same parsers.
 */

import type { CaptureFileError } from './capture-error.ts';
import type { OptionBytes } from './capture-item.ts';

/** A record or block above this is taken for damage: the largest real frame (BIG TCP) is below 1 MiB. */
export const largestRecord = 16 * 1024 * 1024;

/** A piece of a file. */
export interface Window {
  readonly bytes: Uint8Array;
  /** The same bytes. */
  readonly view: DataView;
  /** Where the first of them stands in the file. */
  readonly fileOffset: number;
}

/** A window on bytes, without copying them. A Buffer becomes a plain array, whose `slice` is a copy. */
export function windowOn(chunk: Uint8Array, fileOffset: number): Window {
  const { buffer, byteOffset, length } = chunk;
  return {
    bytes: new Uint8Array(buffer, byteOffset, length),
    view: new DataView(buffer, byteOffset, length),
    fileOffset,
  };
}

/** A frame's record. A parser has one and writes it anew for each frame. */
export interface FrameRecord {
  /** The window that holds the captured bytes, and where in it they start. */
  window: Window;
  start: number;
  capturedLength: number;
  /** Bytes on the wire, as the file states them. */
  originalLength: number;
  /** Which of the file's interfaces, from 0; sections do not start anew. */
  interfaceIndex: number;
  /** Seconds since 1970, UTC (a pcapng offset may make them negative), and nanoseconds of that second. */
  seconds: number;
  nanoseconds: number;
  /** Where in the window the options of its pcapng block lie; both are equal when it has none. */
  optionsStart: number;
  optionsEnd: number;
  /** The byte order of those options. */
  littleEndian: boolean;
}

/** A frame's record before the first frame. */
export function emptyRecord(): FrameRecord {
  const window = windowOn(new Uint8Array(0), 0);
  const lengths = { capturedLength: 0, originalLength: 0, interfaceIndex: 0 };
  const options = { optionsStart: 0, optionsEnd: 0, littleEndian: true };
  return { window, start: 0, ...lengths, seconds: 0, nanoseconds: 0, ...options };
}

/** What is told of a capture, in its order. Everything told is borrowed until the call returns. */
export interface CaptureVisitor {
  /** A pcapng section begins. */
  section(options: OptionBytes): void;
  /** Counts from 0 over the whole file. `linkType` is libpcap's: 1 is Ethernet. A pcap has no options. */
  interface(name: string | null, linkType: number, options: OptionBytes | null): void;
  frame(record: FrameRecord): void;
  /** A pcapng block of a type that is not read here: all between its two length fields, padding included. */
  block(type: number, body: Uint8Array, littleEndian: boolean): void;
}

/** Reads one format. */
export interface CaptureParser {
  /** Bytes that the next record is known to need, and what they are; say so when the file ends before them. */
  readonly wanted: number;
  readonly what: string;
  /** Why it stopped; null while all is well. */
  readonly error: CaptureFileError | null;
  /**
   * Tells the visitor of all whole records from `start` on.
   *
   * @returns Where in the window the first record begins that is not whole, or that is damaged.
   */
  parse(window: Window, start: number): number;
}
