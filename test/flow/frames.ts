/** Builds real frames: Ethernet, IPv4 and IPv6, TCP, UDP and the ICMP errors that quote them, and cases made of them. */

import type { CaptureInterface, Case, Frame } from '../../src/case/evidence.ts';

const macs = '02000000000202000000000a';

function hex(value: number, bytes: number): string {
  return (value >>> 0).toString(16).padStart(bytes * 2, '0');
}

function groups(text: string): string[] {
  return text === '' ? [] : text.split(':');
}

function address(text: string): string {
  if (!text.includes(':')) {
    return text
      .split('.')
      .map((part) => hex(Number(part), 1))
      .join('');
  }
  const [head = '', tail = ''] = text.split('::');
  const [before, after] = [groups(head), groups(tail)];
  const gap = Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...gap, ...after].map((group) => group.padStart(4, '0')).join('');
}

/** Both ends, as `10.88.0.10:40000` or `[fd00:88::10]:40000`. */
export interface Ends {
  readonly from: string;
  readonly to: string;
}

/** The same ends, the other way. */
export function reverse({ from, to }: Ends): Ends {
  return { from: to, to: from };
}

function split(end: string): { host: string; port: number } {
  const at = end.lastIndexOf(':');
  return { host: end.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(end.slice(at + 1)) };
}

const protocols = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58 };

function ip(from: string, to: string, protocol: keyof typeof protocols, id: number, payload: string): string {
  const length = payload.length / 2;
  const next = hex(protocols[protocol], 1);
  if (from.includes(':')) return `60000000${hex(length, 2)}${next}40${address(from)}${address(to)}${payload}`;
  return `4500${hex(20 + length, 2)}${hex(id, 2)}400040${next}0000${address(from)}${address(to)}${payload}`;
}

const flags: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16 };

/** What a segment carries beyond its ends. */
export interface Segment {
  /** `SYN`, `SYN ACK`, `RST ACK`. */
  readonly flags: string;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  /** Bytes of payload, of `text` or as many of the letter a. */
  readonly length?: number;
  readonly text?: string | Uint8Array;
  /** IPv4's identification. */
  readonly id?: number;
  readonly window?: number;
}

/** A TCP packet from its IP header on, as hex. */
export function tcp(ends: Ends, segment: Segment): string {
  const [from, to] = [split(ends.from), split(ends.to)];
  const bits = segment.flags.split(' ').reduce((sum, name) => sum | (flags[name] ?? 0), 0);
  const numbers = hex(segment.sequence ?? 1, 4) + hex(segment.acknowledgement ?? 0, 4);
  const header = `${hex(from.port, 2)}${hex(to.port, 2)}${numbers}50${hex(bits, 1)}${hex(segment.window ?? 0xfaf0, 2)}00000000`;
  const payload = Buffer.from(segment.text ?? 'a'.repeat(segment.length ?? 0)).toString('hex');
  return ip(from.host, to.host, 'tcp', segment.id ?? 0, header + payload);
}

/** A UDP packet from its IP header on, as hex, with a payload or as many bytes of the letter a. */
export function udp(ends: Ends, payload: number | Uint8Array = 4, id = 0): string {
  const [from, to] = [split(ends.from), split(ends.to)];
  const bytes = Buffer.from(typeof payload === 'number' ? 'a'.repeat(payload) : payload);
  const header = `${hex(from.port, 2)}${hex(to.port, 2)}${hex(8 + bytes.length, 2)}0000`;
  return ip(from.host, to.host, 'udp', id, header + bytes.toString('hex'));
}

/** An ICMP (or ICMPv6) echo with the identifier 7, from its IP header on, as hex. */
export function echo(from: string, to: string, kind: 'request' | 'reply', sequence = 1): string {
  const six = from.includes(':');
  const type = kind === 'request' ? (six ? 128 : 8) : six ? 129 : 0;
  const body = `${hex(type, 1)}000000${hex(7, 2)}${hex(sequence, 2)}${'61'.repeat(8)}`;
  return ip(from, to, six ? 'icmpv6' : 'icmp', 0, body);
}

/** The ICMP (or ICMPv6) error that a packet draws, from its IP header on, as hex. */
export function icmpError(sender: string, to: string, type: number, code: number, quoted: string): string {
  const six = sender.includes(':');
  const body = `${hex(type, 1)}${hex(code, 1)}000000000000${quoted}`;
  return ip(sender, to, six ? 'icmpv6' : 'icmp', 0, body);
}

/** An IP packet in its Ethernet frame, as bytes. */
function ethernet(packet: string): Uint8Array {
  return Uint8Array.from(Buffer.from(`${macs}${packet.startsWith('6') ? '86dd' : '0800'}${packet}`, 'hex'));
}

/** The same for another link type of libpcap: 101 raw IP, 113 Linux cooked, 0 BSD loopback. */
export function linked(linkType: number, packet: string): Uint8Array {
  const six = packet.startsWith('6');
  const header: Readonly<Record<number, string>> = {
    0: six ? '0a000000' : '02000000',
    101: '',
    113: `0000000100060200000000020000${six ? '86dd' : '0800'}`,
  };
  return linkType === 1 ? ethernet(packet) : Uint8Array.from(Buffer.from(`${header[linkType] ?? ''}${packet}`, 'hex'));
}

/** The first frame's time. */
export const startNs = 1_795_262_315_686_000_000n;

/** What each frame of a built case is: an IP packet and where it was seen. */
export interface Sight {
  readonly at?: number;
  readonly packet: string;
  /** Since the case's start; one millisecond a frame without. */
  readonly afterNs?: bigint;
}

/** Frames in that order, numbered as a case numbers them. */
export function framesOf(sights: readonly (Sight | string)[], linkType = 1): Frame[] {
  return sights.map((one, index): Frame => {
    const sight: Sight = typeof one === 'string' ? { packet: one } : one;
    const bytes = linked(linkType, sight.packet);
    return {
      number: index + 1,
      timeNs: startNs + (sight.afterNs ?? BigInt(index) * 1_000_000n),
      interfaceIndex: sight.at ?? 0,
      originalLength: bytes.length,
      bytes,
    };
  });
}

/** A capture of another tool's: frames alone, at one or several devices. */
export function captureOf(sights: readonly (Sight | string)[], linkType = 1): Case {
  const devices = ['eth0', 'veth0', 'podman0'];
  const interfaces = devices.map((device): CaptureInterface => ({ netns: null, device, linkType }));
  return { session: null, interfaces, frames: framesOf(sights, linkType), snapshot: null, kernelLines: [] };
}
