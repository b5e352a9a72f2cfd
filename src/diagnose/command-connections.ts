/** Which of the case's connections are the traced command's. */

import type { Frame } from '../case/evidence.ts';
import type { Connection } from '../flow/connection.ts';
import type { HostState } from '../host/state.ts';
import { sameAddress } from '../inet/address.ts';
import { ownsAddress } from '../model/neighbour.ts';
import { dissect } from '../wire/dissect.ts';
import { vxlanNetwork } from '../wire/vxlan.ts';
import { findAttempts, isAttemptOf, knowsItsSource, unseenConnections } from './attempts.ts';
import type { Evidence } from './evidence.ts';
import type { KernelRecord } from './kernel-reading.ts';

/** Those from an address of the command's namespace; all, where that is not known. */
function fromItsNamespace(
  evidence: Evidence,
  connections: readonly Connection[],
  host: HostState | null,
): readonly Connection[] {
  const namespace = host?.namespaces.get(evidence.session?.command?.netns ?? '');
  if (namespace === undefined) return connections;
  return connections.filter(({ client }) => ownsAddress(namespace, client.address));
}

/** The network of the VXLAN that a connection's first frame carries; null where it carries none. */
function networkIn({ interfaces }: Evidence, [first]: readonly Frame[]): number | null {
  if (first === undefined) return null;
  const { layers } = dissect(first.bytes, interfaces[first.interfaceIndex]?.linkType ?? 1, first.originalLength);
  const udp = layers.find(({ protocol }) => protocol === 'udp');
  return udp === undefined ? null : vxlanNetwork(first.bytes.subarray(udp.offset + udp.length));
}

/**
 * True for what a VXLAN device of the command's namespace sends on behalf of its programs: to the kernel's look-ups it is
 * the program that sends. What only goes to the same port is a program's own.
 */
function isTunnels(evidence: Evidence, host: HostState | null, { protocol, server, frames }: Connection): boolean {
  const netns = evidence.session?.command?.netns;
  if (protocol !== 'udp' || host === null) return false;
  return [...host.namespaces.values()].some(({ links, forwardingEntries }) =>
    links.some(({ name, vxlan }) => {
      if (vxlan === null || vxlan.underlay !== netns) return false;
      const remotes = forwardingEntries.flatMap(({ device, remote }) => (device === name && remote ? [remote] : []));
      const numbers = [vxlan, ...remotes];
      if (!numbers.some(({ port }) => port === server.port)) return false;
      if (frames.length === 0) return remotes.some(({ address }) => sameAddress(address, server.address));
      const carried = networkIn(evidence, frames);
      return carried !== null && numbers.some(({ network }) => network === carried);
    }),
  );
}

/** By time and place: begun while the command ran, from an address of its namespace. */
function byPlace(
  evidence: Evidence,
  connections: readonly Connection[],
  host: HostState | null,
): readonly Connection[] {
  const command = evidence.session?.command ?? null;
  const near = fromItsNamespace(evidence, connections, host);
  if (command === null) return near;
  return near.filter(({ beganNs }) => beganNs >= command.startedNs && beganNs <= command.endedNs);
}

/**
 * The command's connections, and how they were told from everybody else's: by what it asked the kernel for, else by time
 * and place. With the kernel's word there are also those that never became a packet.
 */
export function commandConnections(
  evidence: Evidence,
  all: readonly Connection[],
  host: HostState | null,
  records: readonly KernelRecord[],
): { readonly connections: readonly Connection[]; readonly missing: string | null } {
  const { session } = evidence;
  if (session === null || session.command === null) return { connections: all, missing: null };
  const connections = all.filter((one) => !isTunnels(evidence, host, one));
  // A file that was cut may have frames and no kernel lines, though they were collected: then nothing is to be read from it.
  const kernelHeard = session.kernelEvents && session.kernelEventsLost === 0 && evidence.kernelLines.length > 0;
  if (kernelHeard || connections.length === 0) {
    const attempts = findAttempts(records);
    const near = fromItsNamespace(evidence, connections, host);
    const own = connections.filter((connection) =>
      attempts.some(
        (attempt) => isAttemptOf(attempt, connection) && (knowsItsSource(attempt) || near.includes(connection)),
      ),
    );
    // The look-up of an IPv6 datagram or ping is not traced: it is told by place.
    const datagrams = connections.filter(({ protocol, family }) => protocol !== 'tcp' && family === 6);
    const placed = byPlace(evidence, datagrams, host);
    const seen = connections.filter((one) => own.includes(one) || placed.includes(one));
    const unseen = unseenConnections(attempts, all, records).filter((one) => !isTunnels(evidence, host, one));
    return {
      connections: [...seen, ...unseen].sort((a, b) => (a.beganNs < b.beganNs ? -1 : a.beganNs > b.beganNs ? 1 : 0)),
      missing: null,
    };
  }
  return {
    connections: byPlace(evidence, connections, host),
    missing: `${session.kernelEvents ? 'Kernel events were lost, so' : 'Without kernel events'} the command's connections are told by namespace and time alone: another program's of the same namespace may be among them.`,
  };
}
