/**
 * The hooks that frames meet: those of a device (family netdev, and inet at ingress) and of a bridge itself (family
 * bridge). They see all that passes, the question for a neighbour and its answer as well; connections they do not see. ARP
 * has hooks of its own (family arp), where a host sends it and takes it in.
 */

import type { HostState, NamespaceState } from '../host/state.ts';
import { parseAddress } from '../inet/address.ts';
import { discoveryMessages } from './discovery.ts';
import { blocked, type Frame, passed, type Way } from './frame.ts';
import { type HookVisit, judge, noDevices, unaskedStep } from './hook.ts';
import { chainsAt } from './netfilter/hook.ts';
import { arpOperation, firstPacket, type HookPlace, type NetfilterPacket } from './netfilter/packet.ts';
import type { ModelPacket, Step } from './step.ts';
import { requestAt, untrackedPacket } from './traveller.ts';

/** A hook that a frame comes to. */
export interface FrameVisit extends Pick<HookPlace, 'hook'> {
  readonly namespace: NamespaceState;
  readonly layer: 'bridge' | 'netdev' | 'arp';
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

const frameTypes = { all: 'broadcast', group: 'multicast', one: null } as const;

function numberOf(mac: string | null): bigint | null {
  return mac === null ? null : BigInt(`0x${mac.replaceAll(':', '')}`);
}

function stageOf({ layer, hook }: FrameVisit): Step['stage'] {
  return layer === 'bridge' ? 'bridge' : layer === 'arp' ? 'neighbour' : hook;
}

/** `arp_solicit` and `arp_process`: from the asker for the next hop, and the other way round. */
function arpMessage({ kind, asker }: NonNullable<Frame['discovery']>, nextHop: string): NetfilterPacket {
  const [asks, owns] = [asker, nextHop].map((address) => parseAddress(address)?.value ?? null);
  const [source = null, destination = null] = kind === 'question' ? [asks, owns] : [owns, asks];
  return firstPacket({ family: 4, protocol: 0, isArp: true, arpOperation: arpOperation[kind], source, destination });
}

/** What is in the frame, as netfilter sees it: of a question for a neighbour, ARP for IPv4 and ICMPv6 for IPv6. */
function carried({ discovery, nextHop }: Frame, { packet }: Content): NetfilterPacket {
  if (discovery === null) return requestAt(packet);
  if (!nextHop.includes(':')) return arpMessage(discovery, nextHop);
  return untrackedPacket(discoveryMessages(discovery.asker, nextHop)[discovery.kind]);
}

function seenAs(frame: Frame, content: Content): NetfilterPacket {
  return {
    ...carried(frame, content),
    sourceMac: numberOf(content.sender),
    destinationMac: numberOf(frame.mac),
    frameType: frameTypes[frame.to],
  };
}

function placeOf({ hook, layer, input = '', output = '' }: FrameVisit): HookPlace {
  return { ...noDevices, input, output, hook, layer };
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

/** True where rules stand at the hook, or it is to be said that they could not be read. */
export function isJudgedAt(visit: FrameVisit): boolean {
  const { namespace, layer, hook } = visit;
  // Those of IP's hooks have no part in which of these stand.
  if (namespace.firewallKnown) return chainsAt(namespace.ruleTables, placeOf(visit), 4).length > 0;
  // It is said once a host: where IP's hooks may not be met, at the one between two ports.
  return layer === 'bridge' && hook === 'forward';
}

/** Takes a frame through the rules of a hook: the way, with a step where they stop it or may do so. */
export function passFrame(visit: FrameVisit, way: Way, frame: Frame, content: Content): Way {
  const { namespace, layer, hook, input = '', output = '' } = visit;
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
  if (frame.discovery !== null || mark === seen.mark) return after;
  return { ...after, mark: mark === null ? null : Number(mark) };
}
