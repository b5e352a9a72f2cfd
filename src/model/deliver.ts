/** The last stretch: which socket of a host takes the packet, or what becomes of it without one. Pings have none. */

import type { Listener, NamespaceState, VirtualService } from '../host/state.ts';
import { formatEndpoint, sameAddress } from '../inet/address.ts';
import { settingOf } from './setting.ts';
import { bestListeners, connectedSocket, listenersOnPort } from './socket.ts';
import type { JourneyEnd, ModelPacket, Step } from './step.ts';

/** How it came to the host. */
export interface Received {
  /** The device that shows it, where the step is. */
  readonly device: string;
  /**
   * The device that sockets take it to have come in by: of what the host sends to itself, the one whose address it is for
   * (`inet_iif`, `ip6_rcv_core`).
   */
  readonly addressed: string;
  readonly broadcast: boolean;
}

/** The step at the socket, and the end of the journey. */
export interface Delivery {
  readonly step: Step;
  readonly end: JourneyEnd;
}

function ownerText({ process }: Listener): string {
  return process === null ? 'a socket' : `${process.name} (pid ${process.pid})`;
}

const echoSettings = { 4: 'net.ipv4.icmp_echo_ignore_all', 6: 'net.ipv6.icmp.echo_ignore_all' } as const;

/**
 * An echo request, which the kernel answers itself unless it is told not to (`icmp_echo` in net/ipv4/icmp.c,
 * `icmpv6_rcv`).
 */
function echo(
  namespace: NamespaceState,
  { family, destination }: ModelPacket,
  { device, broadcast }: Received,
): Delivery {
  const place = { netns: namespace.name, device, stage: 'socket' } as const;
  const ignores = settingOf(namespace, echoSettings[family]);
  const silent = ignores.value !== 0;
  if (!silent && !broadcast) {
    const detail = 'the kernel answers echo requests itself';
    const end: JourneyEnd = { kind: 'accepted', netns: namespace.name, listener: null };
    return { step: { ...place, verdict: 'delivered', detail, quotes: ignores.quotes }, end };
  }
  const reason = silent
    ? `echo requests are not answered: ${ignores.name} is ${ignores.value}`
    : `${destination} is a broadcast address, and few hosts answer what is sent to it`;
  const step: Step = { ...place, verdict: 'dropped', detail: reason, quotes: silent ? ignores.quotes : [] };
  return { step, end: { kind: 'dropped', reason, answer: null } };
}

/** IPVS takes packets behind the filter of the input hook (`ip_vs_in_hook`), before any socket is looked for. */
function virtualService({ virtualServices }: NamespaceState, packet: ModelPacket): VirtualService | undefined {
  return virtualServices.find((service) => {
    if (service.kind === 'mark') return packet.mark === null || (packet.mark ?? 0) === service.mark;
    const { protocol, address, port } = service;
    const isIts = protocol === packet.protocol && sameAddress(address, packet.destination);
    return isIts && (port === 0 || port === packet.destinationPort);
  });
}

/** IPv6's address of whichever router is nearest: TCP neither takes it nor resets it (`ipv6_unicast_destination`). */
function isAnycast({ routes }: NamespaceState, { family, destination }: ModelPacket): boolean {
  return family === 6 && routes.some(({ type, prefix }) => type === 'anycast' && sameAddress(prefix, destination));
}

/** Gives the packet to a socket of the namespace. */
export function deliver(namespace: NamespaceState, packet: ModelPacket, received: Received): Delivery {
  if (packet.protocol === 'icmp') return echo(namespace, packet, received);
  const { device, addressed, broadcast } = received;
  const place = { netns: namespace.name, device, stage: 'socket' } as const;
  const netns = namespace.name;
  const service = virtualService(namespace, packet);
  if (service !== undefined) {
    const to = formatEndpoint(packet.destination, packet.destinationPort);
    const reason = `IPVS in ${netns} sends what is for ${to} on to one of its servers, and the model does not follow that`;
    const step: Step = { ...place, verdict: 'unknown', detail: reason, quotes: [service.source] };
    return { step, end: { kind: 'undetermined', reason, answer: null } };
  }
  const best = bestListeners(namespace, packet, addressed);
  const connected = connectedSocket(namespace, packet);
  // A TCP socket with the very ends of a request is the one that the listener has made of it.
  if (connected !== null && (packet.protocol === 'udp' || best.length === 0)) {
    const detail = `a socket that is connected with ${formatEndpoint(connected.remoteAddress, connected.remotePort)} takes it`;
    const listener: Listener = { ...connected, v6Only: false, queue: { waiting: 0, limit: 0 }, process: null };
    const step: Step = { ...place, verdict: 'delivered', detail, quotes: [connected.source] };
    return { step, end: { kind: 'accepted', netns, listener } };
  }
  if (!namespace.listenersKnown) {
    const reason = `the sockets of ${netns} could not be read`;
    const step: Step = { ...place, verdict: 'unknown', detail: reason, quotes: [] };
    return { step, end: { kind: 'undetermined', reason, answer: null } };
  }
  const isAnyones = packet.protocol === 'tcp' && isAnycast(namespace, packet);
  if (isAnyones || (broadcast && (packet.protocol === 'tcp' || best.length === 0))) {
    const reason = isAnyones
      ? `${packet.destination} is an anycast address, and TCP takes nothing that is sent to one`
      : `${packet.destination} is a broadcast address, and nobody answers what is sent to it`;
    return {
      step: { ...place, verdict: 'dropped', detail: reason, quotes: [] },
      end: { kind: 'dropped', reason, answer: null },
    };
  }
  const [listener] = best;
  if (listener === undefined) {
    const samePort = listenersOnPort(namespace, packet);
    const detail = `no socket takes ${formatEndpoint(packet.destination, packet.destinationPort)}`;
    const step: Step = { ...place, verdict: 'refused', detail, quotes: samePort.map(({ source }) => source) };
    return { step, end: { kind: 'refused', netns, samePort } };
  }
  const quotes = best.map(({ source }) => source);
  const endpoint = formatEndpoint(listener.address, listener.port);
  const { waiting, limit } = listener.queue;
  if (best.length === 1 && waiting > limit) {
    const reason = `the accept queue of ${ownerText(listener)} on ${endpoint} is full: ${waiting} wait, and more than ${limit} may not`;
    const step: Step = { ...place, verdict: 'dropped', detail: reason, quotes, fault: { kind: 'accept-queue-full' } };
    return { step, end: { kind: 'dropped', reason, answer: null } };
  }
  const sharing = best.length > 1 ? `, as one of ${best.length} sockets that share the port` : '';
  const detail = `${ownerText(listener)} listens on ${endpoint}${sharing}`;
  return {
    step: { ...place, verdict: 'delivered', detail, quotes },
    end: { kind: 'accepted', netns, listener },
  };
}
