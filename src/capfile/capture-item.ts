/** What a capture file is read into where its frames are kept. */

/** What a capture holds, in its order. */
export type CaptureItem =
  | {
      /** Counts from 0 over the whole file, in the order in which these items come. */
      readonly kind: 'interface';
      readonly name: string | null;
      /** libpcap's number: 1 is Ethernet. */
      readonly linkType: number;
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
    }
  | {
      /** A pcapng block of a type that is not read here. */
      readonly kind: 'block';
      readonly type: number;
      /** All between the block's two length fields, padding included; a copy that stays valid. */
      readonly body: Uint8Array;
    };
