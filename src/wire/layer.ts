/**
 * What a frame decodes into: nested layers of fields that know their bytes.
 *
 * All offsets count bytes from the start of the frame. Values are borrowed views only while a decoder runs; what is
 * returned holds numbers and strings, never a copy of packet bytes.
 */

/** One field of a layer, named as Wireshark names it (`ip.src`). */
export interface Field {
  readonly name: string;
  /** What a person calls it: "Source address". */
  readonly label: string;
  /** Numbers are numbers, one-bit flags booleans, addresses and names strings, opaque bytes lower-case hex. */
  readonly value: number | string | boolean;
  /** The value as a person reads it. Text from the packet stands here raw: whoever draws it escapes it. */
  readonly text: string;
  readonly offset: number;
  /** Bytes that the field touches; a bit field counts the bytes it lies in. */
  readonly length: number;
}

/** One header (and what belongs to it), from the outside in. */
export interface Layer {
  /** Wireshark's short name: `eth`, `arp`, `ip`, `ipv6`, `tcp`, `udp`, `icmp`, `icmpv6`, …, `data`. */
  readonly protocol: string;
  /** What a person calls it: "Transmission Control Protocol". */
  readonly title: string;
  readonly offset: number;
  /** Bytes of the header, options included, payload excluded. */
  readonly length: number;
  /** In the order in which they were read; what stands behind the payload (a trailer, ICMP's extensions) comes last. */
  readonly fields: readonly Field[];
  /** Set on layers of a packet that an ICMP error quotes. */
  readonly quoted?: true;
}

/** Why decoding stopped inside a layer: the packet itself is wrong (a capture that was cut is not an error). */
export interface DecodeError {
  readonly kind: 'too-short' | 'bad-value' | 'too-large';
  readonly protocol: string;
  /** Where the layer starts, bytes from the start of the frame. */
  readonly offset: number;
  /** Bytes needed and there, for `too-short`; the value that is allowed (the least, the most) and the one found, else. */
  readonly need: number;
  readonly have: number;
  /**
   * The field that set the bound, in Wireshark's name (`ip.len`, `ip.hdr_len`) or, where Wireshark has none, in one like
   * it (`dns.name.pointer`); `frame` for the frame's own end.
   */
  readonly limitedBy: string;
}

/** A decoded frame: everything before the first error, then the error. */
export interface Dissection {
  readonly layers: readonly Layer[];
  readonly error: DecodeError | null;
  /** The capture cut this frame short (snap length): what is missing is missing from the file, not from the packet. */
  readonly truncated: boolean;
}
