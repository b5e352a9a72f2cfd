/** Two hosts of one network have one address: whoever asks for it gets the one that answers first, or last. */

import { fromClient, requestPacket, serverPackets } from '../flow/connection.ts';
import type { HostState, NamespaceState } from '../host/state.ts';
import { sameAddress } from '../inet/address.ts';
import { replyJourney } from '../model/journey.ts';
import { areBeside, type Owner, ownersOf } from '../model/owners.ts';
import type { Journey, Step } from '../model/step.ts';
import { fieldValue } from '../wire/fields.ts';
import type { Context } from './context.ts';
import type { Certainty, EvidenceItem, Fix } from './diagnosis.ts';
import type { Cause } from './finding.ts';
import { frameEvidence } from './hops.ts';
import { layerOf } from './payload.ts';
import { commandsOf, withNamespace, wouldWork } from './what-if.ts';
import { clientText, netnsText, serverText } from './words.ts';

const failed: readonly string[] = ['refused', 'timeout', 'unreachable', 'reset', 'unknown'];

/** The addresses that have to be found on the way: both ends, and the gateways of those who send it on. */
function askedAddresses({ host, journey: way }: Context): string[] {
  const senders = new Set(way?.steps.map(({ netns }) => netns));
  const gateways = [...senders].flatMap((netns) =>
    (host?.namespaces.get(netns)?.routes ?? []).flatMap(({ nextHops }) =>
      nextHops.flatMap(({ gateway }) => gateway ?? []),
    ),
  );
  return way === null ? [] : [...new Set([way.arrived.destination, way.packet.source, ...gateways])];
}

/** The host without an address, and without what the neighbours have noted of it: they forget that by themselves. */
function without(host: HostState, { namespace: { name }, link, own }: Owner): HostState {
  const changed = withNamespace(host, name, (namespace) => ({
    ...namespace,
    links: namespace.links.map((one) =>
      one.name === link.name ? { ...one, addresses: one.addresses.filter((address) => address !== own) } : one,
    ),
    routes: namespace.routes.filter(({ type, prefix }) => type !== 'local' || !sameAddress(prefix, own.address)),
  }));
  const forget = (namespace: NamespaceState): NamespaceState => ({
    ...namespace,
    neighbours: namespace.neighbours.filter(
      ({ address, mac }) => !sameAddress(address, own.address) || mac !== link.mac,
    ),
  });
  return { ...changed, namespaces: new Map([...changed.namespaces].map(([key, one]) => [key, forget(one)])) };
}

/** An address that two have, of whom one is in the way: without its address the request would be answered. */
interface Duplicate {
  readonly wrong: Owner;
  readonly right: Owner;
}

function findDuplicate(context: Context, host: HostState): Duplicate | null {
  const shared = askedAddresses(context)
    .map((address) => ownersOf(host, address))
    .filter(({ length }) => length > 1);
  if (shared.length === 0 || wouldWork(context, host)) return null;
  for (const owners of shared) {
    for (const wrong of owners) {
      const right = owners.find((one) => one !== wrong && areBeside(host, wrong, one));
      if (right !== undefined && wouldWork(context, without(host, wrong))) return { wrong, right };
    }
  }
  return null;
}

/** Who looked for the address: the last that routed the packet there. */
function asker(way: Journey, { wrong, right }: Duplicate): Step | null {
  const owners = [wrong, right].map(({ namespace }) => namespace.name);
  return (
    way.steps.findLast(
      ({ stage, verdict, netns, device }) =>
        stage === 'route' && verdict === 'passed' && device !== null && !owners.includes(netns),
    ) ?? null
  );
}

/** The first frame of the request, or of the answer, that is addressed to a device's link-layer address. */
function sightFor(context: Context, { link }: Owner, isAnswer: boolean): EvidenceItem[] {
  const { connection } = context;
  const request = requestPacket(connection);
  const packets = isAnswer ? serverPackets(connection) : request === null ? [] : [request];
  const seen = packets.find((packet) => {
    const layer = layerOf(context, packet, 'eth');
    return layer !== null && link.mac !== null && fieldValue(layer, 'eth.dst') === link.mac;
  });
  const [frame] = seen?.frames ?? [];
  return frame === undefined ? [] : [frameEvidence(context, frame)];
}

function ownerName({ namespace, link }: Owner): string {
  return `${namespace.name}:${link.name}${link.mac === null ? '' : ` (${link.mac})`}`;
}

/** The server's acceptance came to the client: they found each other. */
function wasOpened({ connection, evidence, clientNetns }: Context): boolean {
  return connection.packets.some(
    (packet) =>
      packet.facts.tcp?.syn === true &&
      !fromClient(connection, packet) &&
      packet.frames.some(({ interfaceIndex }) => evidence.interfaces[interfaceIndex]?.netns === clientNetns),
  );
}

/** See the file's head. */
export const duplicateAddress: Cause = (context) => {
  const { connection, host, journey: way } = context;
  if (host === null || way === null || !failed.includes(connection.outcome) || wasOpened(context)) return null;
  const found = findDuplicate(context, host);
  if (found === null) return null;
  const { wrong, right } = found;
  const { address } = wrong.own;
  const isAnswer = sameAddress(address, way.packet.source);
  const asking = isAnswer ? replyJourney(host, way) : way;
  const step = asking === null ? null : asker(asking, found);
  if (step === null) return null;
  const seen = sightFor(context, wrong, isAnswer);
  const certainty: Certainty = seen.length > 0 ? 'observed' : 'inferred';
  const lost = isAnswer ? 'the answer went to' : 'the request went to';
  const fix: Fix = {
    summary: `If the address is ${right.namespace.name}'s, take it from ${wrong.namespace.name}, and give that another one. Who has noted where it was forgets that within a minute, and at once with: ip neigh flush to ${address}.`,
    commands: commandsOf(['ip', 'addr', 'del', `${address}/${wrong.own.prefixLength}`, 'dev', wrong.link.name]),
    netns: wrong.namespace.name,
    // It was found by trying just that.
    verified: true,
  };
  return {
    cause: 'duplicate-address',
    certainty,
    ...(connection.outcome === 'unknown' ? { outcome: 'timeout' as const } : {}),
    where: { netns: step.netns, device: step.device, stage: 'neighbour' },
    ...(isAnswer ? { direction: 'reply' as const } : {}),
    // What became of the request there is told by the hops that follow.
    verdict: isAnswer || way.end.kind === 'undetermined' ? 'failed' : 'passed',
    detail: `two answer for ${address}: ${ownerName(wrong)} and ${ownerName(right)}`,
    evidence: [...[wrong, right].map(({ own }): EvidenceItem => ({ kind: 'snapshot', ...own.source })), ...seen],
    summary: `${serverText(context)} ${connection.outcome === 'refused' ? 'refused' : 'did not answer'}: two have the address ${address}, ${netnsText(wrong.namespace.name)} and ${netnsText(right.namespace.name)}, and ${lost} ${netnsText(wrong.namespace.name)}.`,
    explanation: [
      `${clientText(context)} asked for ${serverText(context)}.`,
      `Before ${netnsText(step.netns)} sends a packet on by ${step.device}, it asks there who has the address ${address} (${address.includes(':') ? 'Neighbour Discovery' : 'ARP'}). Two answer, each with a link-layer address of its own: ${ownerName(wrong)} and ${ownerName(right)}. It takes one of them, by chance of who is quicker, and keeps to it for a while. So it works at times, and for some, and not for others.`,
      `An address belongs to one. Two containers that were started with the same fixed address, a copy of a machine, or a network's gateway given to a container do this.`,
    ],
    fixes: [fix],
    alternatives: [],
  };
};
