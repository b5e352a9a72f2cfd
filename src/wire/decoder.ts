/**
 * What decoders share: the header that they fill, and what they hand to the next one.
 *
 * A decoder is called with `(bytes, offset, end)`. `bytes.length` is how far the capture goes, `end` how far the packet
 * goes; a header beyond `end` is an error, a header beyond `bytes.length` merely was not captured. A decoder never
 * throws and never copies packet bytes; the fields that are there are kept, the others are left out.
 */

import { hex, readHex, readText, readUint } from './bytes.ts';
import type { DecodeError, Field, Layer } from './layer.ts';

/** Decoders of what UDP and TCP carry; `ports.ts` chooses among them. `dns-tcp` is DNS with its length prefix. */
export type Application = 'dhcp' | 'dhcpv6' | 'dns' | 'dns-tcp' | 'http' | 'llmnr' | 'mdns' | 'ntp' | 'quic' | 'tls';

/** Names of the decoders that `dissect.ts` knows. */
export type Protocol =
  | Application
  | 'eth'
  | 'vlan'
  | 'ieee8021ad'
  | 'llc'
  | 'stp'
  | 'sll'
  | 'sll2'
  | 'null'
  | 'loop'
  | 'raw'
  | 'chdlc'
  | 'ppp'
  | 'pppoed'
  | 'pppoes'
  | 'mpls'
  | 'pwethcw'
  | 'cmd'
  | 'cmd-gre'
  | 'arp'
  | 'ip'
  | 'ipv6'
  | 'ah'
  | 'esp'
  | 'gre'
  | 'erspan'
  | 'vxlan'
  | 'geneve'
  | 'l2tp'
  | 'tcp'
  | 'udp'
  | 'icmp'
  | 'icmpv6'
  | 'igmp'
  | 'data';

/** What an outer layer knows about the bytes that it hands on. */
export interface Context {
  /** The field that set `end`, or `frame`. */
  readonly limitedBy: string;
  /** Only a part is here (a first fragment, a packet quoted by ICMP): a header that ends early is no error. */
  readonly incomplete: boolean;
}

/** What follows a header. */
export interface Payload extends Context {
  readonly protocol: Protocol;
  readonly offset: number;
  /** Where it ends by the lengths in the packet; may lie beyond what was captured. */
  readonly end: number;
  /** It is the packet that an ICMP error quotes. */
  readonly quoted?: true;
}

/** What a decoder makes of its bytes. The layer holds what could be read, even with an error. */
export interface Decoded {
  readonly layer: Layer;
  readonly payload: Payload | null;
  readonly error: DecodeError | null;
}

/** Reads one header. Offsets count from the start of the frame. */
export type Decoder = (bytes: Uint8Array, offset: number, end: number, context: Context) => Decoded;

/** `name (number)`, or `unknown (0x..)` for a number that the table lacks. */
export function named(table: ReadonlyMap<number, string>, digits = 2): (value: number) => string {
  return (value) => {
    const name = table.get(value);
    return name === undefined ? `unknown (${hex(value, digits)})` : `${name} (${value})`;
  };
}

/** A header while it is read: offsets given to it count from its own start. */
export class Header {
  readonly #protocol: string;
  readonly #title: string;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  readonly #fields: Field[];

  constructor(protocol: string, title: string, bytes: Uint8Array, start: number, end: number, fields: Field[] = []) {
    this.#fields = fields;
    this.#protocol = protocol;
    this.#title = title;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** The same header, with the same fields, that reads no further than its first `length` bytes. */
  upTo(length: number): Header {
    const end = Math.min(this.#end, this.#start + length);
    return new Header(this.#protocol, this.#title, this.#bytes, this.#start, end, this.#fields);
  }

  /** True when the first `length` bytes are in the packet and were captured. */
  has(length: number): boolean {
    return this.#start + length <= Math.min(this.#end, this.#bytes.length);
  }

  /** The unsigned number at a place, 0 where there are no bytes; adds no field. */
  peek(at: number, length: number): number {
    return readUint(this.#bytes, this.#start + at, length);
  }

  /** Adds a field with a value of any kind, unless its bytes are not there. */
  add(name: string, label: string, at: number, length: number, value: Field['value'], text = String(value)): void {
    if (!this.has(at + length)) return;
    this.#fields.push({ name, label, value, text, offset: this.#start + at, length });
  }

  /** Adds the unsigned number at a place and gives it back. */
  number(name: string, label: string, at: number, length: number, text: (value: number) => string = String): number {
    const value = this.peek(at, length);
    this.add(name, label, at, length, value, text(value));
    return value;
  }

  /** Adds a one-bit flag. */
  flag(name: string, label: string, at: number, length: number, mask: number): boolean {
    const value = (this.peek(at, length) & mask) !== 0;
    this.add(name, label, at, length, value, value ? 'set' : 'not set');
    return value;
  }

  /** Adds the bits under a mask, as a number: the mask's lowest bit counts 1. Gives it back. */
  bits(
    name: string,
    label: string,
    at: number,
    length: number,
    mask: number,
    text: (value: number) => string = String,
  ): number {
    const lowestBit = (mask & -mask) >>> 0;
    const value = ((this.peek(at, length) & mask) >>> 0) / lowestBit;
    this.add(name, label, at, length, value, text(value));
    return value;
  }

  /** Adds opaque bytes, as hex. */
  opaque(name: string, label: string, at: number, length: number): void {
    if (length > 0) this.address(name, label, at, length, (bytes, from) => readHex(bytes, from, from + length));
  }

  /** Adds an address, read by `read` at its place in the frame. */
  address(
    name: string,
    label: string,
    at: number,
    length: number,
    read: (bytes: Uint8Array, offset: number) => string,
  ): void {
    if (this.has(at + length)) this.add(name, label, at, length, read(this.#bytes, this.#start + at));
  }

  /** Adds text, read as UTF-8 and raw otherwise, and gives it back; empty where its bytes are not there. */
  text(name: string, label: string, at: number, length: number): string {
    const value = this.peekText(at, length);
    this.add(name, label, at, length, value);
    return value;
  }

  /** The text at a place, empty where its bytes are not there; adds no field. */
  peekText(at: number, length: number): string {
    return this.has(at + length) ? readText(this.#bytes, this.#start + at, this.#start + at + length) : '';
  }

  /** Adds text of a fixed length, without the zeros that fill it up. */
  paddedText(name: string, label: string, at: number, length: number): void {
    if (length <= 0) return;
    let filled = length;
    while (filled > 0 && this.peek(at + filled - 1, 1) === 0) filled -= 1;
    this.address(name, label, at, length, (bytes, from) => readText(bytes, from, from + filled));
  }

  /** The error of a packet that ends before `need` bytes; null when it does not, or when only a part of it is here. */
  shortage(need: number, context: Context): DecodeError | null {
    const have = Math.max(0, this.#end - this.#start);
    if (have >= need || context.incomplete) return null;
    const offset = this.#start;
    return { kind: 'too-short', protocol: this.#protocol, offset, need, have, limitedBy: context.limitedBy };
  }

  /** The error of a field whose value is less than it may be, or another than it must be. */
  badValue(field: string, need: number, have: number): DecodeError {
    return { kind: 'bad-value', protocol: this.#protocol, offset: this.#start, need, have, limitedBy: field };
  }

  /** The error of a field whose value is more than it may be. */
  excess(field: string, most: number, have: number): DecodeError {
    return { kind: 'too-large', protocol: this.#protocol, offset: this.#start, need: most, have, limitedBy: field };
  }

  /** What follows the first `length` bytes, up to where this packet ends. */
  rest(length: number, protocol: Protocol, { limitedBy, incomplete }: Context): Payload {
    return { protocol, offset: this.#start + length, end: this.#end, limitedBy, incomplete };
  }

  /** A header of `length` bytes as decoded. Its payload is handed on only when the whole header is there. */
  decoded(length: number, context: Context, payload: Payload | null): Decoded {
    const error = this.shortage(length, context);
    const whole = error === null && this.has(length);
    return { layer: this.layer(length), payload: whole ? payload : null, error };
  }

  /** The header's layer, `length` bytes of it or as many as are there. */
  layer(length: number): Layer {
    const there = Math.max(0, Math.min(this.#end, this.#bytes.length) - this.#start);
    return {
      protocol: this.#protocol,
      title: this.#title,
      offset: this.#start,
      length: Math.min(length, there),
      fields: this.#fields,
    };
  }
}
