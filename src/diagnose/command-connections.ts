/** Which of the case's connections are the traced command's. */

import type { Case } from '../case/evidence.ts';
import type { Connection } from '../flow/connection.ts';
import type { HostState } from '../host/state.ts';
import { sameAddress } from '../model/address.ts';
import type { KernelRecord } from './kernel-reading.ts';

const protocols: Readonly<Record<number, string>> = { 6: 'tcp', 17: 'udp' };

/**
 * By the kernel: the route look-ups that the command's own system calls made carry both ends. (What happened in an
 * interrupt may be anybody's.)
 */
function byKernel(connections: readonly Connection[], records: readonly KernelRecord[]): Connection[] {
  const own = new Set<string>();
  for (const { source, line, event } of records) {
    if (source.scope !== 'command' || line.interrupt || event.kind !== 'route' || event.source.port === 0) continue;
    const protocol = protocols[event.protocol] ?? '';
    own.add(
      `${protocol} ${event.source.address} ${event.source.port} ${event.destination.address} ${event.destination.port}`,
    );
  }
  return connections.filter(({ protocol, client, server }) =>
    own.has(`${protocol} ${client.address} ${client.port} ${server.address} ${server.port}`),
  );
}

/** By time and place: begun while the command ran, from an address of its namespace. */
function byPlace(evidence: Case, connections: readonly Connection[], host: HostState | null): Connection[] {
  const command = evidence.session?.command ?? null;
  const namespace = command === null ? undefined : host?.namespaces.get(command.netns);
  if (command === null || namespace === undefined) return [...connections];
  return connections.filter(({ client, frames }) => {
    const beganNs = frames[0]?.timeNs ?? 0n;
    const own = namespace.links.some((link) =>
      link.addresses.some(({ address }) => sameAddress(address, client.address)),
    );
    return own && beganNs >= command.startedNs && beganNs <= command.endedNs;
  });
}

/** The command's connections, and how they were told from everybody else's. */
export function commandConnections(
  evidence: Case,
  connections: readonly Connection[],
  host: HostState | null,
  records: readonly KernelRecord[],
): { readonly connections: readonly Connection[]; readonly missing: string | null } {
  const { session } = evidence;
  if (session === null || session.command === null) return { connections, missing: null };
  // A file that was cut may have frames and no kernel lines, though they were collected: then nothing is to be read from it.
  const kernelHeard = session.kernelEvents && session.kernelEventsLost === 0 && evidence.kernelLines.length > 0;
  if (kernelHeard || connections.length === 0) {
    const own = byKernel(connections, records);
    // IPv6 look-ups are not traced by this event: what has no IPv4 look-up is told by place.
    const six = byPlace(
      evidence,
      connections.filter(({ family }) => family === 6),
      host,
    );
    return { connections: connections.filter((one) => own.includes(one) || six.includes(one)), missing: null };
  }
  return {
    connections: byPlace(evidence, connections, host),
    missing: `${session.kernelEvents ? 'Kernel events were lost, so' : 'Without kernel events'} the command's connections are told by namespace and time alone: another program's of the same namespace may be among them.`,
  };
}
