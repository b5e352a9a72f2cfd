/** What the kernel said about one connection: its trace lines, joined by tuple and by packet buffer. */

import type { KernelLine, Session } from '../case/evidence.ts';
import { type Connection, fromClient } from '../flow/connection.ts';
import type { Packet } from '../flow/packet.ts';
import type { Ends } from '../flow/translated.ts';
import {
  type KernelEvent,
  parseKernelEvent,
  parseTraceLine,
  type SocketAddress,
  type TraceLine,
} from '../kernel/parse.ts';
import type { EvidenceItem } from './diagnosis.ts';

/** A line that says something. */
export interface KernelRecord {
  readonly source: KernelLine;
  readonly line: TraceLine;
  readonly event: KernelEvent;
}

/** Everything about one connection, in the order of time. */
export interface KernelReading {
  /** Route look-ups of its request and reply. */
  readonly routes: readonly KernelRecord[];
  /** An RST that this host's own TCP sent to the client, before anything was accepted. */
  readonly resetSent: KernelRecord | null;
  /** The way of the packet's buffer over devices, as far as it is known which buffer it is. */
  readonly devices: readonly KernelRecord[];
  /** Why the packet's buffer was dropped. */
  readonly drop: KernelRecord | null;
  /** The client's socket became established. */
  readonly established: KernelRecord | null;
  /** The error that the client's socket got. */
  readonly socketError: KernelRecord | null;
}

/** A buffer's address is used again and again: only this long before and after is it the same packet. */
const sameBufferNs = 1_000_000_000n;
/** A frame's stamp and its device event are taken within microseconds; more apart they are not the same packet. */
const sameMomentNs = 1_000_000n;
/** How much later than the event the stamp may be: a program takes a frame from its queue when it gets to run. */
const stampedLaterNs = { kernel: sameMomentNs, 'user-space': 50_000_000n } as const;

/** What the case says of its frames. */
export interface FrameReading {
  readonly clock: Session['clock'];
  /** The device of a frame, by the case's interface index. */
  readonly deviceOf: (interfaceIndex: number) => string;
}

/** Reads the lines once, for all connections. */
export function readKernelLines(lines: readonly KernelLine[]): KernelRecord[] {
  const records: KernelRecord[] = [];
  for (const source of lines) {
    const line = parseTraceLine(source.text);
    const event = line === null ? null : parseKernelEvent(line);
    if (line !== null && event !== null) records.push({ source, line, event });
  }
  return records;
}

function is(a: SocketAddress, b: SocketAddress): boolean {
  return a.port === b.port && a.address === b.address;
}

function distance(a: bigint, b: bigint): bigint {
  return a < b ? b - a : a - b;
}

/** True for a route look-up of a request or its reply between these ends. */
function isLookUpOf({ client, server }: Ends, event: Extract<KernelEvent, { kind: 'route' }>): boolean {
  const { source, destination } = event;
  // A look-up that fails has chosen no source yet.
  const sender = event.error !== 0 && source.port === 0 ? client.address : source.address;
  const request = sender === client.address && destination.address === server.address;
  const reply = source.address === server.address && destination.address === client.address;
  const ports = new Set([source.port, destination.port]);
  return (request || reply) && [...ports].every((port) => [0, client.port, server.port].includes(port));
}

/** What a tunnel's headers add to a packet at most (VXLAN over IPv6, with a tag), in bytes. */
const widestTunnel = 74;
const ethernetHeader = 14;

type Frame = Packet['frames'][number];

/** True for a device event that is stamped as a frame of that device is. */
function isAtFrame({ event, source }: KernelRecord, frame: Frame, { clock, deviceOf }: FrameReading): boolean {
  return (
    event.kind === 'device' &&
    event.device === deviceOf(frame.interfaceIndex) &&
    source.timeNs - frame.timeNs <= sameMomentNs &&
    frame.timeNs - source.timeNs <= stampedLaterNs[clock]
  );
}

/**
 * Says of the devices that a buffer passes, one after the other, whether the packet still may be in it: it passes none
 * twice, but where it was seen as often. In a loop it is another packet each time, with less of its time to live.
 */
function passesOnce(connection: Connection, packet: Packet, frames: FrameReading): (record: KernelRecord) => boolean {
  const sameWay = (one: Packet): boolean => fromClient(connection, one) === fromClient(connection, packet);
  const length = packet.frames[0]?.originalLength;
  const seen = connection.packets.filter(sameWay).flatMap((one) => one.frames);
  const unused = new Set(seen.filter(({ originalLength }) => originalLength === length));
  const passed = new Set<string>();
  return (record) => {
    if (record.event.kind !== 'device') return true;
    const place = `${record.line.event} ${record.event.device}`;
    const frame = [...unused].find((one) => isAtFrame(record, one, frames));
    if (frame === undefined && passed.has(place)) return false;
    if (frame !== undefined) unused.delete(frame);
    passed.add(place);
    return true;
  };
}

/**
 * A buffer's events as long as it holds the packet: its address is given to another one soon after it is freed, which
 * nothing tells of a packet that is delivered. The other one is known by its length, by where the first one has been
 * already, or by a reset for another tuple; a tunnel makes the packet itself longer, without delay.
 */
function whileItHolds(
  packet: Packet,
  records: readonly KernelRecord[],
  isOwnReset: (event: KernelEvent) => boolean,
  mayPass: (record: KernelRecord) => boolean,
): KernelRecord[] {
  const lengths = new Set(
    packet.frames.flatMap(({ originalLength: length }) => [length, length - ethernetHeader, length + ethernetHeader]),
  );
  const longest = Math.max(...lengths);
  const isTunnelled = (length: number, at: number): boolean => {
    const [before, now] = [records[at - 1], records[at]];
    const atOnce =
      before !== undefined && now !== undefined && now.source.timeNs - before.source.timeNs <= sameMomentNs;
    return atOnce && length > longest && length <= longest + widestTunnel;
  };
  const end = records.findIndex((record, at) => {
    const { event } = record;
    if (event.kind === 'send-reset') return !isOwnReset(event);
    if (event.kind !== 'device') return false;
    return (!lengths.has(event.length) && !isTunnelled(event.length, at)) || !mayPass(record);
  });
  const held = end < 0 ? [...records] : records.slice(0, end);
  const dropped = held.findIndex(({ event }) => event.kind === 'drop');
  return dropped < 0 ? held : held.slice(0, dropped + 1);
}

/**
 * Joins the records with a connection, which NAT may give other ends on its way.
 *
 * @param packet The packet whose way and end are asked for; null for none.
 */
export function readKernelFor(
  connection: Connection,
  packet: Packet | null,
  others: readonly Ends[],
  records: readonly KernelRecord[],
  frames: FrameReading,
): KernelReading {
  const { client, server, beganNs: firstNs, endedNs: lastNs } = connection;
  const pairs: readonly Ends[] = [connection, ...others];
  const near = records.filter(
    ({ source }) => source.timeNs >= firstNs - sameBufferNs && source.timeNs <= lastNs + sameBufferNs,
  );
  const packets = near.filter(({ source }) => source.scope === 'packets');
  const routes = packets.filter(({ event }) => {
    if (event.kind !== 'route') return false;
    return pairs.some((pair) => isLookUpOf(pair, event));
  });
  const isOwnReset = (event: KernelEvent): boolean =>
    event.kind === 'send-reset' &&
    pairs.some((pair) => is(event.source, pair.server) && is(event.destination, pair.client));
  const resetSent = packets.find(({ event }) => isOwnReset(event)) ?? null;
  const sights = packet === null ? [] : packets.filter((record) => isSight(record, packet, frames));
  const first = packet === null ? null : firstSight(connection, packet, sights, packets, frames);
  const buffer = bufferOf(resetSent ?? first);
  const ofBuffer = packets.filter(({ event, source }) => {
    if (buffer === null || !('skb' in event) || event.skb !== buffer) return false;
    return distance(source.timeNs, resetSent?.source.timeNs ?? firstNs) <= sameBufferNs;
  });
  const isFirst = (record: KernelRecord): boolean =>
    sights.includes(record) && (resetSent === null || record.source.timeNs <= resetSent.source.timeNs);
  const lastFirst = frames.clock === 'kernel' ? ofBuffer.findLastIndex(isFirst) : ofBuffer.findIndex(isFirst);
  const firstDevice = resetSent === null && first !== null ? ofBuffer.indexOf(first) : lastFirst;
  const since = ofBuffer.slice(Math.max(firstDevice, 0));
  const mayPass = packet === null ? () => true : passesOnce(connection, packet, frames);
  const way = packet === null ? since : whileItHolds(packet, since, isOwnReset, mayPass);
  return {
    routes,
    resetSent,
    devices: way.filter(({ event }) => event.kind === 'device'),
    drop: way.find(({ event }) => event.kind === 'drop') ?? null,
    established:
      near.find(
        ({ event }) =>
          event.kind === 'socket-state' &&
          event.to === 'TCP_ESTABLISHED' &&
          is(event.local, client) &&
          is(event.remote, server),
      ) ?? null,
    socketError:
      records.find(
        ({ event, source }) =>
          event.kind === 'socket-error' &&
          event.error !== 0 &&
          source.timeNs >= firstNs &&
          is(event.local, client) &&
          is(event.remote, server),
      ) ?? null,
  };
}

/**
 * Which of the possible destinations the request was given, by the kernel's word: a reset that it sent names both ends;
 * else a route was looked up to one of them alone, where nothing that the kernel said was lost. Null where that is not told.
 */
export function destinationTold(
  { client, beganNs, endedNs }: Connection,
  possible: readonly Ends[],
  records: readonly KernelRecord[],
  isComplete: boolean,
): SocketAddress | null {
  if (possible.length === 0) return null;
  // What was captured may lie before the choice, and a program's stamps behind it.
  const [fromNs, toNs] = [beganNs - stampedLaterNs['user-space'], endedNs + stampedLaterNs['user-space']];
  const told = records.filter(
    ({ source }) => source.scope === 'packets' && source.timeNs >= fromNs && source.timeNs <= toNs,
  );
  const refused = possible.find((ends) =>
    told.some(
      ({ event }) => event.kind === 'send-reset' && is(event.source, ends.server) && is(event.destination, ends.client),
    ),
  );
  if (refused !== undefined) return refused.server;
  const lookedUp = possible.filter((ends) =>
    told.some(
      ({ event }) =>
        event.kind === 'route' &&
        event.destination.address === ends.server.address &&
        (event.source.address === client.address || event.source.address === ends.client.address),
    ),
  );
  const [only, ...others] = lookedUp;
  const isOnly = only !== undefined && others.every(({ server }) => is(server, only.server));
  return isComplete && isOnly ? only.server : null;
}

/** True for a device event that belongs to a frame of the packet. */
function isSight(record: KernelRecord, packet: Packet, frames: FrameReading): boolean {
  const { event } = record;
  // By a program's clock the frames of several devices may be out of order: any of them may be the first.
  return (frames.clock === 'kernel' ? packet.frames.slice(0, 1) : packet.frames).some(
    (frame) => event.kind === 'device' && event.length === frame.originalLength && isAtFrame(record, frame, frames),
  );
}

/**
 * The request's sight by the task that sent it: the one that looked its route up, with the ports that it has, passes a
 * device with it next. Null where that is not told.
 */
function sentByItsTask(
  { client, server }: Connection,
  sights: readonly KernelRecord[],
  packets: readonly KernelRecord[],
): KernelRecord | null {
  const lookUp = packets.findLastIndex(
    ({ event, line, source }) =>
      event.kind === 'route' &&
      !line.interrupt &&
      is(event.source, client) &&
      is(event.destination, server) &&
      sights.some((sight) => sight.line.pid === line.pid && sight.source.timeNs >= source.timeNs),
  );
  const pid = packets[lookUp]?.line.pid;
  const next = packets.find(({ event, line }, at) => at > lookUp && line.pid === pid && event.kind === 'device');
  return pid !== undefined && next !== undefined && sights.includes(next) ? next : null;
}

/**
 * Finds where the packet was seen first, where the tuple of a later event does not name its buffer: by device, length and
 * time, and among several by who sent it, else by what is nearest in time. A program's stamps are too coarse to choose by
 * them: there it is known only when no other buffer comes into question.
 */
function firstSight(
  connection: Connection,
  packet: Packet,
  sights: readonly KernelRecord[],
  packets: readonly KernelRecord[],
  { clock }: FrameReading,
): KernelRecord | null {
  const buffers = new Set(sights.map(bufferOf));
  const isRequest = packet === connection.packets[0];
  const sent = buffers.size > 1 && isRequest ? sentByItsTask(connection, sights, packets) : null;
  if (sent !== null) return sent;
  if (clock === 'user-space') return buffers.size > 1 ? null : (sights[0] ?? null);
  const frameNs = packet.frames[0]?.timeNs ?? 0n;
  const nearest = sights.toSorted((a, b) =>
    distance(a.source.timeNs, frameNs) < distance(b.source.timeNs, frameNs) ? -1 : 1,
  );
  return nearest[0] ?? null;
}

function bufferOf(record: KernelRecord | null): string | null {
  return record !== null && 'skb' in record.event ? record.event.skb : null;
}

/** Quotes a record as evidence: the event's own words. */
export function kernelEvidence(record: KernelRecord): EvidenceItem {
  const { line } = record;
  return { kind: 'kernel', event: eventName(line.event), text: line.text };
}

const subsystems: Readonly<Record<string, string>> = {
  net_dev_queue: 'net',
  netif_receive_skb: 'net',
  fib_table_lookup: 'fib',
  tcp_send_reset: 'tcp',
  kfree_skb: 'skb',
  inet_sock_set_state: 'sock',
  inet_sk_error_report: 'sock',
};

function eventName(event: string): string {
  return `${subsystems[event] ?? 'events'}:${event}`;
}
