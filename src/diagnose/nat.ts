/** Causes of address translation that is missing: on the way into the world, and on the way back to a neighbour. */

import { requestPacket, wasAnswered } from '../flow/connection.ts';
import type { NamespaceState } from '../host/state.ts';
import { familyOf, formatAddress, formatEndpoint, inPrefix, prefixRange, sameAddress } from '../inet/address.ts';
import { replyJourney } from '../model/journey.ts';
import { ownsAddress } from '../model/neighbour.ts';
import { type Journey, type ModelPacket, ownSteps, type Step } from '../model/step.ts';
import type { Fix } from './diagnosis.ts';
import type { Cause } from './finding.ts';
import { frameEvidence, framesAt } from './hops.ts';
import { addNatRule, ipWord, natTableOf, toDestination } from './nat-rule.ts';
import { wouldArriveAs, wouldWork } from './what-if.ts';
import { askedText, capitalised, netnsText, serverText } from './words.ts';

/** RFC 1918, RFC 6598, RFC 4193: addresses to which the rest of the world has no way. */
const privateNetworks = [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['fc00::', 7],
] as const;

function isPrivate(address: string): boolean {
  return privateNetworks.some(([prefix, length]) => inPrefix(address, prefix, length));
}

/** The network of an address, by the router's own address in it; the address alone where there is none. */
function networkOf({ links }: NamespaceState, address: string): string {
  for (const own of links.flatMap(({ addresses }) => addresses)) {
    if (own.prefixLength > 0 && inPrefix(address, own.address, own.prefixLength)) {
      return `${networkAddress(own.address, own.prefixLength)}/${own.prefixLength}`;
    }
  }
  return address;
}

/** The address without its host's bits: iptables and nft clear them themselves, a reader would stumble. */
function networkAddress(address: string, length: number): string {
  const range = prefixRange(address, length);
  return range === null ? address : formatAddress({ family: familyOf(address), value: range.low });
}

/** The device of the default route: where the host's way into the world begins. */
function uplinks({ routes }: NamespaceState, family: 4 | 6): string[] {
  return routes
    .filter((route) => route.family === family && route.prefixLength === 0 && route.type === 'unicast')
    .flatMap(({ nextHops }) => nextHops.map(({ device }) => device));
}

/** The router that sent it on last, and by which device. */
function lastForward(way: Journey): { readonly forward: Step; readonly out: Step } | null {
  const steps = ownSteps(way.steps);
  const at = steps.findLastIndex(({ stage, verdict }) => stage === 'forward' && verdict === 'passed');
  const forward = steps[at];
  const out = steps.slice(at).find(({ stage, netns }) => stage === 'egress' && netns === forward?.netns);
  return forward === undefined || out === undefined ? null : { forward, out };
}

/** The first step at which the request was translated. */
function translatedStep({ steps }: Journey): Step | null {
  return ownSteps(steps).find(({ verdict }) => verdict === 'translated') ?? null;
}

const failed: readonly string[] = ['timeout', 'unreachable', 'refused', 'reset', 'unknown'];

/** True when the packet carries an address of the very device that it leaves by. */
function leavesAs({ links }: NamespaceState, device: string, packet: ModelPacket | null): boolean {
  const own = links.find(({ name }) => name === device)?.addresses ?? [];
  return packet !== null && own.some(({ address }) => sameAddress(address, packet.source));
}

/** A private source leaves by the uplink as it is: no answer finds the way back. */
export const missingMasquerade: Cause = (context) => {
  const { connection, host, journey: way } = context;
  if (host === null || way === null || connection.outcome !== 'timeout' || wasAnswered(connection)) return null;
  const router = lastForward(way);
  const namespace = host.namespaces.get(router?.forward.netns ?? '');
  const { source } = way.arrived;
  const device = router?.out.device ?? '';
  if (router === null || namespace === undefined || !isPrivate(source) || ownsAddress(namespace, source)) return null;
  if (!uplinks(namespace, way.arrived.family).includes(device)) return null;
  const back = way.end.kind === 'accepted' ? replyJourney(host, way) : null;
  const isLost = back === null ? way.end.kind === 'leaves-view' : back.end.kind !== 'returned' && isBeyond(back, way);
  if (!isLost) return null;
  const [seen] = framesAt(context, requestPacket(connection)?.frames ?? [], router.out);
  // Beyond the host's view nothing but the sight of it says that it left so.
  if (back === null && seen === undefined) return null;
  const { netns } = router.out;
  const network = networkOf(namespace, source);
  const rule = {
    family: way.arrived.family,
    hook: 'postrouting',
    iptables: ['-s', network, '-o', device, '-j', 'MASQUERADE'],
    nft: [ipWord(way.arrived), 'saddr', network, 'oifname', device, 'masquerade'],
  } as const;
  const place = natTableOf(namespace.ruleTables, way.arrived.family, null);
  const change = addNatRule(host, netns, place, rule);
  const fixes: Fix[] =
    change === null
      ? []
      : [
          {
            summary: `Let ${netnsText(netns)} put its own address into what leaves by ${device} from ${network} (masquerade); it translates the answers back. To keep it over a reboot, add it where the rules of this machine are written.`,
            commands: change.commands,
            netns,
            verified: leavesAs(namespace, device, wouldArriveAs(context, change.host)),
          },
        ];
  return {
    cause: 'missing-masquerade',
    // Whether somebody out there knows the way back, only a far end in sight shows.
    certainty: seen === undefined || back === null ? 'inferred' : 'observed',
    where: { netns, device, stage: 'postrouting' },
    verdict: 'passed',
    detail: `it leaves by ${device} with the private source ${source}`,
    evidence: seen === undefined ? [] : [frameEvidence(context, seen)],
    summary: `${serverText(context)} did not answer: the packet left ${netnsText(netns)} by ${device} with the private source ${source}, ${back === null ? 'to which routers out there seldom have a way back' : 'to which nobody out there has a way back'}.`,
    explanation: [
      askedText(context),
      `${source} is an address of a private network: it means something on this host alone. Whoever gets the packet sends its answer to ${source}, and ${back === null ? 'unless somebody has told the routers outside, they do not know where that is' : 'no router outside knows where that is'}. A host that lets its containers into the world puts its own address in the place of theirs (masquerade, or SNAT), and translates the answers back. No rule of ${netnsText(netns)} did so here.`,
    ],
    fixes,
    alternatives:
      back === null
        ? [
            {
              cause: 'no-reply-from-remote',
              tellApart: `the network beyond ${device} knows the way to ${network} (a routed container network): then the packet was lost there`,
            },
          ]
        : [],
  };
};

/** The answer ends where nobody knows the way on: at the far end itself, or outside of this view. */
function isBeyond(back: Journey, way: Journey): boolean {
  const last = back.steps.at(-1);
  const far = 'netns' in way.end ? way.end.netns : null;
  return back.end.kind === 'leaves-view' || last?.netns === far || back.end.kind === 'unroutable';
}

/** The answer comes straight back, from an address that was not asked. */
export const hairpinNatMissing: Cause = (context) => {
  const { connection, host, journey: way } = context;
  if (host === null || way?.end.kind !== 'accepted' || !failed.includes(connection.outcome)) return null;
  const step = translatedStep(way);
  const back = step === null ? null : replyJourney(host, way);
  const last = back?.steps.at(-1);
  const isStranger = last?.stage === 'socket' && last.verdict === 'refused' && last.netns === context.clientNetns;
  if (step === null || back === null || !isStranger) return null;
  const { source, destination, destinationPort } = way.arrived;
  const out = ownSteps(way.steps).find(({ stage, netns }) => stage === 'egress' && netns === step.netns);
  const { netns } = step;
  const answers = connection.packets.flatMap(({ frames, facts }) =>
    facts.tcp?.syn === true && facts.tcp.ack ? frames : [],
  );
  const [seen] = answers;
  const namespace = host.namespaces.get(netns);
  const device = out?.device ?? null;
  const there = toDestination(way.arrived);
  const network = namespace === undefined ? source : networkOf(namespace, source);
  const rule = {
    family: way.arrived.family,
    hook: 'postrouting',
    iptables: ['-s', network, ...there.iptables, '-j', 'MASQUERADE'],
    nft: [ipWord(way.arrived), 'saddr', network, ...there.nft, 'masquerade'],
  } as const;
  const place = natTableOf(namespace?.ruleTables ?? [], way.arrived.family, step.rule ?? null);
  const change = addNatRule(host, netns, place, rule);
  return {
    cause: 'hairpin-nat-missing',
    certainty: seen === undefined ? 'inferred' : 'observed',
    where: { netns, device, stage: 'postrouting' },
    verdict: 'passed',
    detail: `its source ${source} is left as it is, so that ${destination} answers it directly`,
    evidence: seen === undefined ? [] : [frameEvidence(context, seen)],
    summary: `${serverText(context)} did not answer in its own name: it sent the request back to ${formatEndpoint(destination, destinationPort)}, a neighbour of the client, and that one answered directly.`,
    explanation: [
      askedText(context),
      `${capitalised(netnsText(netns))} changed where the packet goes (${step.detail}), and not where it comes from. So ${destination} sees a neighbour's address as its source and answers straight to it, past ${netnsText(netns)}, which alone could translate the answer back. The client gets an answer from ${formatEndpoint(destination, destinationPort)}, which it never asked, and throws it away.`,
      `What goes back into the network that it came from needs both ends translated (hairpin NAT). The other way out: inside that network, ask for ${formatEndpoint(destination, destinationPort)} itself.`,
    ],
    fixes:
      change === null
        ? []
        : [
            {
              summary: `Let ${netnsText(netns)} put its own address into such requests (masquerade), so that the answers come back by it; ${destination} then sees ${netnsText(netns)} as the client. To keep it over a reboot, add it where the rules of this machine are written.`,
              commands: change.commands,
              netns,
              verified: wouldWork(context, change.host),
            },
          ],
    alternatives: [],
  };
};
