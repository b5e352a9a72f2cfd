/** By which device a client's host sent its request, where the routes alone would have taken another one. */

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
 * The device that a program must have named (SO_BINDTODEVICE, socket(7): `curl --interface`, `ping -I`): the request was
 * seen there and not where the host's routes take it, although that was captured too. Null where nothing tells of one.
 *
 * @param usual The request's way by routes alone.
 */
export function namedDevice(
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
