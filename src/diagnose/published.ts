/**
 * A port that was to be published: by its engine's word, or since its container listens on it; and nothing sends what is
 * asked of the host on to there.
 */

import { idShape } from '../host/parse/containers.ts';
import type { PublishedPort } from '../host/snapshot.ts';
import type { HostState, Listener, NamespaceState } from '../host/state.ts';
import { formatEndpoint, inPrefix, sameAddress, unspecifiedAddress } from '../inet/address.ts';
import { journey } from '../model/journey.ts';
import { bestListeners } from '../model/socket.ts';
import type { ModelPacket, Step } from '../model/step.ts';
import { noResponseFromApplication } from './application.ts';
import type { Context } from './context.ts';
import type { Certainty, Fix } from './diagnosis.ts';
import type { Cause } from './finding.ts';
import { snapshotEvidence } from './hops.ts';
import { localFixes } from './local-nat.ts';
import { addNatRule, dnatRule, natTableOf } from './nat-rule.ts';
import { holdsForAnother } from './predicted-outcome.ts';
import { findRefusal } from './socket.ts';
import { commandsOf, wouldWork } from './what-if.ts';
import { askedText, capitalised, inNetns, listenerText, netnsText, ownerText, serverText } from './words.ts';

/** A container of the host, the port of it that would be asked, and what listens there. */
interface Candidate {
  readonly namespace: NamespaceState;
  readonly packet: ModelPacket;
  readonly listener: ReturnType<typeof bestListeners>[number];
  /** The engine's word that the port is published. */
  readonly published: PublishedPort | null;
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

function hostAddressTakes(address: string, family: 4 | 6, destination: string): boolean {
  return address === unspecifiedAddress[family] || sameAddress(address, destination);
}

/** How the namespace's engine publishes the port that the packet asks for. */
function publishedIn({ container }: NamespaceState, packet: ModelPacket): PublishedPort | null {
  const { protocol, family, destination, destinationPort } = packet;
  const isAsked = (port: PublishedPort): boolean =>
    port.protocol === protocol &&
    port.hostPort === destinationPort &&
    (port.hostAddress === null || hostAddressTakes(port.hostAddress, family, destination));
  return container?.ports?.find(isAsked) ?? null;
}

/** What of a namespace would take the packet, at an address in whose network `client` is not (null: in none). */
function candidateIn(namespace: NamespaceState, packet: ModelPacket, client: string | null): Candidate | null {
  const published = publishedIn(namespace, packet);
  const destinationPort = published?.port ?? packet.destinationPort;
  for (const link of namespace.links) {
    for (const { address, family, scope, prefixLength } of link.addresses) {
      if (family !== packet.family || scope !== 0) continue;
      if (client !== null && inPrefix(client, address, prefixLength)) continue;
      const there = { ...packet, destination: address, destinationPort };
      const [listener] = bestListeners(namespace, there, link.name);
      if (listener !== undefined) return { namespace, packet: there, listener, published };
    }
  }
  return null;
}

/**
 * The host's containers whose port that is and that serve it, in networks that the client is in none of: of those that
 * publish it, where any does; else of those that listen on it.
 */
function candidates(host: HostState, refuser: NamespaceState, packet: ModelPacket, client: string | null): Candidate[] {
  const behind = [...host.namespaces.values()].filter(
    (namespace) => namespace !== refuser && isBehind(namespace, refuser, packet.family),
  );
  const publishing = behind.filter((namespace) => publishedIn(namespace, packet) !== null);
  return (publishing.length > 0 ? publishing : behind).flatMap((namespace) => {
    const found = candidateIn(namespace, packet, client);
    if (found === null) return [];
    const { end } = journey(host, { ...found.packet, source: unspecifiedAddress[packet.family] }, refuser.name);
    return end.kind === 'accepted' && end.netns === namespace.name ? [found] : [];
  });
}

/** What makes an engine write a container's rules again. */
interface Rewriting {
  readonly how: string;
  /** The command for a container of that id. */
  readonly command: (id: string) => readonly string[];
  /** It writes them all, whatever is gone. */
  readonly isWhole: boolean;
}

const rewriting: ReadonlyMap<string, Rewriting> = new Map<string, Rewriting>([
  [
    'podman',
    { how: 'Podman writes them again at once', command: (id) => ['podman', 'network', 'reload', id], isWhole: true },
  ],
  [
    'docker',
    {
      how: "Docker's daemon writes them again when it starts; that restarts containers, too, unless live-restore is set",
      command: () => ['systemctl', 'restart', 'docker'],
      isWhole: false,
    },
  ],
  [
    'containerd',
    {
      how: 'They are written again when the container starts',
      command: (id) => ['nerdctl', 'restart', id],
      isWhole: false,
    },
  ],
]);

/** The engine writes its own rules again; null where none is known that would. */
function engineFix(netns: string, { namespace, published }: Candidate, verified: boolean): Fix | null {
  const { container } = namespace;
  const engine = rewriting.get(container?.runtime ?? '');
  if (published === null || container === null || engine === undefined || !idShape.test(container.id)) return null;
  return {
    summary: `Let the engine write the rules of ${namespace.name} again. ${engine.how}.`,
    commands: commandsOf(engine.command(container.id.slice(0, 12))),
    netns,
    verified: verified && engine.isWhole,
  };
}

/** A rule at the prerouting hook; where the host asks itself, one at its output hook. */
function ruleFixes(context: Context, refuser: NamespaceState, { packet: becomes, published }: Candidate): Fix[] {
  const { host, packet, clientNetns } = context;
  if (host === null) return [];
  if (clientNetns === refuser.name) return localFixes(context, refuser, null, becomes);
  const place = natTableOf(refuser.ruleTables, packet.family, null);
  const change = addNatRule(host, refuser.name, place, dnatRule('prerouting', packet, becomes, place));
  if (change === null) return [];
  const there = formatEndpoint(becomes.destination, becomes.destinationPort);
  const summary =
    published === null
      ? `If that port is meant to be published, send what asks for it on to ${there}. Better, where an engine made the container: make it anew with the port published (-p ${packet.destinationPort}:${becomes.destinationPort}); the engine then keeps the rules, for the host's own requests as well.`
      : `Until then, send what asks for it on to ${there}.`;
  return [{ summary, commands: change.commands, netns: refuser.name, verified: wouldWork(context, change.host) }];
}

function fixesFor(context: Context, refuser: NamespaceState, candidate: Candidate): Fix[] {
  const rules = ruleFixes(context, refuser, candidate);
  const byEngine = engineFix(refuser.name, candidate, rules[0]?.verified ?? false);
  return byEngine === null ? rules : [byEngine, ...rules];
}

function engineOf({ container }: NamespaceState): string {
  return container?.runtime ?? '';
}

/** `podman publishes tcp port 8080 to port 80 of web`, and at which of the host's addresses, if not at all of them. */
function publishedText(name: string, engine: string, { protocol, hostAddress, hostPort, port }: PublishedPort): string {
  const at = hostAddress === null ? '' : ` of ${hostAddress}`;
  return `${engine} publishes ${protocol} port ${hostPort}${at} to port ${port} of ${name}`;
}

/** Where the packet came to instead, and who holds the port there without serving it; null: nobody does. */
interface Unserved {
  readonly step: Step;
  readonly certainty: Certainty;
  readonly holder: Listener | null;
}

/** True when a connection that was accepted got no answer, or, where none was tried, would get none. */
function isUnanswered(context: Context): boolean {
  const { connection } = context;
  if (connection.protocol !== 'tcp' || connection.packets.length === 0) return connection.outcome === 'timeout';
  return noResponseFromApplication(context) !== null;
}

/** `refused: nothing listens on tcp port 80 on the host`. */
function unservedText({ step: { netns }, holder }: Unserved, { protocol, destinationPort: port }: ModelPacket): string {
  return holder === null
    ? `refused: nothing listens on ${protocol} port ${port} ${inNetns(netns)}`
    : `does not answer: ${ownerText(holder)} only holds the port ${inNetns(netns)}`;
}

function findUnserved(context: Context): Unserved | null {
  const refusal = findRefusal(context);
  if (refusal !== null) return refusal.samePort.length > 0 ? null : { ...refusal, holder: null };
  const { journey: way, connection } = context;
  const step = way?.steps.at(-1);
  if (way?.end.kind !== 'accepted' || step === undefined || !holdsForAnother(way.end.listener)) return null;
  if (!isUnanswered(context)) return null;
  return { step, certainty: connection.packets.length === 0 ? 'inferred' : 'observed', holder: way.end.listener };
}

/** What the engine says of a container whose port it does not publish there, else what may have become of the rule. */
function noRuleText({ container, name }: NamespaceState): string {
  if (container === null || container.ports === null)
    return 'the port was never published, or its rule is gone, as when a firewall was reloaded';
  const { runtime, ports } = container;
  if (ports.length === 0) return `${runtime} publishes no port of ${name}`;
  const [first, ...others] = ports;
  const told = first === undefined ? '' : publishedText(name, runtime, first);
  return `${told}${others.length === 0 ? '' : `, and ${others.length} more`}, and not this one`;
}

/** Nobody says that the port is to be published. */
function unpublishedText({ namespace, listener }: Candidate, refuser: string, there: string): string {
  const place = netnsText(refuser);
  return `The address is one of ${place}, and no process ${inNetns(refuser)} listens on that port. ${namespace.name} does (${listenerText(listener)}), and it goes into the world by ${place}: it is its container. A container's port is reached at an address of its host only where it is published: a rule of the host then changes the destination to ${there} (DNAT). There is no such rule here: ${noRuleText(namespace)}.`;
}

/** What becomes of a request without the rule. */
function withoutRule({ holder }: Unserved, refuser: string, port: number): string {
  return holder === null
    ? `There is no such rule here, and no process ${inNetns(refuser)} listens on port ${port} in its stead.`
    : `There is no such rule here. ${capitalised(ownerText(holder))} minds the container for Podman: it holds the port, so that no other program takes it, and reads nothing from there. So the kernel takes what comes, and nobody answers.`;
}

function lostText({ namespace }: Candidate, published: PublishedPort, unserved: Unserved, there: string): string {
  const { netns } = unserved.step;
  return `${capitalised(publishedText(namespace.name, engineOf(namespace), published))}: a rule of ${netnsText(netns)} is to change the destination to ${there} (DNAT). ${withoutRule(unserved, netns, published.hostPort)} Such rules are gone when somebody reloads or flushes the firewall beneath the engine.`;
}

/** See the file's head. */
export const dnatMissing: Cause = (context) => {
  const { host, clientNetns, journey: way, packet } = context;
  const unserved = findUnserved(context);
  const refuser = host?.namespaces.get(unserved?.step.netns ?? '');
  if (host === null || unserved === null || refuser === undefined || way === null) return null;
  if (way.forms.length > 1 || way.mayBeRedirected) return null;
  const own = clientNetns === refuser.name;
  const [found, ...others] = candidates(host, refuser, packet, own ? null : way.packet.source);
  if (found === undefined || others.length > 0 || found.namespace.name === clientNetns) return null;
  const { namespace, listener, packet: becomes, published } = found;
  const { holder } = unserved;
  if (holder !== null && published === null) return null;
  // Its network plugin may send it on by a program that no snapshot shows.
  if (published !== null && engineOf(namespace) === 'kubernetes' && context.connection.packets.length === 0)
    return null;
  const { destinationPort: port, protocol } = packet;
  const there = formatEndpoint(becomes.destination, becomes.destinationPort);
  const place = netnsText(refuser.name);
  const stage = own ? 'output' : 'prerouting';
  return {
    cause: 'dnat-missing',
    ...(holder === null ? {} : { outcome: 'timeout' }),
    certainty: published === null ? 'inferred' : unserved.certainty,
    where: { netns: refuser.name, device: unserved.step.device, stage },
    verdict: 'passed',
    detail: `no rule of the ${stage} hook sends ${protocol} port ${port} on to ${namespace.name}, ${published === null ? 'which listens on it' : 'where it is published'}`,
    evidence: [
      ...(published === null
        ? []
        : [{ kind: 'model', text: publishedText(namespace.name, engineOf(namespace), published) } as const]),
      ...(holder === null ? [] : [snapshotEvidence(holder.source)]),
      snapshotEvidence(listener.source),
    ],
    summary: `${serverText(context)} ${unservedText(unserved, packet)}, and no rule sends what asks for it on to ${
      published === null
        ? `${namespace.name}, where ${ownerText(listener)} does`
        : `port ${published.port} of ${namespace.name}, as ${engineOf(namespace)} publishes it`
    }.`,
    explanation: [
      askedText(context),
      published === null ? unpublishedText(found, refuser.name, there) : lostText(found, published, unserved, there),
      `${own ? `From ${place} itself` : 'Where there is a route to its network'}, ${there} may be asked for directly.`,
    ],
    fixes: fixesFor(context, refuser, found),
    alternatives:
      published === null
        ? [
            {
              cause: 'no-listener',
              tellApart: `the port is not meant to be that of ${namespace.name}: the service is then missing ${inNetns(refuser.name)}`,
            },
          ]
        : [],
  };
};
