/** What the two programs said to each other: the first packet of each that carries something, and what is in it. */

import { fromClient } from '../flow/connection.ts';
import type { Packet } from '../flow/packet.ts';
import { dissect } from '../wire/dissect.ts';
import { findLayer } from '../wire/fields.ts';
import type { Dissection, Layer } from '../wire/layer.ts';
import type { Context } from './context.ts';

const ethernet = 1;

/** The layers of a packet, read from its first frame. */
function dissectPacket({ evidence }: Context, { frames }: Packet): Dissection | null {
  const [frame] = frames;
  if (frame === undefined) return null;
  return dissect(frame.bytes, evidence.interfaces[frame.interfaceIndex]?.linkType ?? ethernet, frame.originalLength);
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
