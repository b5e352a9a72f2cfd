/**
 * Which listener takes a packet: the look-up of `inet_lookup_listener` (net/ipv4/inet_hashtables.c), by port, family,
 * address and bound device.
 */

import type { Listener, NamespaceState } from '../host/state.ts';
import { sameAddress } from './address.ts';
import type { ModelPacket } from './step.ts';

/** An IPv4 address inside an IPv6 one (RFC 4291, section 2.5.5.2), as `ss` prints it. */
const mappedPattern = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

function isAny(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** True when the listener's family takes packets of this family. */
export function takesFamily(listener: Listener, family: 4 | 6): boolean {
  if (mappedPattern.test(listener.address)) return family === 4;
  if (listener.family === family) return true;
  // A dual-stack IPv6 socket takes IPv4 unless IPV6_V6ONLY is set (RFC 3493, section 5.3).
  return family === 4 && !listener.v6Only && isAny(listener.address);
}

/** True when the listener is bound to any address, or to this one. */
export function takesAddress(listener: Listener, address: string): boolean {
  const own = mappedPattern.exec(listener.address)?.[1] ?? listener.address;
  return isAny(own) || sameAddress(own, address);
}

/** True when the listener is bound to no device, or to the one that the packet came in by. */
function takesDevice(listener: Listener, device: string): boolean {
  return listener.device === null || listener.device === device;
}

/** Every listener of the packet's protocol and port, whatever it is bound to. */
export function listenersOnPort(namespace: NamespaceState, packet: ModelPacket): Listener[] {
  return namespace.listeners.filter(
    (listener) => listener.protocol === packet.protocol && listener.port === packet.destinationPort,
  );
}

/** The listener that takes the packet, the most specific first, or null. */
export function findListener(namespace: NamespaceState, packet: ModelPacket, device: string): Listener | null {
  const takers = listenersOnPort(namespace, packet).filter(
    (listener) =>
      takesFamily(listener, packet.family) &&
      takesAddress(listener, packet.destination) &&
      takesDevice(listener, device),
  );
  const score = (listener: Listener): number =>
    (isAny(listener.address) ? 0 : 4) +
    (listener.device === null ? 0 : 2) +
    (listener.family === packet.family ? 1 : 0);
  return takers.sort((a, b) => score(b) - score(a))[0] ?? null;
}
