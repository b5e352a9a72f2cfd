/** By which device a client's host sent its request, where its routes without one would have taken another. */

import { type Connection, requestPacket } from '../flow/connection.ts';
import type { HostState } from '../host/state.ts';
import { journey } from '../model/journey.ts';
import type { Journey } from '../model/step.ts';
import type { Evidence } from './evidence.ts';

/** True when the sender's own host passes the packet by the device. */
function passesBy({ steps, start }: Journey, device: string): boolean {
  return steps.some((step) => step.netns === start && step.device === device && step.verdict === 'passed');
}

/**
 * The device that a request was sent by though the host's routes take it to another, which was captured and did not see
 * it: a program may ask for a device (SO_BINDTODEVICE, socket(7): `curl --interface`, `ping -I`) or for a mark that rules
 * route by. Routes that are asked for that device alone take it there. Null where nothing tells of one.
 *
 * @param usual The request's way by the routes that nobody asked for a device.
 */
export function departureDevice(
  { interfaces }: Evidence,
  connection: Connection,
  host: HostState,
  usual: Journey,
): string | null {
  const netns = usual.start;
  const links = host.namespaces.get(netns)?.links ?? [];
  const places = requestPacket(connection)?.frames.map(({ interfaceIndex }) => interfaces[interfaceIndex]) ?? [];
  const seen = places.flatMap((place) => (place?.netns === netns ? [place.device] : []));
  const [device] = seen;
  const link = links.find(({ name }) => name === device);
  // A port is not what a program names: its bridge is.
  if (device === undefined || link === undefined || link.master !== null || link.kind === 'loopback') return null;
  if (passesBy(usual, device)) return null;
  const expected = interfaces.find((place) => place.netns === netns && passesBy(usual, place.device));
  if (expected === undefined || seen.includes(expected.device)) return null;
  return passesBy(journey(host, { ...usual.packet, boundDevice: device }, netns), device) ? device : null;
}
