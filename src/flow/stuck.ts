/** A segment that its sender repeats to no avail, in a connection that was opened. */

import type { Frame } from '../case/evidence.ts';
import { type Connection, fromClient } from './connection.ts';
import type { Packet } from './packet.ts';

/** See the file's head. */
export interface StuckSegment {
  readonly by: 'client' | 'server';
  /** The smallest form in which it was sent: a device may have cut what the kernel gave it in one piece. */
  readonly packet: Packet;
  /** Its frames at the capture point that saw it most often, in order of time. */
  readonly frames: readonly Frame[];
  /** Bytes of payload of the largest packet of that end which was acknowledged; 0 when none was. */
  readonly largestAcknowledged: number;
  /** The other end still answered after the segment was sent first: what is small comes through both ways. */
  readonly heardSince: boolean;
}

/** So often it has to be seen at one place: sent, and sent again more than once. */
const fewestSights = 3;
/** So long it has to take: a segment that was only late has come by then (RFC 6298; Linux waits 200 ms at least). */
const shortestNs = 300_000_000n;

/** Sequence numbers go round (RFC 9293, section 3.4). */
function after(a: number, b: number): number {
  return (a - b) | 0;
}

/** The highest number that these packets acknowledge; null where they acknowledge nothing. */
function highestAcknowledgement(packets: readonly Packet[]): number | null {
  let highest: number | null = null;
  for (const { facts } of packets) {
    const { tcp } = facts;
    if (tcp === null || !tcp.ack || tcp.reset) continue;
    if (highest === null || after(tcp.acknowledgement, highest) > 0) highest = tcp.acknowledgement;
  }
  return highest;
}

/** The frames of one capture point: that with most of them. */
function atOnePoint(frames: readonly Frame[]): readonly Frame[] {
  const points = Map.groupBy(frames, ({ interfaceIndex }) => interfaceIndex);
  const [first = []] = [...points.values()].toSorted((a, b) => b.length - a.length);
  return first;
}

function stuckOf(connection: Connection, by: StuckSegment['by']): StuckSegment | null {
  const isOwn = (packet: Packet): boolean => fromClient(connection, packet) === (by === 'client');
  const own = connection.packets.filter(isOwn);
  const theirs = connection.packets.filter((packet) => !isOwn(packet));
  const acknowledged = highestAcknowledgement(theirs);
  if (acknowledged === null) return null;
  const sent = own.filter(({ facts }) => facts.payloadLength > 0);
  const copies = sent.filter(({ facts }) => facts.tcp?.sequence === acknowledged);
  const [packet] = copies.toSorted((a, b) => a.facts.payloadLength - b.facts.payloadLength);
  const frames = atOnePoint(copies.flatMap((copy) => copy.frames));
  const [first, last] = [frames[0], frames.at(-1)];
  if (packet === undefined || first === undefined || last === undefined) return null;
  if (frames.length < fewestSights || last.timeNs - first.timeNs < shortestNs) return null;
  const passed = sent.filter(({ facts }) => after((facts.tcp?.sequence ?? 0) + facts.payloadLength, acknowledged) <= 0);
  const largestAcknowledged = passed.reduce((largest, { facts }) => Math.max(largest, facts.payloadLength), 0);
  const heardSince = theirs.some(
    ({ facts }) =>
      facts.tcp?.acknowledgement === acknowledged &&
      facts.tcp.ack &&
      !facts.tcp.syn &&
      facts.payloadLength === 0 &&
      facts.frame.timeNs > first.timeNs,
  );
  return { by, packet, frames, largestAcknowledged, heardSince };
}

/** The segment of either end that is stuck; null where none is. */
export function stuckSegment(connection: Connection): StuckSegment | null {
  return connection.protocol === 'tcp' ? (stuckOf(connection, 'client') ?? stuckOf(connection, 'server')) : null;
}
