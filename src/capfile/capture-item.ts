/** What a capture file is read into where its frames are kept. */

/** The options of a pcapng block, undecoded: pcapng-options.ts reads them. */
export interface OptionBytes {
  /** From the first option's code on. */
  readonly bytes: Uint8Array;
  readonly littleEndian: boolean;
}

/** What a capture holds, in its order. */
export type CaptureItem =
  | {
      /** A pcapng section begins. */
      readonly kind: 'section';
      readonly options: OptionBytes;
    }
  | {
      /** Counts from 0 over the whole file, in the order in which these items come. */
      readonly kind: 'interface';
      readonly name: string | null;
      /** libpcap's number: 1 is Ethernet. */
      readonly linkType: number;
      /** Null in a pcap, which has none. */
      readonly options: OptionBytes | null;
    }
  | {
      readonly kind: 'frame';
      /** Which of the file's interface items, from 0; sections do not start anew. */
      readonly interfaceIndex: number;
      /** Nanoseconds since 1970, UTC; 0 for a pcapng simple packet, which has no time. */
      readonly timeNs: bigint;
      /** Bytes on the wire, as the file states them. */
      readonly originalLength: number;
      /** The captured bytes, a copy that stays valid. */
      readonly bytes: Uint8Array;
      /** Null when there are none, as for nearly every frame. */
      readonly options: OptionBytes | null;
    }
  | {
      /** A pcapng block of a type that is not read here. */
      readonly kind: 'block';
      readonly type: number;
      /** All between the block's two length fields, padding included; a copy that stays valid. */
      readonly body: Uint8Array;
      /** The byte order of its section. */
      readonly littleEndian: boolean;
    };
