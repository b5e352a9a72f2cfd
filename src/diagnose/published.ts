/** A port that was to be published: its container listens on it, and nothing sends what is asked of the host on to there. */

import type { HostState, NamespaceState } from '../host/state.ts';
import { formatEndpoint, inPrefix, sameAddress, unspecifiedAddress } from '../inet/address.ts';
import { journey } from '../model/journey.ts';
import { bestListeners } from '../model/socket.ts';
import type { ModelPacket } from '../model/step.ts';
import type { Context } from './context.ts';
import type { Fix } from './diagnosis.ts';
import type { Cause } from './finding.ts';
import { localFixes } from './local-nat.ts';
import { addNatRule, dnatRule, natTableOf } from './nat-rule.ts';
import { findRefusal } from './socket.ts';
import { wouldWork } from './what-if.ts';
import { askedText, inNetns, listenerText, netnsText, ownerText, serverText } from './words.ts';

/** A container of the host that listens on the port, and where it would be asked. */
interface Candidate {
  readonly namespace: NamespaceState;
  readonly packet: ModelPacket;
  readonly listener: ReturnType<typeof bestListeners>[number];
}

/** True when the namespace goes into the world by the host: that is what its containers do. */
function isBehind({ routes }: NamespaceState, { links }: NamespaceState, family: 4 | 6): boolean {
  const owns = (gateway: string): boolean =>
    links.some(({ addresses }) => addresses.some(({ address }) => sameAddress(address, gateway)));
  return routes.some(
    (route) =>
      route.family === family &&
      route.prefixLength === 0 &&
      route.nextHops.some(({ gateway }) => gateway !== null && owns(gateway)),
  );
}

/** What of a namespace would take the packet, at an address in whose network `client` is not (null: in none). */
function candidateIn(namespace: NamespaceState, packet: ModelPacket, client: string | null): Candidate | null {
  for (const link of namespace.links) {
    for (const { address, family, scope, prefixLength } of link.addresses) {
      if (family !== packet.family || scope !== 0) continue;
      if (client !== null && inPrefix(client, address, prefixLength)) continue;
      const there = { ...packet, destination: address };
      const [listener] = bestListeners(namespace, there, link.name);
      if (listener !== undefined) return { namespace, packet: there, listener };
    }
  }
  return null;
}

/** The host's containers that listen on the port, in networks that the client is in none of. */
function candidates(host: HostState, refuser: NamespaceState, packet: ModelPacket, client: string | null): Candidate[] {
  return [...host.namespaces.values()].flatMap((namespace) => {
    if (namespace === refuser || !isBehind(namespace, refuser, packet.family)) return [];
    const found = candidateIn(namespace, packet, client);
    if (found === null) return [];
    const { end } = journey(host, { ...found.packet, source: unspecifiedAddress[packet.family] }, refuser.name);
    return end.kind === 'accepted' && end.netns === namespace.name ? [found] : [];
  });
}

/** A rule at the prerouting hook; where the host asks itself, one at its output hook. */
function fixesFor(context: Context, refuser: NamespaceState, becomes: ModelPacket): Fix[] {
  const { host, packet, clientNetns } = context;
  if (host === null) return [];
  if (clientNetns === refuser.name) return localFixes(context, refuser, null, becomes);
  const place = natTableOf(refuser.ruleTables, packet.family, null);
  const change = addNatRule(host, refuser.name, place, dnatRule('prerouting', packet, becomes, place));
  if (change === null) return [];
  return [
    {
      summary: `If that port is meant to be published, send what asks for it on to ${formatEndpoint(becomes.destination, becomes.destinationPort)}. Better, where an engine made the container: make it anew with the port published (-p ${packet.destinationPort}:${becomes.destinationPort}); the engine then keeps the rules, for the host's own requests as well.`,
      commands: change.commands,
      netns: refuser.name,
      verified: wouldWork(context, change.host),
    },
  ];
}

/** See the file's head. */
export const dnatMissing: Cause = (context) => {
  const { host, clientNetns, journey: way, packet } = context;
  const refusal = findRefusal(context);
  const refuser = host?.namespaces.get(refusal?.step.netns ?? '');
  if (host === null || refusal === null || refuser === undefined || way === null) return null;
  if (refusal.samePort.length > 0 || way.forms.length > 1 || way.mayBeRedirected) return null;
  const own = clientNetns === refuser.name;
  const [found, ...others] = candidates(host, refuser, packet, own ? null : way.packet.source);
  if (found === undefined || others.length > 0 || found.namespace.name === clientNetns) return null;
  const { namespace, listener, packet: becomes } = found;
  const { destinationPort: port, protocol } = packet;
  const there = formatEndpoint(becomes.destination, port);
  const place = netnsText(refuser.name);
  const stage = own ? 'output' : 'prerouting';
  return {
    cause: 'dnat-missing',
    certainty: 'inferred',
    where: { netns: refuser.name, device: refusal.step.device, stage },
    verdict: 'passed',
    detail: `no rule of the ${stage} hook sends ${protocol} port ${port} on to ${namespace.name}, which listens on it`,
    evidence: [{ kind: 'snapshot', ...listener.source }],
    summary: `${serverText(context)} refused: nothing listens on ${protocol} port ${port} ${inNetns(refuser.name)}, and no rule sends what asks for it on to ${namespace.name}, where ${ownerText(listener)} does.`,
    explanation: [
      askedText(context),
      `The address is one of ${place}, and no process ${inNetns(refuser.name)} listens on that port. ${namespace.name} does (${listenerText(listener)}), and it goes into the world by ${place}: it is its container. A container's port is reached at an address of its host only where it is published: a rule of the host then changes the destination to ${there} (DNAT). There is no such rule here: the port was never published, or its rule is gone, as when a firewall was reloaded.`,
      `${own ? `From ${place} itself` : 'Where there is a route to its network'}, ${there} may be asked for directly.`,
    ],
    fixes: fixesFor(context, refuser, becomes),
    alternatives: [
      {
        cause: 'no-listener',
        tellApart: `the port is not meant to be that of ${namespace.name}: the service is then missing ${inNetns(refuser.name)}`,
      },
    ],
  };
};
