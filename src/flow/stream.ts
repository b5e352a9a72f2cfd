/**
 * Follows one connection: what each end sent, in the order of its stream (RFC 9293), and what of it is missing.
 *
 * One capture point is read, the one that saw most frames, so that a packet seen at several points is told once. Nothing
 * is copied: chunks are views into the case's frames. IP fragments are not put together: what the later ones of a segment
 * hold is a gap.
 */

import type { Frame } from '../case/evidence.ts';
import { dissect } from '../wire/dissect.ts';
import { fieldValue, findLayer } from '../wire/fields.ts';
import type { Layer } from '../wire/layer.ts';
import type { Connection } from './connection.ts';
import { placeSegments, type Segment } from './segments.ts';

/** Who sent something: whoever asked for the connection, or the other end. */
export type Side = 'client' | 'server';

/** Something of a stream, in the order in which it reached its place there. */
export type StreamItem =
  | {
      readonly kind: 'data';
      readonly from: Side;
      /** Of the first byte in what that side sent, from 0; gaps count. */
      readonly offset: number;
      /** Borrowed from the case's frame: do not write. */
      readonly bytes: Uint8Array;
      readonly frameNumber: number;
      /** When the frame was captured, nanoseconds since 1970. */
      readonly timeNs: bigint;
    }
  | {
      readonly kind: 'gap';
      readonly from: Side;
      readonly offset: number;
      /** Bytes that are missing. */
      readonly length: number;
      /** `cut`: frames were captured in part (snap length); `not-captured`: no frame at this point holds them. */
      readonly reason: 'cut' | 'not-captured';
    }
  | {
      readonly kind: 'end';
      readonly from: Side;
      /** A FIN says that this side sends no more; an RST ends the connection for both. */
      readonly by: 'fin' | 'reset';
      readonly frameNumber: number;
      readonly timeNs: bigint;
    };

/** What of a connection is needed to follow it. */
export type Followed = Pick<Connection, 'protocol' | 'client' | 'frames'>;

/** What one side sent, counted. */
export interface StreamTally {
  /** In the stream's chunks. */
  readonly bytes: number;
  /** In its gaps. */
  readonly missing: number;
  /** Sent again: retransmissions and overlaps. */
  readonly repeated: number;
  /** Chunks that were captured after what follows them in the stream. */
  readonly outOfOrder: number;
  /** Frames that sent other bytes for what had been sent already: the first are in the stream. */
  readonly contradictingFrames: readonly number[];
  /** Captured payload beyond the limit, which was not looked at. */
  readonly leftOut: number;
}

/** A connection, followed. */
export interface Stream {
  readonly protocol: Connection['protocol'];
  /** The capture point that was read, as in the case's `interfaces`; null when no frame of it carries the connection. */
  readonly interfaceIndex: number | null;
  readonly items: readonly StreamItem[];
  readonly tally: Readonly<Record<Side, StreamTally>>;
}

/** Payload that is looked at, both sides together: far more than a person reads, and seconds of work at the worst. */
const mostBytes = 64 * 1024 * 1024;

/** A frame of the connection, as far as its stream needs it. */
interface Sight {
  readonly frame: Frame;
  readonly from: Side;
  /** Null of a datagram. */
  readonly tcp: {
    readonly sequence: number;
    readonly syn: boolean;
    readonly fin: boolean;
    readonly reset: boolean;
  } | null;
  /** Bytes of payload on the wire. */
  readonly length: number;
  /** Those of them that were captured. */
  readonly payload: Uint8Array;
}

const udpHeaderLength = 8;

function numberOf(layer: Layer, name: string): number | null {
  const value = fieldValue(layer, name);
  return typeof value === 'number' ? value : null;
}

/** Bytes of payload that a header promises; null when it is too damaged to tell. */
function payloadLength(layer: Layer): number | null {
  if (layer.protocol === 'tcp') return numberOf(layer, 'tcp.len');
  const length = numberOf(layer, 'udp.length');
  return length === null ? null : Math.max(0, length - udpHeaderLength);
}

function readSight(frame: Frame, linkType: number, { protocol, client }: Followed): Sight | null {
  const dissection = dissect(frame.bytes, linkType, frame.originalLength);
  const layer = findLayer(dissection, protocol);
  const length = layer && payloadLength(layer);
  if (layer === null || length === null) return null;
  const before = dissection.layers.slice(0, dissection.layers.indexOf(layer));
  const network = before.findLast((one) => one.protocol === 'ip' || one.protocol === 'ipv6');
  if (network === undefined) return null;
  const isClient =
    fieldValue(network, `${network.protocol}.src`) === client.address &&
    fieldValue(layer, `${protocol}.srcport`) === client.port;
  const isSet = (flag: string): boolean => fieldValue(layer, `tcp.flags.${flag}`) === true;
  const start = layer.offset + layer.length;
  return {
    frame,
    from: isClient ? 'client' : 'server',
    tcp:
      protocol === 'tcp'
        ? { sequence: numberOf(layer, 'tcp.seq_raw') ?? 0, syn: isSet('syn'), fin: isSet('fin'), reset: isSet('reset') }
        : null,
    length,
    payload: frame.bytes.subarray(start, start + length),
  };
}

/** The capture point with most of the sights; of several, the first of the case. */
function busiestPoint(sights: readonly Sight[]): number | null {
  const counts = new Map<number, number>();
  for (const { frame } of sights) counts.set(frame.interfaceIndex, (counts.get(frame.interfaceIndex) ?? 0) + 1);
  let best: number | null = null;
  for (const [point, count] of [...counts].sort(([a], [b]) => a - b)) {
    if (best === null || count > (counts.get(best) ?? 0)) best = point;
  }
  return best;
}

/** What one side sent, as segments at their positions. */
interface Sent {
  readonly segments: readonly Segment<Frame>[];
  /** Where the stream begins: at the SYN's end, else unknown. */
  readonly begins: number | null;
  readonly fin: { readonly position: number; readonly arrival: number; readonly frame: Frame } | null;
  readonly reset: { readonly arrival: number; readonly frame: Frame } | null;
  readonly leftOut: number;
}

/** A sight with its place in the order of capture, and whether the limit leaves its payload out. */
interface Ordered extends Sight {
  readonly arrival: number;
  readonly beyondLimit: boolean;
}

function gather(sights: readonly Ordered[]): Sent {
  const opening = sights.find(({ tcp }) => tcp?.syn === true)?.tcp ?? null;
  const segments: Segment<Frame>[] = [];
  let fin: Sent['fin'] = null;
  let reset: Sent['reset'] = null;
  let leftOut = 0;
  // Sequence numbers wrap: each is taken as near as possible to the one before it.
  let lastSequence = opening === null ? null : (opening.sequence + 1) >>> 0;
  let lastPosition = 0;
  for (const { tcp, arrival, beyondLimit, frame, ...sight } of sights) {
    if (tcp?.reset === true) {
      // What an RST carries is a reason for people, and no part of the stream (RFC 9293 section 3.5.3).
      reset ??= { arrival, frame };
      continue;
    }
    let position = lastPosition;
    if (tcp !== null) {
      const sequence = (tcp.sequence + (tcp.syn ? 1 : 0)) >>> 0;
      position += lastSequence === null ? 0 : (sequence - lastSequence) | 0;
      lastSequence = sequence;
    }
    // A datagram stands behind the one before it.
    lastPosition = tcp === null ? position + sight.length : position;
    if (tcp?.fin === true) fin ??= { position: position + sight.length, arrival, frame };
    if (beyondLimit) {
      leftOut += sight.payload.length;
      continue;
    }
    // Before the stream begins there is only the byte that a keep-alive repeats.
    const early = opening === null ? 0 : Math.min(sight.length, Math.max(0, -position));
    const captured = sight.payload.subarray(early);
    const cut = sight.length - early - captured.length;
    const whole = { position: position + early, arrival, origin: frame };
    segments.push({ ...whole, length: captured.length, bytes: captured });
    if (cut > 0) segments.push({ ...whole, position: whole.position + captured.length, length: cut, bytes: null });
  }
  return { segments, begins: opening === null ? null : 0, fin, reset, leftOut };
}

/** An item, and the arrival with which all before it was there. */
interface Timed {
  readonly moment: number;
  readonly item: StreamItem;
}

function assemble(from: Side, sent: Sent): { timed: Timed[]; tally: StreamTally } {
  const { pieces, repeated, contradicting } = placeSegments(sent.segments);
  const timed: Timed[] = [];
  const start = sent.begins ?? pieces[0]?.position ?? sent.fin?.position ?? 0;
  let end = start;
  let moment = 0;
  let bytes = 0;
  let missing = 0;
  let outOfOrder = 0;
  const addGap = (length: number, reason: 'cut' | 'not-captured', at: number): void => {
    if (length <= 0) return;
    timed.push({ moment: at, item: { kind: 'gap', from, offset: end - start, length, reason } });
    missing += length;
    end += length;
  };
  for (const piece of pieces) {
    const late = piece.arrival < moment;
    moment = Math.max(moment, piece.arrival);
    addGap(piece.position - end, 'not-captured', moment);
    if (piece.bytes === null) {
      addGap(piece.length, 'cut', moment);
      continue;
    }
    const { number: frameNumber, timeNs } = piece.origin;
    const offset = end - start;
    timed.push({ moment, item: { kind: 'data', from, offset, bytes: piece.bytes, frameNumber, timeNs } });
    if (late) outOfOrder += 1;
    bytes += piece.length;
    end += piece.length;
  }
  const close = (by: 'fin' | 'reset', at: number, { number: frameNumber, timeNs }: Frame): void => {
    timed.push({ moment: at, item: { kind: 'end', from, by, frameNumber, timeNs } });
  };
  if (sent.fin !== null) {
    moment = Math.max(moment, sent.fin.arrival);
    if (sent.leftOut === 0) addGap(sent.fin.position - end, 'not-captured', moment);
    close('fin', moment, sent.fin.frame);
  }
  if (sent.reset !== null) close('reset', sent.reset.arrival, sent.reset.frame);
  const contradictingFrames = contradicting.map(({ number }) => number).toSorted((a, b) => a - b);
  return { timed, tally: { bytes, missing, repeated, outOfOrder, contradictingFrames, leftOut: sent.leftOut } };
}

/**
 * Follows a connection of a case.
 *
 * @param linkTypes libpcap's link type of each of the case's interfaces.
 * @param limit Bytes of captured payload to look at, both sides together.
 * @returns Chunks of both sides in the order in which a receiver at that point could have read them.
 */
export function followStream(connection: Followed, linkTypes: readonly number[], limit = mostBytes): Stream {
  const sights = connection.frames
    .map((frame) => readSight(frame, linkTypes[frame.interfaceIndex] ?? -1, connection))
    .filter((sight) => sight !== null);
  const interfaceIndex = busiestPoint(sights);
  let looked = 0;
  const ordered = sights
    .filter(({ frame }) => frame.interfaceIndex === interfaceIndex)
    .map((sight, arrival): Ordered => {
      looked += sight.payload.length;
      return { ...sight, arrival, beyondLimit: looked > limit };
    });
  const client = assemble('client', gather(ordered.filter(({ from }) => from === 'client')));
  const server = assemble('server', gather(ordered.filter(({ from }) => from === 'server')));
  // A stable sort: what waited for the same frame stays in the order of its stream.
  const items = [...client.timed, ...server.timed].sort((a, b) => a.moment - b.moment).map(({ item }) => item);
  return {
    protocol: connection.protocol,
    interfaceIndex,
    items,
    tally: { client: client.tally, server: server.tally },
  };
}
