/**
 * Who answered for a next hop that no table had yet and nobody in the snapshot has: a machine beyond a bridge, which a
 * container asks for the first time. The packet was sent, so the question was answered, and the frame says with which
 * link-layer address.
 */

import type { CaptureInterface, Frame } from '../case/evidence.ts';
import { answerPacket, type Connection, requestPacket } from '../flow/connection.ts';
import type { Packet } from '../flow/packet.ts';
import type { Answerer, Journey } from '../model/step.ts';
import { dissect } from '../wire/dissect.ts';
import { findLayer, textOf } from '../wire/fields.ts';
import type { Evidence } from './evidence.ts';

type Seen = readonly [point: CaptureInterface, destination: string, source: string];

/** Where a frame was seen, and its link-layer addresses; null where it has none. */
function read({ interfaces }: Evidence, { interfaceIndex, bytes, originalLength }: Frame): Seen | null {
  const point = interfaces[interfaceIndex];
  const layer = point === undefined ? null : findLayer(dissect(bytes, point.linkType, originalLength), 'eth');
  const [destination, source] = layer === null ? [] : [textOf(layer, 'eth.dst'), textOf(layer, 'eth.src')];
  return point === undefined || !destination || !source ? null : [point, destination, source];
}

/** Null where the way leads to nobody out of sight, or no frame tells who it is. */
export function answererOf(evidence: Evidence, connection: Connection, way: Journey | null): Answerer | null {
  const asker = way?.end.kind === 'leaves-view' ? way.end.asker : undefined;
  if (way === null || asker === undefined) return null;
  const seen = (packet: Packet | null): Seen[] =>
    (packet?.frames ?? []).map((frame) => read(evidence, frame)).filter((one) => one !== null);
  // From the last router on it is one frame.
  const segment = way.steps.slice(way.steps.findLastIndex(({ stage }) => stage === 'route'));
  const isOnSegment = ([{ netns, device }]: Seen): boolean =>
    segment.some((step) => step.netns === netns && step.device === device);
  const mac = seen(requestPacket(connection)).find(isOnSegment)?.[1];
  if (mac === undefined) return null;
  // What comes from out of sight is seen first where it comes in.
  const first = seen(answerPacket(connection)).find(([, , source]) => source === mac);
  const behind = first === undefined ? null : { netns: first[0].netns ?? '', device: first[0].device };
  return { ...asker, mac, behind };
}
