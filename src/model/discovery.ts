/**
 * Neighbour discovery before the rules. Unlike ARP its questions and answers are IP packets (RFC 4861, section 4): the
 * hooks of both hosts see them, and of those whose bridges they cross where br_netfilter shows that, as parts of no
 * connection (`noct_valid_new`, nf_conntrack_proto_icmpv6.c).
 */

import type { HostState, NamespaceState, Quote } from '../host/state.ts';
import { formatAddress, parseAddress } from '../inet/address.ts';
import { showsBridged } from './bridge.ts';
import { type HookStage, type HookVisit, hooksAcross, noDevices, passHook } from './hook.ts';
import { type ModelPacket, ownSteps, type Step } from './step.ts';
import { untrackedPacket } from './traveller.ts';

/** A host at a device. */
interface Seat {
  readonly namespace: NamespaceState;
  readonly device: string;
  /** Where that is a bridge: the port by which it hears the other one. */
  readonly port: string | null;
}

/** A bridge between the two, and by which of its ports the question comes and goes. */
interface Bridged {
  readonly namespace: NamespaceState;
  readonly bridge: string;
  readonly from: string;
  readonly to: string;
}

/** Who asks for the link-layer address of whom. */
interface Discovery {
  readonly asker: Seat & { readonly address: string };
  readonly owner: Seat;
  readonly target: string;
  /** In the order in which the question crosses them. */
  readonly between: readonly Bridged[];
}

const solicitation = 135;
const advertisement = 136;

/** ff02::1:ff00:0/104 and the last 24 bits of the address (RFC 4291, section 2.7.1). */
function solicitedNode(address: string): string {
  const lowest = (parseAddress(address)?.value ?? 0n) & 0xff_ffffn;
  return formatAddress({ family: 6, value: 0xff02_0000_0000_0000_0000_0001_ff00_0000n | lowest });
}

/** The bridges that a frame crosses from port to port, by the steps of its way. */
export function bridgesBetween(host: HostState, steps: readonly Step[]): Bridged[] {
  return ownSteps(steps).flatMap(({ netns, device, stage }, at, own) => {
    const next = own[at + 1];
    const namespace = host.namespaces.get(netns);
    const bridge = namespace?.links.find(({ name }) => name === device)?.master ?? null;
    const leaves = stage === 'bridge' && next?.netns === netns && next.stage === 'egress';
    if (!leaves || namespace === undefined || bridge === null || device === null || next.device === null) return [];
    return [{ namespace, bridge, from: device, to: next.device }];
  });
}

type Hook = readonly [Pick<Seat, 'namespace' | 'device'>, HookStage, HookVisit['devices']];

/** What the host of a bridge sees of what crosses it. */
function hooksBetween({ namespace, bridge, from, to }: Bridged): readonly Hook[] {
  if (!showsBridged(namespace, 6)) return [];
  const seat = { namespace, device: bridge };
  return hooksAcross(bridge, from, to).map(([stage, devices]) => [seat, stage, devices]);
}

/** Why the rules keep the asker from learning the address, and what shows it. */
interface StoppedDiscovery {
  readonly why: string;
  readonly quotes: readonly Quote[];
}

/** The rule that stops a message on its way from host to host; null when all hooks let it pass. */
function stopped(
  what: 'question' | 'answer',
  packet: ModelPacket,
  from: Seat,
  between: readonly Bridged[],
  to: Seat,
): StoppedDiscovery | null {
  const [leaving, coming] = [
    { ...noDevices, output: from.device },
    { ...noDevices, input: to.device, inputPort: showsBridged(to.namespace, 6) ? (to.port ?? '') : '' },
  ];
  const hooks: readonly Hook[] = [
    [from, 'output', leaving],
    [from, 'postrouting', leaving],
    ...between.flatMap(hooksBetween),
    [to, 'prerouting', coming],
    [to, 'input', coming],
  ];
  const seen = untrackedPacket(packet);
  for (const [{ namespace, device }, stage, devices] of hooks) {
    const visit = {
      namespace,
      stage,
      hook: stage,
      layer: 'ip' as const,
      devices,
      device,
      packet,
      seen,
      broadcast: true,
      doubted: false,
    };
    const { ways, ends } = passHook(visit);
    const [end] = ends;
    if (ways.length > 0 || end === undefined) continue;
    const { detail, quotes } = end.step;
    return { why: `the rules of ${namespace.name} stop the ${what}: ${detail}`, quotes };
  }
  return null;
}

/** The question for an address, as it is asked from another, and its answer. */
export function discoveryMessages(asker: string, target: string): Record<'question' | 'answer', ModelPacket> {
  const message = { protocol: 'icmp', family: 6, destinationPort: 0 } as const;
  const icmp = (type: number) => ({ type, code: 0 });
  return {
    question: { ...message, source: asker, destination: solicitedNode(target), icmp: icmp(solicitation) },
    answer: { ...message, source: target, destination: asker, icmp: icmp(advertisement) },
  };
}

/** Why the rules keep the asker from learning the address; null when they do not. */
export function stoppedDiscovery({ asker, owner, target, between }: Discovery): StoppedDiscovery | null {
  const { question, answer } = discoveryMessages(asker.address, target);
  const wayBack = between.toReversed().map((one) => ({ ...one, from: one.to, to: one.from }));
  return stopped('question', question, asker, between, owner) ?? stopped('answer', answer, owner, wayBack, asker);
}
