/** Builds frames for tests, in hex, layer by layer; and the rows that such frames stand in. */

/** Hex of a number in so many bytes. */
export function number(value: number, bytes: number): string {
  return value.toString(16).padStart(2 * bytes, '0');
}

/** Bytes of hex text. */
export function lengthOf(hex: string): number {
  return hex.replaceAll(/\s/g, '').length / 2;
}

const macs = '02420a580001 02420a58000a';

/** An Ethernet frame with an EtherType. */
export function ethernet(type: string, payload: string): string {
  return `${macs} ${type} ${payload}`;
}

/** An 802.3 frame with its length. */
export function ethernet3(destination: string, payload: string): string {
  return `${destination} 02420a58000a ${number(lengthOf(payload), 2)} ${payload}`;
}

/** An IPv4 packet from 10.0.0.1 to 10.0.0.2; the options fill whole words. */
export function ipv4(protocol: number, payload: string, options = ''): string {
  const words = 5 + lengthOf(options) / 4;
  const total = words * 4 + lengthOf(payload);
  const start = `4${words.toString(16)} 00 ${number(total, 2)} 1234 0000 40`;
  return `${start} ${number(protocol, 1)} 0000 0a000001 0a000002 ${options} ${payload}`;
}

/** An IPv6 packet from fd00::1 to fd00::2. */
export function ipv6(next: number, payload: string): string {
  const start = `60000000 ${number(lengthOf(payload), 2)} ${number(next, 1)} 40`;
  return `${start} fd000000000000000000000000000001 fd000000000000000000000000000002 ${payload}`;
}

/** A UDP datagram from port 49152. */
export function udp(destination: number, payload: string): string {
  return `c000 ${number(destination, 2)} ${number(8 + lengthOf(payload), 2)} 0000 ${payload}`;
}

/** A packet for tunnels to carry, and the line about it. */
export const innerPacket = ipv4(17, udp(9999, '6869'));
export const innerLine = 'UDP 10.0.0.1:49152 > 10.0.0.2:9999 len 2';
/** The same in IPv6. */
export const innerPacket6 = ipv6(17, udp(9999, '6869'));
export const innerLine6 = 'UDP [fd00::1]:49152 > [fd00::2]:9999 len 2';

/** What options and headers stand before. */
export const datagram = udp(9999, '6869');

/** A frame, with the layers and the line that it owes. */
export interface BuiltFrame {
  readonly name: string;
  readonly hex: string;
  readonly layers: string;
  readonly summary: string;
  /** Ethernet where nothing is said. */
  readonly linkType?: number;
}
