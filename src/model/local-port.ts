/**
 * Which local port connect() takes where the program names none: one of a range, that no socket has which stands in the
 * way (`__inet_hash_connect`, net/ipv4/inet_hashtables.c).
 */

import type { NamespaceState, NumberRange, Quote } from '../host/state.ts';
import { sameAddress } from '../inet/address.ts';
import { bare } from './socket.ts';
import type { ModelPacket } from './step.ts';

const setting = 'net.ipv4.ip_local_port_range';

/** The ports of a namespace, as a new connection to one end finds them. */
export interface PortUse {
  readonly range: NumberRange;
  /** Ports of the range that this connection cannot have. */
  readonly taken: number;
  /** The range, and the first of the sockets that stand in the way. */
  readonly quotes: readonly Quote[];
}

/** Null where the range is not known. It serves both IP versions. */
function portRange({ sysctls }: NamespaceState): { readonly range: NumberRange; readonly source: Quote } | null {
  const known = sysctls.get(setting);
  const [first = Number.NaN, last = Number.NaN] = known?.value.trim().split(/\s+/).map(Number) ?? [];
  if (known === undefined || !Number.isInteger(first) || !Number.isInteger(last) || last < first) return null;
  return { range: { first, last }, source: known.source };
}

/**
 * What a TCP connection that has no port yet would find, its source being chosen; null where the range is not known. A
 * port is taken that a listener has, and one from which a socket, be it in TIME-WAIT, is connected with the very same
 * end. Of more sockets than the snapshot lists, fewer are taken than there are.
 */
export function localPorts(namespace: NamespaceState, packet: ModelPacket): PortUse | null {
  const known = portRange(namespace);
  if (known === null) return null;
  const { range, source } = known;
  const inRange = ({ port }: { readonly port: number }): boolean => port >= range.first && port <= range.last;
  const listening = namespace.listeners.filter((one) => one.protocol === packet.protocol && inRange(one));
  const connected = namespace.connectedSockets.filter(
    (one) =>
      one.protocol === packet.protocol &&
      inRange(one) &&
      one.remotePort === packet.destinationPort &&
      sameAddress(bare(one.address), packet.source) &&
      sameAddress(bare(one.remoteAddress), packet.destination),
  );
  const taken = new Set([...listening, ...connected].map(({ port }) => port)).size;
  return { range, taken, quotes: [source, ...connected.slice(0, 1).map((one) => one.source)] };
}

/** Ports of a range, both ends included. */
export function portsIn({ first, last }: NumberRange): number {
  return last - first + 1;
}
