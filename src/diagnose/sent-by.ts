/** By which device a client's host sent its request, where the routes alone would have taken another one. */

import { type Connection, requestPacket } from '../flow/connection.ts';
import type { HostState } from '../host/state.ts';
import { journey } from '../model/journey.ts';
import type { ModelPacket } from '../model/step.ts';
import type { Evidence } from './evidence.ts';

/** True when the host itself passes the packet by the device, by the model. */
function passesBy(host: HostState, packet: ModelPacket, netns: string, device: string): boolean {
  const { steps } = journey(host, packet, netns);
  return steps.some((step) => step.netns === netns && step.device === device && step.verdict === 'passed');
}

/**
 * The device that a program must have named (SO_BINDTODEVICE, socket(7): `curl --interface`, `ping -I`): the request was
 * seen there and not where the host's routes take it, although that was captured too. Null where nothing tells of one.
 */
export function namedDevice(
  { interfaces }: Evidence,
  connection: Connection,
  packet: ModelPacket,
  host: HostState,
  netns: string,
): string | null {
  const links = host.namespaces.get(netns)?.links ?? [];
  const places = requestPacket(connection)?.frames.map(({ interfaceIndex }) => interfaces[interfaceIndex]) ?? [];
  const seen = places.flatMap((place) => (place?.netns === netns ? [place.device] : []));
  const [device] = seen;
  const link = links.find(({ name }) => name === device);
  // A port is not what a program names: its bridge is.
  if (device === undefined || link === undefined || link.master !== null || link.kind === 'loopback') return null;
  if (passesBy(host, packet, netns, device)) return null;
  const usual = interfaces.find((place) => place.netns === netns && passesBy(host, packet, netns, place.device));
  if (usual === undefined || seen.includes(usual.device)) return null;
  return passesBy(host, { ...packet, boundDevice: device }, netns, device) ? device : null;
}
