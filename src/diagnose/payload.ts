/** What the two programs said to each other: the first packet of each that carries something, and what is in it. */

import type { Frame } from '../case/evidence.ts';
import { fromClient } from '../flow/connection.ts';
import type { Packet } from '../flow/packet.ts';
import { dissect } from '../wire/dissect.ts';
import { findLayer, numberOf } from '../wire/fields.ts';
import type { Dissection, Layer } from '../wire/layer.ts';
import type { Context } from './context.ts';
import type { Evidence } from './evidence.ts';

const ethernet = 1;

/** The layers of a packet, read from its first frame. */
function dissectPacket({ evidence }: Context, { frames }: Packet): Dissection | null {
  const [frame] = frames;
  if (frame === undefined) return null;
  return dissect(frame.bytes, evidence.interfaces[frame.interfaceIndex]?.linkType ?? ethernet, frame.originalLength);
}

/** Hops that were left to a frame's packet where it was seen; null where that cannot be read. */
export function timeToLiveOf({ interfaces }: Pick<Evidence, 'interfaces'>, frame: Frame): number | null {
  const linkType = interfaces[frame.interfaceIndex]?.linkType ?? ethernet;
  const dissection = dissect(frame.bytes, linkType, frame.originalLength);
  const [four, six] = [findLayer(dissection, 'ip'), findLayer(dissection, 'ipv6')];
  if (four !== null) return numberOf(four, 'ip.ttl');
  return six === null ? null : numberOf(six, 'ipv6.hlim');
}

/** The first packet of an end that carries bytes; null when it said nothing. */
export function firstWords(context: Context, side: 'client' | 'server'): Packet | null {
  const { connection } = context;
  return (
    connection.packets.find(
      (packet) => packet.facts.payloadLength > 0 && fromClient(connection, packet) === (side === 'client'),
    ) ?? null
  );
}

/** A layer of a packet; null when it has none, or there is no packet. */
export function layerOf(context: Context, packet: Packet | null, protocol: string): Layer | null {
  const dissection = packet === null ? null : dissectPacket(context, packet);
  return dissection === null ? null : findLayer(dissection, protocol);
}
