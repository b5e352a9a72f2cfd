/**
 * Which socket takes a packet: the look-up of `__inet_lookup` (net/ipv4/inet_hashtables.c), a connected one first, then
 * a listener by port, family, address and bound device.
 */

import type { ConnectedSocket, Listener, NamespaceState } from '../host/state.ts';
import { isUnspecified, sameAddress } from '../inet/address.ts';
import { vrfOf } from './rule.ts';
import { settingOf } from './setting.ts';
import type { ModelPacket } from './step.ts';

/** An IPv4 address inside an IPv6 one (RFC 4291, section 2.5.5.2), as `ss` prints it. */
const mappedPattern = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/;

/** True when the listener's family takes packets of this family. */
export function takesFamily(listener: Listener, family: 4 | 6): boolean {
  if (mappedPattern.test(listener.address)) return family === 4;
  if (listener.family === family) return true;
  // A dual-stack IPv6 socket takes IPv4 unless IPV6_V6ONLY is set (RFC 3493, section 5.3).
  return family === 4 && !listener.v6Only && isUnspecified(listener.address);
}

/** True when the listener is bound to any address, or to this one. */
export function takesAddress(listener: Listener, address: string): boolean {
  const own = mappedPattern.exec(listener.address)?.[1] ?? listener.address;
  return isUnspecified(own) || sameAddress(own, address);
}

/** True when the listener is bound to the device that the packet came in by, or to none (`inet_sk_bound_dev_eq`). */
function takesDevice(namespace: NamespaceState, { device, protocol }: Listener, received: string): boolean {
  const vrf = vrfOf(namespace, received);
  if (device !== null) return device === received || device === vrf?.name;
  return vrf === null || settingOf(namespace, `net.ipv4.${protocol}_l3mdev_accept`).value !== 0;
}

/** Every listener of the packet's protocol and port, whatever it is bound to. */
export function listenersOnPort(namespace: NamespaceState, packet: ModelPacket): Listener[] {
  return namespace.listeners.filter(
    (listener) => listener.protocol === packet.protocol && listener.port === packet.destinationPort,
  );
}

/** The address comes first, then the device, then the family (`inet_lookup_listener`, `__udp4_lib_lookup`, Linux 5.0 on). */
function score(listener: Listener, family: 4 | 6): number {
  const ofAddress = isUnspecified(listener.address) ? 0 : 4;
  const ofDevice = listener.device === null ? 0 : 2;
  return ofAddress + ofDevice + (listener.family === family ? 1 : 0);
}

/** The listeners that may take the packet, equally good ones: several when they share the port (SO_REUSEPORT). */
export function bestListeners(namespace: NamespaceState, packet: ModelPacket, device: string): Listener[] {
  const takers = listenersOnPort(namespace, packet).filter(
    (listener) =>
      takesFamily(listener, packet.family) &&
      takesAddress(listener, packet.destination) &&
      takesDevice(namespace, listener, device),
  );
  const best = Math.max(...takers.map((listener) => score(listener, packet.family)));
  return takers.filter((listener) => score(listener, packet.family) === best);
}

/** The IPv4 address, where a socket of IPv6 has one inside (RFC 4291, section 2.5.5.2); else the address itself. */
export function bare(address: string): string {
  return mappedPattern.exec(address)?.[1] ?? address;
}

/** The socket that is connected with the packet's sender: it comes before any listener. Null where no port is known. */
export function connectedSocket(namespace: NamespaceState, packet: ModelPacket): ConnectedSocket | null {
  const found = namespace.connectedSockets.find(
    (socket) =>
      socket.protocol === packet.protocol &&
      socket.port === packet.destinationPort &&
      socket.remotePort === packet.sourcePort &&
      sameAddress(bare(socket.address), packet.destination) &&
      sameAddress(bare(socket.remoteAddress), packet.source),
  );
  return found ?? null;
}
