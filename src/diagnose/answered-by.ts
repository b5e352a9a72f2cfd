/**
 * Who has a next hop that no table had yet and nobody in the snapshot has: a machine beyond a bridge, which a container
 * asks for the first time. A packet was sent, so its link-layer address was known, and the frame says which it is.
 */

import type { CaptureInterface, Frame } from '../case/evidence.ts';
import { answerPacket, type Connection, fromClient } from '../flow/connection.ts';
import type { HostState } from '../host/state.ts';
import type { Answerer, Journey } from '../model/step.ts';
import { dissect } from '../wire/dissect.ts';
import { findLayer, textOf } from '../wire/fields.ts';
import type { Evidence } from './evidence.ts';

/** A frame where it was seen. */
interface Sight {
  readonly point: CaptureInterface;
  readonly destination: string;
  readonly source: string;
}

/** Frames that have link-layer addresses, in the order of time. */
function sightsOf({ interfaces }: Evidence, frames: readonly Frame[]): Sight[] {
  return frames.flatMap(({ interfaceIndex, bytes, originalLength }) => {
    const point = interfaces[interfaceIndex];
    const layer = point === undefined ? null : findLayer(dissect(bytes, point.linkType, originalLength), 'eth');
    if (point === undefined || layer === null) return [];
    return [{ point, destination: textOf(layer, 'eth.dst'), source: textOf(layer, 'eth.src') }];
  });
}

/** Null where the way leads to nobody out of sight, or no frame tells who it is. */
export function answererOf(
  evidence: Evidence,
  connection: Connection,
  host: HostState,
  way: Journey | null,
): Answerer | null {
  const asker = way?.end.kind === 'leaves-view' ? way.end.asker : undefined;
  const own = host.namespaces.get(asker?.netns ?? '')?.links.find(({ name }) => name === asker?.device)?.mac ?? null;
  if (way === null || asker === undefined || own === null) return null;
  const from = way.steps.findLastIndex(
    ({ netns, device, stage }) => netns === asker.netns && device === asker.device && stage === 'egress',
  );
  const beyond = way.steps.slice(Math.max(from, 0));
  const sent = connection.packets.filter((packet) => fromClient(connection, packet));
  const request = sightsOf(
    evidence,
    sent.flatMap(({ frames }) => frames),
  ).find(
    ({ point, source }) =>
      source === own && beyond.some(({ netns, device }) => netns === point.netns && device === point.device),
  );
  if (request === undefined) return null;
  const mac = request.destination;
  const back = [...(answerPacket(connection)?.frames ?? []), ...connection.errors.map(({ frame }) => frame)];
  // What comes from out of sight is seen first where it comes in.
  const first = sightsOf(evidence, back).find(({ source }) => source === mac)?.point;
  const behind = first === undefined ? null : { netns: first.netns ?? '', device: first.device };
  return { ...asker, mac, behind };
}
