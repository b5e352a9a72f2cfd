/**
 * VXLAN (RFC 7348) as drivers/net/vxlan has it: to whom a device sends a frame, in which packet, and which device takes it
 * out of that packet again.
 */

import { routingTable } from '../host/route-numbers.ts';
import type { ForwardingEntry, HostState, Link, NamespaceState, Quote, Vxlan, VxlanRemote } from '../host/state.ts';
import { familyOf, inPrefix, isMulticast, sameAddress, unspecifiedAddress } from '../inet/address.ts';
import type { Frame } from './frame.ts';
import type { Placed } from './macvlan.ts';
import { ownsAddress } from './neighbour.ts';
import { largerSetting, settingOf } from './setting.ts';
import type { JourneyEnd, LearntRemote, ModelPacket, Step } from './step.ts';

/** What became of a packet that carries a frame. */
interface Carried {
  readonly steps: readonly Step[];
  readonly end: JourneyEnd;
  /** The packet where it ended. */
  readonly arrived: ModelPacket;
  /** It may end otherwise as well. */
  readonly isOpen: boolean;
  /** As in `Journey`, beside what its steps tell. */
  readonly assumptions: readonly string[];
}

/** Sends a packet that carries a frame of a device, from the namespace that the device sends in. */
export type Carry = (underlay: NamespaceState, device: Link, packet: ModelPacket) => Carried;

/** What a frame meets in a tunnel. */
export interface Underlay {
  readonly host: HostState;
  readonly carry: Carry;
}

type Accepted = Extract<JourneyEnd, { kind: 'accepted' }>;

/** The way of a frame through a tunnel: out of a device (with the mark of its packet there), or to where it ends. */
export type Passage = { readonly steps: readonly Step[]; readonly assumptions?: readonly string[] } & (
  | { readonly kind: 'out'; readonly at: Placed; readonly mark: number | null; readonly learnt: LearntRemote | null }
  | { readonly kind: 'lost' | 'looped' | 'leaves-view' | 'undetermined'; readonly reason: string }
);

/** A VXLAN device where it is. */
interface Tunnel extends Placed {
  readonly vxlan: Vxlan;
}

/** A VXLAN device, and what its frame is. */
export interface Entrance extends Tunnel {
  readonly frame: Frame;
  /** The address that the frame is sent from. */
  readonly sender: string | null;
  /** The mark that what is in the frame has where the device is. */
  readonly mark: number | null;
  /** What is in it is not forwarded. */
  readonly isOwn: boolean;
}

/** The address of entries for whatever has no entry of its own. */
const anyone = '00:00:00:00:00:00';
const everyone = 'ff:ff:ff:ff:ff:ff';

/** Bytes that are put before the IP packet of a frame: IP, UDP and VXLAN headers, and the frame's own. */
const headers = { 4: 50, 6: 70 } as const;

/** The device's own table, without what a bridge has of it as a port. */
function tableOf({ namespace, link }: Tunnel): readonly ForwardingEntry[] {
  return namespace.forwardingEntries.filter(({ device, bridge }) => device === link.name && bridge === null);
}

/**
 * To whom the device sends the frame (`vxlan_xmit`); null where a group of next hops decides. What it has learnt on the way
 * is younger than the snapshot.
 */
export function remotesOf(entrance: Entrance, learnt: readonly LearntRemote[]): readonly VxlanRemote[] | null {
  const { namespace, link, vxlan, frame } = entrance;
  const { to, mac } = frame;
  const own = tableOf(entrance);
  const wanted = to === 'all' ? everyone : mac;
  const its = own.filter((entry) => entry.mac === wanted);
  const heard = learnt.findLast(
    (one) => one.netns === namespace.name && one.device === link.name && one.mac === wanted,
  );
  if (vxlan.learning && heard !== undefined && !its.some(({ fixed }) => fixed)) {
    return [{ address: heard.behind, port: null, network: null, by: null }];
  }
  const entries = its.length > 0 ? its : own.filter((entry) => entry.mac === anyone);
  const remotes = entries.map(({ remote }) => remote).filter((remote) => remote !== null);
  return remotes.length < entries.length ? null : remotes;
}

/** The device that the packet is to leave by; undefined when it is none that is known. */
function deviceOf({ by }: VxlanRemote, { links }: NamespaceState): string | null | undefined {
  return typeof by === 'number' ? links.find(({ index }) => index === by)?.name : by;
}

/** A packet in which the device puts the frame; its source port is a hash of the frame. */
function packetFor(
  { namespace, vxlan, mark }: Entrance,
  { address, port }: VxlanRemote,
  device: string | null,
): ModelPacket {
  const family = familyOf(address);
  return {
    protocol: 'udp',
    family,
    source: vxlan.local ?? unspecifiedAddress[family],
    destination: address,
    destinationPort: port ?? vxlan.port,
    // It does not go over to another namespace.
    mark: vxlan.underlay === namespace.name ? mark : 0,
    carriesFrame: true,
    ...(device === null ? {} : { boundDevice: device }),
    ...(vxlan.timeToLive === null ? {} : { timeToLive: vxlan.timeToLive }),
  };
}

/** Every VXLAN device that is up: its socket is open then (`vxlan_open`). */
function openTunnels({ namespaces }: HostState): Tunnel[] {
  return [...namespaces.values()].flatMap((namespace) =>
    namespace.links.flatMap((link) => (link.up && link.vxlan !== null ? [{ namespace, link, vxlan: link.vxlan }] : [])),
  );
}

/** True when a packet with the headers round it is larger than a device on its way takes: then it goes in pieces. */
function isCut({ namespaces }: HostState, { steps, arrived }: Carried, length: number | null): boolean {
  if (length === null) return false;
  return steps.some(({ netns, device, stage }) => {
    const mtu = namespaces.get(netns)?.links.find(({ name }) => name === device)?.mtu ?? 0;
    return stage === 'egress' && mtu > 0 && length + headers[arrived.family] > mtu;
  });
}

/** `vxlan_snoop`: the entry, put in by hand, by which a device that learns drops a frame: its sender is elsewhere. */
function contraryEntry(receiver: Tunnel, sender: string | null, from: string): ForwardingEntry | null {
  if (!receiver.vxlan.learning) return null;
  const entry = tableOf(receiver).find(({ fixed, mac }) => fixed && mac === sender);
  if (entry === undefined) return null;
  // An entry that names a device is another than the one that would be learnt.
  const isSame = entry.remote !== null && entry.remote.by === null && sameAddress(entry.remote.address, from);
  return isSame ? null : entry;
}

/**
 * Out of the packet that a namespace has accepted: by the device that is up and has the network (`vxlan_rcv`). Where none is
 * known that may have taken it, nothing is.
 */
function takeOut(host: HostState, { sender }: Entrance, carried: Carried, at: Accepted, network: number): Passage {
  const { netns, listener } = at;
  const { arrived } = carried;
  const lost = (device: string | null, reason: string, quotes: readonly Quote[]): Passage => {
    const step: Step = { netns, device, stage: 'socket', verdict: 'dropped', detail: reason, quotes };
    return { kind: 'lost', steps: [step], reason };
  };
  const unknown = (reason: string): Passage => ({ kind: 'undetermined', steps: [], reason });
  const program = listener?.process ?? null;
  if (listener !== null && program !== null) {
    const reason = `${program.name} has UDP port ${arrived.destinationPort} of ${netns}, which is no VXLAN device`;
    return lost(null, reason, [listener.source]);
  }
  const open = openTunnels(host).filter(({ vxlan }) => vxlan.underlay === netns || vxlan.underlay === null);
  // Of a device that programs tell where to send the port may not be known (0), nor the IP version.
  const unmodelled = open.find(
    ({ vxlan }) => vxlan.unmodelled !== null && [arrived.destinationPort, 0].includes(vxlan.port),
  );
  if (unmodelled !== undefined) return unknown(unmodelledReason(unmodelled));
  const receivers = open.filter(
    ({ vxlan }) => vxlan.port === arrived.destinationPort && vxlan.family === arrived.family,
  );
  const receiver = receivers.find(({ vxlan }) => vxlan.network === network);
  if (receivers.length === 0 || receiver?.vxlan.underlay === null) {
    return unknown(`what takes UDP port ${arrived.destinationPort} of ${netns} is not in the snapshot`);
  }
  if (receiver === undefined) {
    const [first] = receivers;
    const others = receivers.map(({ link, vxlan }) => `${link.name} has ${vxlan.network}`).join(', ');
    const quotes = receivers.map(({ link }) => link.source);
    return lost(first?.link.name ?? null, `no device of ${netns} has the VXLAN network ${network}: ${others}`, quotes);
  }
  const { namespace, link, vxlan } = receiver;
  const loop = loopOf(host, receiver);
  if (loop !== null) return { kind: 'looped', steps: [], reason: loop };
  if (sender !== null && sender === link.mac) {
    return lost(link.name, `${link.name} has the address ${sender} itself, and takes nothing from it`, [link.source]);
  }
  const contrary = contraryEntry(receiver, sender, arrived.source);
  if (contrary !== null) {
    const reason = `the table of ${link.name} has ${sender} elsewhere than behind ${arrived.source}, and what comes from there is dropped`;
    return lost(link.name, reason, [contrary.source]);
  }
  const learnt: LearntRemote | null =
    vxlan.learning && sender !== null
      ? { kind: 'remote', netns: namespace.name, device: link.name, mac: sender, behind: arrived.source }
      : null;
  // What is taken out keeps the mark of the packet, unless it changes over to another namespace (`skb_scrub_packet`).
  const mark = namespace.name !== netns || arrived.mark === undefined ? 0 : arrived.mark;
  return { kind: 'out', steps: [], at: { namespace, link }, mark, learnt };
}

/** True where a host takes from a device what it has sent itself, to forward it: IPv6 has no martian sources. */
function takesOwn({ namespace, link, frame }: Entrance): boolean {
  return frame.nextHop.includes(':')
    ? settingOf(namespace, 'net.ipv6.conf.all.forwarding').value !== 0
    : largerSetting(namespace, 4, link.name, 'accept_local').value !== 0;
}

/** Why it is not known how the device's packet is sent; null where it is. */
function unsentReason({ namespace, link, vxlan, mark }: Entrance, remote: VxlanRemote, underlay: NamespaceState) {
  const { address, by } = remote;
  if (deviceOf(remote, underlay) === undefined) return `${link.name} sends by a device that the snapshot has not`;
  if (isMulticast(address)) return `${link.name} sends to the group ${address}, and the model does not follow that`;
  if (underlay.links.some(({ kind }) => kind === 'vrf')) return `${link.name} may send in a VRF of ${underlay.name}`;
  // With an address of its own the device is a wish in IPv6 (`ip6_route_output_flags_noref`).
  if (vxlan.family === 6 && vxlan.local !== null && by !== null) return `${link.name} prefers a device to send by`;
  const isMoved = namespace !== underlay && mark !== 0;
  const asksForMarks = underlay.rules.some(({ selector }) => selector.mark !== null);
  return isMoved && asksForMarks ? `${underlay.name} routes by the mark of what ${link.name} sends` : null;
}

/** `__ip_dev_find`: IPv4 sends from no address that is not the host's. */
function lacksLocal({ vxlan: { local } }: Entrance, { address }: VxlanRemote, underlay: NamespaceState): boolean {
  if (local === null || familyOf(address) === 6 || ownsAddress(underlay, local)) return false;
  return !underlay.routes.some(
    ({ type, table, prefix, prefixLength, family }) =>
      type === 'local' && table === routingTable.local && family === 4 && inPrefix(local, prefix, prefixLength),
  );
}

/** The way of the frame to one of those whom the device sends it to. */
export function passageTo({ host, carry }: Underlay, entrance: Entrance, remote: VxlanRemote): Passage {
  const { link, vxlan, frame } = entrance;
  const underlay = host.namespaces.get(vxlan.underlay ?? '');
  if (underlay === undefined) {
    return {
      kind: 'leaves-view',
      steps: [],
      reason: `the snapshot does not say in which namespace ${link.name} sends`,
    };
  }
  const unsent = unsentReason(entrance, remote, underlay);
  if (unsent !== null) return { kind: 'undetermined', steps: [], reason: unsent };
  const packet = packetFor(entrance, remote, deviceOf(remote, underlay) ?? null);
  const network = remote.network ?? vxlan.network;
  const carries = frame.to === 'one' ? 'packet' : 'question';
  if (lacksLocal(entrance, remote, underlay)) {
    const reason = `${link.name} sends from ${vxlan.local}, which is no address of ${underlay.name}`;
    const place = { netns: underlay.name, device: null, stage: 'route', quotes: [link.source] } as const;
    const step: Step = { ...place, verdict: 'failed', detail: reason, carrier: { network, packet, carries } };
    return { kind: 'lost', steps: [step], reason };
  }
  const carried = carry(underlay, link, packet);
  const { end, arrived, assumptions } = carried;
  const carrying = (step: Step): Step => ({ ...step, carrier: step.carrier ?? { network, packet: arrived, carries } });
  const steps = carried.steps.map((step) => carrying({ ...step, detail: `in VXLAN ${network}: ${step.detail}` }));
  const unknown = (reason: string): Passage => ({ kind: 'undetermined', steps, reason });
  if (carried.isOpen) return unknown(`the packets of ${link.name} may end in several ways`);
  if (end.kind === 'undetermined' || end.kind === 'leaves-view') {
    return { kind: end.kind, steps, reason: `the packet of ${link.name} that carries it: ${end.reason}` };
  }
  if (end.kind !== 'accepted') {
    const why = 'reason' in end ? end.reason : `nothing takes UDP port ${arrived.destinationPort} of ${end.netns}`;
    return { kind: 'lost', steps, reason: `the packet of ${link.name} that carries it is lost: ${why}` };
  }
  if (end.netns === underlay.name) return toItself(entrance, packet, network, { underlay, steps });
  if (isCut(host, carried, frame.length)) return unknown(`${link.name} sends it in pieces`);
  const out = takeOut(host, entrance, carried, end, network);
  return { ...out, steps: [...steps, ...out.steps.map(carrying)], assumptions };
}

/**
 * `encap_bypass_if_local`: what is sent to the host's own address goes to the device that has the network there, at once. It
 * does not take what it has sent itself; what it forwards, it forwards again.
 */
function toItself(
  entrance: Entrance,
  packet: ModelPacket,
  network: number,
  { underlay, steps }: { readonly underlay: NamespaceState; readonly steps: readonly Step[] },
): Passage {
  const { namespace, link, vxlan, frame } = entrance;
  const reason = `${link.name} sends to ${packet.destination}, which is an address of its own host`;
  if (network !== vxlan.network || packet.destinationPort !== vxlan.port || namespace !== underlay) {
    return { kind: 'undetermined', steps, reason };
  }
  const isIgnored = link.master === null && (frame.to !== 'one' || (entrance.isOwn && !takesOwn(entrance)));
  return { kind: isIgnored ? 'lost' : 'looped', steps, reason };
}

/**
 * Why nothing is certain of what a bridge gets by the device: whatever the bridge floods comes back to it by the device
 * (`encap_bypass_if_local`), and it takes the sender to be there. Null where that is not so.
 */
export function loopOf({ namespaces }: HostState, tunnel: Tunnel): string | null {
  const { namespace, link, vxlan } = tunnel;
  const underlay = namespaces.get(vxlan.underlay ?? '');
  if (link.master === null || underlay === undefined) return null;
  const isOwn = ({ mac, remote }: ForwardingEntry): boolean =>
    mac === anyone && remote !== null && ownsAddress(underlay, remote.address);
  if (!tableOf(tunnel).some(isOwn)) return null;
  return `${namespace.name}:${link.name} is a port of ${link.master} and sends to its own host: what ${link.master} floods comes back to it`;
}

/** Why a device's frames are not followed. */
export function unmodelledReason({ namespace, link, vxlan }: Tunnel): string {
  return `${namespace.name}:${link.name} is a VXLAN device with the option ${String(vxlan.unmodelled)}, which the model does not follow`;
}
