/** A filter's questions, answered from the rows of an index; what the rows do not hold is read from the capture again. */

import type { Frame } from '../case/evidence.ts';
import type { FrameFields, HeaderColumns, NumberReader } from '../filter/bind.ts';
import { type ConnectionFacts, frameFields } from '../filter/frame-fields.ts';
import { connectionWord, none } from '../flow/connection-row.ts';
import { ipProtocol } from '../inet/protocol.ts';
import type { CaptureIndex } from './capture-index.ts';
import type { IndexedCapture } from './indexed-capture.ts';
import { directionOf, flagsOf, isPlain, packetWord } from './packet-row.ts';

const ipv4Word = 3;
const addressWords = 4;
const familyShift = 8;
const protocolMask = 0xff;

const flagBits: Readonly<Record<string, number>> = {
  'tcp.flags.fin': 0x01,
  'tcp.flags.syn': 0x02,
  'tcp.flags.reset': 0x04,
  'tcp.flags.push': 0x08,
  'tcp.flags.ack': 0x10,
  'tcp.flags.urg': 0x20,
  'tcp.flags.ece': 0x40,
  'tcp.flags.cwr': 0x80,
};

const families: Readonly<Record<string, number>> = { ip: 4, ipv6: 6 };
const protocols: Readonly<Record<string, number>> = {
  tcp: ipProtocol.tcp,
  udp: ipProtocol.udp,
  icmp: ipProtocol.icmp,
  icmpv6: ipProtocol.icmpv6,
};

/** Which end of a packet an address or port is: the sender's, or the receiver's. */
const sides: Readonly<Record<string, number>> = { src: 0, srcport: 0, dst: 1, dstport: 1 };

/**
 * The headers that rows hold: addresses, ports, TCP's flags, and which of IP, TCP, UDP and ICMP a packet is. Rows are
 * numbers from 0.
 */
export function indexColumns({ packets, connections }: CaptureIndex): HeaderColumns<number> {
  const { rows } = connections;
  // No packet is added any more, so the arrays stay.
  const { words } = rows;
  const restOf = (row: number): number => packets.page(row).words[packets.at(row) + packetWord.rest] ?? 0;
  /** Where the row of its connection starts. */
  const at = (row: number): number => rows.at(packets.page(row).words[packets.at(row) + packetWord.connection] ?? none);
  const kind = (row: number): number => words[at(row) + connectionWord.kind] ?? 0;
  const family = (row: number): number => kind(row) >> familyShift;
  const protocol = (row: number): number => kind(row) & protocolMask;
  /** The end of the connection, 0 or 1, that is this side of the packet. */
  const end = (row: number, side: number): number => directionOf(restOf(row)) ^ side;

  const address = (wanted: number, side: number, word: number): NumberReader<number> => {
    const place = connectionWord.addresses + (wanted === families['ip'] ? ipv4Word : word);
    return (row) =>
      family(row) === wanted ? (words[at(row) + place + addressWords * end(row, side)] ?? 0) >>> 0 : Number.NaN;
  };
  const port = (wanted: number, side: number): NumberReader<number> => {
    return (row) => {
      if (protocol(row) !== wanted) return Number.NaN;
      const both = words[at(row) + connectionWord.ports] ?? 0;
      return end(row, side) === 0 ? both >>> 16 : both & 0xffff;
    };
  };
  const flags = (mask: number): NumberReader<number> => {
    return (row) => (protocol(row) === ipProtocol.tcp ? flagsOf(restOf(row)) & mask : Number.NaN);
  };

  return {
    complete: (row) => isPlain(restOf(row)),
    number(name, word) {
      const bit = flagBits[name];
      if (bit !== undefined) {
        const read = flags(bit);
        return (row) => {
          const value = read(row);
          return value > 0 ? 1 : value;
        };
      }
      if (name === 'tcp.flags') return flags(0xff);
      const [outer = '', field] = name.split('.');
      const [wantedFamily, wantedProtocol] = [families[outer], protocols[outer]];
      if (field === undefined) {
        if (wantedFamily !== undefined) return (row) => (family(row) === wantedFamily ? 1 : Number.NaN);
        return wantedProtocol === undefined ? null : (row) => (protocol(row) === wantedProtocol ? 1 : Number.NaN);
      }
      const side = sides[field];
      if (side === undefined) return null;
      if (wantedFamily !== undefined) return field.endsWith('port') ? null : address(wantedFamily, side, word);
      const hasPorts = wantedProtocol === ipProtocol.tcp || wantedProtocol === ipProtocol.udp;
      return hasPorts && field.endsWith('port') ? port(wantedProtocol, side) : null;
    },
  };
}

/**
 * Everything that a filter can ask of a packet, by its row.
 *
 * @param factsOf What is known of the connection of a frame, by the frame's number.
 */
export function indexFields(
  capture: IndexedCapture,
  factsOf: (frameNumber: number) => ConnectionFacts | null,
): FrameFields<number> {
  const { interfaces, packets } = capture.index;
  const startNs = packets.count === 0 ? 0n : capture.frame(0).timeNs;
  const fields = frameFields({ interfaces, startNs, connectionOf: ({ number }) => factsOf(number) });
  let last: { readonly row: number; readonly frame: Frame } | null = null;
  const frameOf = (row: number): Frame => {
    if (last?.row !== row) last = { row, frame: capture.borrowed(row) };
    return last.frame;
  };
  const ofRow =
    <T>(ask: (frame: Frame) => T) =>
    (row: number): T =>
      ask(frameOf(row));
  return {
    number(name, word) {
      const read = fields.number(name, word);
      return read && ofRow(read);
    },
    values: (name) => ofRow(fields.values(name)),
    bytes: (protocol) => ofRow(fields.bytes(protocol)),
  };
}
