/**
 * The hooks that frames meet: those of a device (family netdev, and inet at ingress) and of a bridge itself (family
 * bridge). They see all that passes, the question for a neighbour and its answer as well; connections they do not see.
 */

import type { HostState, NamespaceState } from '../host/state.ts';
import { parseAddress } from '../inet/address.ts';
import { ipProtocol } from '../inet/protocol.ts';
import { solicitedNode } from './discovery.ts';
import { blocked, type Frame, passed, type Way } from './frame.ts';
import { type HookVisit, judge, noDevices, unaskedStep } from './hook.ts';
import { chainsAt } from './netfilter/hook.ts';
import { firstPacket, type HookPlace, type NetfilterPacket } from './netfilter/packet.ts';
import type { ModelPacket, Step } from './step.ts';
import { requestAt } from './traveller.ts';

/** A hook that a frame comes to. */
export interface FrameVisit extends Pick<HookPlace, 'hook'> {
  readonly namespace: NamespaceState;
  readonly layer: 'bridge' | 'netdev';
  /** The devices there, ports of the bridge where it is one's; absent for none. */
  readonly input?: string;
  readonly output?: string;
}

/** What is in the frame, and who sent that. */
export interface Content {
  /** The packet in question; of a question for a neighbour, the packet that waits for the answer. */
  readonly packet: ModelPacket;
  /** The link-layer address of the sender; null where it has none. */
  readonly sender: string | null;
  /** Hooks whose rules are not believed, as `NETNS STAGE`. */
  readonly doubted: ReadonlySet<string>;
}

const solicitation = 135;
const advertisement = 136;
const frameTypes = { all: 'broadcast', group: 'multicast', one: null } as const;

function numberOf(mac: string | null): bigint | null {
  return mac === null ? null : BigInt(`0x${mac.replaceAll(':', '')}`);
}

function stageOf({ layer, hook }: FrameVisit): Step['stage'] {
  return layer === 'bridge' ? 'bridge' : hook;
}

/** ARP for IPv4, neighbour discovery's ICMPv6 for IPv6. */
function discoveryPacket({ nextHop, carries, asker }: Frame): NetfilterPacket {
  if (!nextHop.includes(':')) return firstPacket({ family: 4, protocol: 0, isArp: true });
  const value = (address: string | null): bigint | null =>
    address === null ? null : (parseAddress(address)?.value ?? null);
  const [icmpType, from, to] =
    carries === 'question' ? [solicitation, asker, solicitedNode(nextHop)] : [advertisement, nextHop, asker];
  const ends = { source: value(from), destination: value(to) };
  return firstPacket({ family: 6, protocol: ipProtocol.icmpv6, icmpType, icmpCode: 0, ...ends });
}

function seenAs(frame: Frame, { packet, sender }: Content): NetfilterPacket {
  return {
    ...(frame.carries === 'packet' ? requestAt(packet) : discoveryPacket(frame)),
    sourceMac: numberOf(sender),
    destinationMac: numberOf(frame.mac),
    frameType: frameTypes[frame.to],
  };
}

/** True where some frames may not pass a device or a bridge by the rules of their own hooks. */
export function hasFrameRules({ namespaces }: HostState): boolean {
  return [...namespaces.values()].some(({ ruleTables }) =>
    ruleTables.some(({ family, chains }) => {
      if (family === 'bridge' || family === 'netdev') return chains.size > 0;
      return family === 'inet' && [...chains.values()].some(({ base }) => base?.hook === 'ingress');
    }),
  );
}

/** Takes a frame through the rules of a hook: the way, with a step where they stop it or may do so. */
export function passFrame(visit: FrameVisit, way: Way, frame: Frame, content: Content): Way {
  const { namespace, layer, hook, input = '', output = '' } = visit;
  if (way.obstacle !== null) return way;
  const place: HookPlace = { ...noDevices, input, output, hook, layer };
  if (namespace.firewallKnown && chainsAt(namespace.ruleTables, place, content.packet.family).length === 0) return way;
  // What cannot be read is said once a host: where IP's hooks may not be met, at the one between two ports.
  if (!namespace.firewallKnown && !(layer === 'bridge' && hook === 'forward')) return way;
  const stage = stageOf(visit);
  const seen = seenAs(frame, content);
  const asked: HookVisit = {
    namespace,
    stage,
    hook,
    layer,
    devices: { ...noDevices, input, output },
    device: input === '' ? output : input,
    broadcast: frame.to !== 'one',
    packet: content.packet,
    seen,
    doubted: content.doubted.has(`${namespace.name} ${stage}`),
  };
  const unasked = unaskedStep(asked);
  if (unasked !== null) return passed(way, unasked);
  const { going, ends, doubt } = judge(asked);
  const [on] = going;
  const [stopped] = ends;
  if (on === undefined) {
    if (stopped === undefined) return way;
    const { step } = stopped;
    const ended = blocked(way, step, step.detail);
    if (step.verdict !== 'rejected') return ended;
    const reason = `${step.detail}, and the model does not follow the answer that a bridge or a device gives`;
    return { ...ended, end: { kind: 'undetermined', reason, answer: null } };
  }
  const after = doubt === null ? way : passed(way, doubt);
  const { mark } = on.packet;
  if (frame.carries !== 'packet' || mark === seen.mark) return after;
  return { ...after, mark: mark === null ? null : Number(mark) };
}
