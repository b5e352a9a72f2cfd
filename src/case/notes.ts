/**
 * What a capture file says beyond its frames: who captured, where, with which filter, and remarks (options and name
 * blocks of pcapng). Text is verbatim; null is where the file does not say.
 */

/** What a section of the file says of itself. */
export interface SectionNotes {
  readonly hardware: string | null;
  readonly operatingSystem: string | null;
  /** The program that wrote it; null in a case file, which nettrace wrote. */
  readonly application: string | null;
  readonly comments: readonly string[];
}

/** Names of an address, as the file tells them. */
export interface AddressNames {
  readonly address: string;
  readonly names: readonly string[];
}

/** What a capture file says as a whole. */
export interface CaptureNotes {
  /** One a section of the file that says anything. */
  readonly sections: readonly SectionNotes[];
  readonly addressNames: readonly AddressNames[];
}

/** What the file says of an interface, beyond its name. */
export interface InterfaceNotes {
  readonly description: string | null;
  /** The capture filter, in libpcap's language. */
  readonly filter: string | null;
  /** `02:42:0a:58:00:01`. */
  readonly hardwareAddress: string | null;
  readonly bitsPerSecond: number | null;
  readonly comments: readonly string[];
  /** Frames that the interface received and that it, or its system, dropped, by the last count in the file. */
  readonly received: number | null;
  readonly dropped: number | null;
}

/** What the file says of a frame. */
export interface FrameNotes {
  readonly comments: readonly string[];
  /** The word of pcapng's epb_flags: its two lowest bits are the direction, see `directionOf`. */
  readonly flags: number | null;
  /** Frames lost at its interface between the one before and this one. */
  readonly dropped: number | null;
}

const directionMask = 0b11;
const directions = [null, 'inbound', 'outbound', null] as const;

/** Which way a frame passed its interface; null where the file does not say. */
export function directionOf(notes: FrameNotes): 'inbound' | 'outbound' | null {
  return directions[(notes.flags ?? 0) & directionMask] ?? null;
}
