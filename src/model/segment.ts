/**
 * Where a frame gets to from a device: over veth pairs and bridges, to every device that hands it to its host. Nothing
 * is sent twice over one device, so the walk ends where cables form a ring, too.
 */

import type { HostState, Link, NamespaceState } from '../host/state.ts';
import { formatEndpoint } from '../inet/address.ts';
import { Crossing, learnsAt, showsBridged } from './bridge.ts';
import { type Edge, edgeReason, hasVlanDevices } from './edge.ts';
import { blocked, doubted, type Frame, passed, unusableReason, type Way } from './frame.ts';
import { type FrameVisit, isJudgedAt, passFrame } from './frame-hook.ts';
import { isModelled, lowerOf, type Placed, uppersOn } from './macvlan.ts';
import type { JourneyEnd, LearntRemote, ModelPacket, Step } from './step.ts';
import type { Traveller } from './traveller.ts';
import { type Entrance, loopOf, passageTo, remotesOf, type Underlay, unmodelledReason } from './vxlan.ts';

/** A device that hands the frame to its host: where a broadcast ends, or a frame for that device. */
export interface Station extends Way {
  readonly namespace: NamespaceState;
  readonly link: Link;
  /** The port by which it came to a bridge. */
  readonly port: string | null;
}

/** From port to port. */
export interface Bridging {
  readonly bridge: Link;
  readonly from: Link;
  readonly to: Link;
}

/** What the rules do to a packet that crosses a bridge: steps, and the end where they stop it. */
interface BridgeFirewall {
  readonly steps: readonly Step[];
  readonly end: JourneyEnd | null;
  /** What it is afterwards, where they translate it; where they stop it, with its connection there. */
  readonly traveller?: Traveller;
  /** Where they mark it. */
  readonly mark?: number | null;
}

/** Asks the rules of a namespace about a packet that crosses a bridge, with the mark that it has there. */
export type AskFirewall = (
  namespace: NamespaceState,
  bridging: Bridging,
  /** Undefined: the one that is sent. */
  packet: ModelPacket | undefined,
  /** Undefined: none. */
  mark: number | null | undefined,
) => BridgeFirewall;

/** For what is no IP packet, or is not judged. */
export const noFirewall: AskFirewall = () => ({ steps: [], end: null });

/** What frames meet on their way. */
export interface Fabric extends Underlay {
  readonly firewall: AskFirewall;
  /** What VXLAN devices have learnt before. */
  readonly remotes: readonly LearntRemote[];
  /** The mark of what is in the frame. */
  readonly mark: number | null;
  /** Another host sent what is in the frame. */
  readonly forwarded: boolean;
  /** The packet in question, as it is sent here. */
  readonly packet: ModelPacket;
  /** Hooks whose rules are not believed, as `NETNS STAGE`. */
  readonly doubted: ReadonlySet<string>;
}

/** The other end of a veth pair, null when the snapshot has it not. */
function otherEnd(host: HostState, { peer }: Link): Placed | null {
  const namespace = host.namespaces.get(peer?.netns ?? '');
  const link = namespace?.links.find(({ index }) => index === peer?.index);
  return namespace === undefined || link === undefined ? null : { namespace, link };
}

/** A bridge, and the port by which a frame comes to it; null: from its own host. */
interface BridgeEntrance {
  readonly namespace: NamespaceState;
  readonly bridge: Link;
  readonly port: Link | null;
}

/** A frame in a bridge, and the way that it has had. */
interface Entered {
  readonly crossing: Crossing;
  readonly way: Way;
}

/** Bridges and veths take a packet as long as the MTU and a VLAN's tag allow (VLAN_HLEN, `__is_skb_forwardable`). */
const tagLength = 4;

/** One frame, and everything that it reaches. */
export class Spread {
  readonly stations: Station[] = [];
  readonly edges: Edge[] = [];
  /** Where a bridge keeps it back, or a tunnel loses it. */
  readonly kept: Way[] = [];
  /** The first way that a tunnel ends. */
  lost: Way | null = null;
  /** Where it comes back to a host or bridge that has sent it on: nothing is certain of what follows. */
  loop: Edge | null = null;
  /** What VXLAN devices learn of it. */
  readonly taught: LearntRemote[] = [];
  /** The way out of the first device. */
  origin: Way = { steps: [], obstacle: null };
  /** The way to the first bridge, for whoever asks and gets no answer. */
  firstBridge: (Way & { readonly netns: string; readonly bridge: string }) | null = null;
  readonly #fabric: Fabric;
  readonly #frame: Frame;
  readonly #left = new Set<Link>();
  /** Where it is sent from first. */
  #sender: Placed | null = null;

  constructor(fabric: Fabric, frame: Frame) {
    this.#fabric = fabric;
    this.#frame = frame;
  }

  get #host(): HostState {
    return this.#fabric.host;
  }

  /** Sends the frame out of a device; `beyond` its MTU it takes so many bytes, where it is not the host's IP that sends. */
  leave(namespace: NamespaceState, link: Link, before: Way = { steps: [], obstacle: null }, beyond = 0): void {
    if (this.#left.has(link)) return;
    this.#left.add(link);
    this.#sender ??= { namespace, link };
    const way = this.#egress({ namespace, link }, before, beyond);
    if (this.#left.size === 1) this.origin = way;
    if (link.kind === 'bridge') {
      this.#cross(namespace, link, null, way);
      return;
    }
    const lower = link.kind === 'macvlan' ? lowerOf(this.#host, link) : null;
    if (lower !== null) {
      this.#leaveByLower(link, lower, way);
      return;
    }
    if (link.vxlan !== null) {
      const { namespace: from, link: first } = this.#sender;
      // Rules mark what their own host sends; the mark goes over to a packet of the same namespace.
      const isMarked = from === namespace && this.#frame.to === 'one';
      const mark = before.mark !== undefined ? before.mark : isMarked ? this.#fabric.mark : 0;
      const isOwn = !this.#fabric.forwarded && first === link;
      const entrance = { namespace, link, vxlan: link.vxlan, frame: this.#frame, sender: first.mac, mark, isOwn };
      this.#leaveByTunnel(entrance, before, way);
      return;
    }
    const far = link.kind === 'veth' ? otherEnd(this.#host, link) : null;
    // A mark does not go over to another namespace.
    const onward = far?.namespace === namespace || way.mark === undefined ? way : { ...way, mark: 0 };
    if (far !== null) this.#arrive(far.namespace, far.link, onward, `the other end of ${namespace.name}:${link.name}`);
    else this.edges.push({ ...way, kind: 'leaves-view', reason: edgeReason(namespace, link) });
  }

  #egress({ namespace, link }: Placed, way: Way, beyond: number, how = ''): Way {
    const trouble = unusableReason(link);
    const place = { netns: namespace.name, device: link.name, stage: 'egress', quotes: [link.source] } as const;
    if (trouble !== null) {
      return blocked(way, { ...place, verdict: 'dropped', detail: `${link.name} ${trouble}` }, `${link.name} is down`);
    }
    const large = this.#tooLarge(link, beyond);
    if (large !== null) return blocked(way, { ...place, verdict: 'dropped', detail: large }, large);
    // Behind the rules of the device the program is asked, and whoever captures there (`__dev_queue_xmit`).
    const allowed = this.#rules({ namespace, layer: 'netdev', hook: 'egress', output: link.name }, way);
    const step: Step = { ...place, verdict: 'passed', detail: `sent by ${link.name}${how}` };
    return passed(allowed, doubted(step, link, 'egress'));
  }

  /** Past the rules of a hook that frames meet. */
  #rules(visit: FrameVisit, way: Way): Way {
    if (way.obstacle !== null || !isJudgedAt(visit)) return way;
    const { packet, doubted: distrusted } = this.#fabric;
    const sent = way.traveller?.packet ?? packet;
    // Of who sent it, and of marks, only its own namespace knows (`skb_scrub_packet`).
    const { mark: _mark, user: _user, group: _group, ...anybodys } = sent;
    const here = visit.namespace === this.#sender?.namespace ? sent : anybodys;
    const seen = way.mark === undefined ? here : { ...here, mark: way.mark };
    const sender = this.#sender?.link.mac ?? null;
    return passFrame(visit, way, this.#frame, { packet: seen, sender, doubted: distrusted });
  }

  /** Past the rules at which a device takes a frame in, before a bridge has it. */
  #takenIn(namespace: NamespaceState, link: Link, way: Way): Way {
    return this.#rules({ namespace, layer: 'netdev', hook: 'ingress', input: link.name }, way);
  }

  /** In packets of a tunnel, to all whom the device sends the frame to. `way` is out of the device. */
  #leaveByTunnel(entrance: Entrance, before: Way, way: Way): void {
    const { namespace, link, vxlan } = entrance;
    if (way.obstacle !== null) {
      this.#lose(way);
      return;
    }
    // What comes back into a bridge is told of where it crosses the bridge.
    if (loopOf(this.#host, entrance) !== null) return;
    const remotes = remotesOf(entrance, [...this.#fabric.remotes, ...this.taught]);
    if (vxlan.unmodelled !== null || remotes === null) {
      const nextHops = `the table of ${namespace.name}:${link.name} names a group of next hops, which the model does not follow`;
      const reason = remotes === null ? nextHops : unmodelledReason(entrance);
      this.edges.push({ ...way, kind: 'undetermined', reason });
      return;
    }
    if (remotes.length === 0) {
      const detail = `${link.name} has no entry in its table for the frame (bridge fdb), so it sends it to nobody`;
      const place = { netns: namespace.name, device: link.name, stage: 'egress', quotes: [link.source] } as const;
      this.#lose(blocked(before, { ...place, verdict: 'dropped', detail }, detail));
    }
    for (const remote of remotes) {
      const how = `, in a packet to ${formatEndpoint(remote.address, remote.port ?? vxlan.port)} (VXLAN ${remote.network ?? vxlan.network})`;
      const passage = passageTo(this.#fabric, entrance, remote);
      // Whether it is too large `way` has told.
      const sent = this.#egress(entrance, before, tagLength, how);
      const assumptions = [...(sent.assumptions ?? []), ...(passage.assumptions ?? [])];
      const on: Way = { ...sent, steps: [...sent.steps, ...passage.steps], assumptions };
      if (passage.kind === 'lost') this.#lose({ ...on, obstacle: passage.reason });
      else if (passage.kind === 'looped') this.loop ??= { ...on, kind: 'undetermined', reason: passage.reason };
      else if (passage.kind === 'out') {
        const { at, mark, learnt } = passage;
        if (learnt !== null) this.taught.push(learnt);
        this.#arrive(
          at.namespace,
          at.link,
          { ...on, mark },
          `out of the packet that ${namespace.name}:${link.name} sent`,
        );
      } else this.edges.push({ ...on, kind: passage.kind, reason: passage.reason });
    }
  }

  #lose(way: Way): void {
    this.lost ??= way;
    this.kept.push(way);
  }

  /** `macvlan_queue_xmit`: to the other macvlans of the device, where they are bridged, and to the wire; never to its host. */
  #leaveByLower(macvlan: Link, { namespace, link }: Placed, way: Way): void {
    const { to, mac } = this.#frame;
    const siblings = uppersOn(this.#host, namespace.name, link.name).filter(
      (one) => one.link !== macvlan && one.link.mode === 'bridge' && macvlan.mode === 'bridge',
    );
    const meant = siblings.filter(({ link: sibling }) => to !== 'one' || mac === null || sibling.mac === mac);
    // What is for one of them the device itself takes in first (`dev_forward_skb`), past its rules.
    const across = to === 'one' ? this.#takenIn(namespace, link, way) : way;
    if (meant.length > 0 && way.obstacle === null && across.obstacle !== null) this.kept.push(across);
    for (const sibling of meant) {
      this.#handUp(sibling, across, `another macvlan of ${namespace.name}:${link.name} sent it`);
    }
    if (to !== 'one' || mac === null || meant.length === 0) this.leave(namespace, link, way, tagLength);
  }

  /** To a macvlan. */
  #handUp({ namespace, link }: Placed, way: Way, how: string): void {
    const place = { netns: namespace.name, device: link.name, stage: 'ingress', quotes: [link.source] } as const;
    const step: Step = { ...place, verdict: 'passed', detail: `received by ${link.name}: ${how}` };
    const received = passed(way, doubted(step, link, 'ingress'));
    this.stations.push({ ...this.#takenIn(namespace, link, received), namespace, link, port: null });
  }

  /**
   * `macvlan_handle_frame`: a frame for a macvlan's address is that macvlan's, one for all is everybody's; true when the
   * device's own host gets it, too.
   */
  #arriveBelow(namespace: NamespaceState, link: Link, way: Way): boolean {
    const uppers = uppersOn(this.#host, namespace.name, link.name);
    if (uppers.length === 0) return true;
    const { to, mac } = this.#frame;
    const unknown = uppers.find((one) => !isModelled(one.link));
    if (unknown !== undefined || this.#left.has(link)) {
      const reason =
        unknown === undefined
          ? `it comes back to ${namespace.name}:${link.name}, by which a macvlan sent it`
          : `a macvlan in ${String(unknown.link.mode)} mode stands on ${namespace.name}:${link.name}`;
      this.edges.push({ ...way, kind: 'undetermined', reason: `${reason}, and the model does not follow that` });
      return false;
    }
    const meant = uppers.filter(({ link: upper }) => to !== 'one' || mac === null || upper.mac === mac);
    for (const upper of meant) this.#handUp(upper, way, `it stands on ${namespace.name}:${link.name}`);
    return to !== 'one' || mac === null || meant.length === 0;
  }

  /** What a bridge hands up to macvlans on it depends on its table and its filters, which the model does not follow. */
  #meetUppers(namespace: NamespaceState, bridge: Link, way: Way): void {
    const { to, mac } = this.#frame;
    const uppers = uppersOn(this.#host, namespace.name, bridge.name);
    if (!uppers.some(({ link }) => to !== 'one' || mac === null || link.mac === mac)) return;
    const reason = `a macvlan stands on the bridge ${namespace.name}:${bridge.name}, and the model does not follow that`;
    this.edges.push({ ...way, kind: 'undetermined', reason });
  }

  #tooLarge({ name, mtu }: Link, beyond: number): string | null {
    const { length } = this.#frame;
    return length !== null && mtu > 0 && length > mtu + beyond
      ? `${name} takes ${mtu} bytes, and the packet has ${length}`
      : null;
  }

  #arrive(namespace: NamespaceState, link: Link, before: Way, from: string): void {
    const place = { netns: namespace.name, device: link.name, stage: 'ingress', quotes: [link.source] } as const;
    const large = link.kind === 'veth' ? this.#tooLarge(link, tagLength) : null;
    // A veth's far end drops what it would not send itself (`__dev_forward_skb`).
    const way = large === null ? before : blocked(before, { ...place, verdict: 'dropped', detail: large }, large);
    const master = namespace.links.find(({ name }) => name === link.master);
    if (master?.kind === 'bridge') {
      this.#cross(namespace, master, link, this.#takenIn(namespace, link, way));
      return;
    }
    const received: Step = { ...place, verdict: 'passed', detail: `received by ${link.name}, ${from}` };
    const step = doubted(received, link, 'ingress');
    if (link.master !== null && master?.kind !== 'vrf') {
      const reason = `${namespace.name}:${link.name} is a port of ${link.master}, which is no bridge that the model knows`;
      this.edges.push({ ...passed(way, step), kind: 'undetermined', reason });
      return;
    }
    const taken = this.#takenIn(namespace, link, passed(way, step));
    const isForHost = this.#arriveBelow(namespace, link, taken);
    if (isForHost && this.#isFor(link)) this.stations.push({ ...taken, namespace, link, port: null });
  }

  #isFor({ mac }: Link): boolean {
    return this.#frame.mac === null || mac === null || mac === this.#frame.mac;
  }

  /** Into a bridge, past the rules of its own that see all that comes in by a port. */
  #enter({ namespace, bridge, port }: BridgeEntrance, before: Way, frame: Frame): Entered {
    const crossing = new Crossing(namespace, bridge, port, { frame, sender: this.#sender?.link.mac ?? null });
    const way = crossing.enter(before);
    if (port === null) return { crossing, way };
    return { crossing, way: this.#rules({ namespace, layer: 'bridge', hook: 'prerouting', input: port.name }, way) };
  }

  /** Across a bridge, from a port or (null) from the host itself. */
  #cross(namespace: NamespaceState, bridge: Link, port: Link | null, before: Way): void {
    const atBridge = { namespace, layer: 'bridge' } as const;
    const entrance = { namespace, bridge, port };
    const entered = this.#enter(entrance, before, this.#frame);
    const { way: first } = entered;
    this.firstBridge ??= { ...first, netns: namespace.name, bridge: bridge.name };
    if (port !== null && entered.crossing.isForHost) this.#toHost(namespace, bridge, port, entered);
    if (port !== null) this.#meetUppers(namespace, bridge, first);
    const ports = namespace.links.filter(({ master }) => master === bridge.name);
    for (const tunnel of ports) {
      const { vxlan } = tunnel;
      const loop = vxlan === null ? null : loopOf(this.#host, { namespace, link: tunnel, vxlan });
      if (loop !== null) this.loop ??= { ...first, kind: 'undetermined', reason: loop };
    }
    // What br_netfilter has shown to the hooks of IP it measures as IP does (`br_nf_dev_queue_xmit`).
    const beyond = port !== null && showsBridged(namespace, this.#fabric.packet.family) ? 0 : tagLength;
    // Of who is behind a port where it does not learn, the bridge knows what it knew before the answer; that may lead back.
    const knowsAll = !this.#frame.justLearnt || ports.every((one) => learnsAt(namespace, one));
    const unlearnt = knowsAll ? entered : this.#enter(entrance, before, { ...this.#frame, justLearnt: false });
    for (const out of ports) {
      const { crossing, way } = out !== port && learnsAt(namespace, out) ? entered : unlearnt;
      const leaving = crossing.forward(out, way);
      if (leaving === null) continue;
      if (way.obstacle === null && leaving.obstacle !== null) this.kept.push(leaving);
      const output = out.name;
      const onward =
        port === null
          ? this.#rules({ ...atBridge, hook: 'output', output }, leaving)
          : this.#filtered(
              namespace,
              { bridge, from: port, to: out },
              this.#rules({ ...atBridge, hook: 'forward', input: port.name, output }, leaving),
            );
      this.leave(namespace, out, this.#rules({ ...atBridge, hook: 'postrouting', output }, onward), beyond);
    }
  }

  /** From a port of a bridge up to its own host (`br_pass_frame_up`). */
  #toHost(namespace: NamespaceState, bridge: Link, port: Link, { crossing, way }: Entered): void {
    const { tag } = crossing;
    if (tag !== null && way.obstacle === null && hasVlanDevices(this.#host)) {
      const reason = `${namespace.name}:${bridge.name} gets frames of VLAN ${tag} with their tag, for a VLAN device on it, and the model does not follow that`;
      this.edges.push({ ...way, kind: 'undetermined', reason });
      return;
    }
    const place = { netns: namespace.name, device: bridge.name, stage: 'ingress', quotes: [bridge.source] } as const;
    const step: Step = { ...place, verdict: 'passed', detail: `handed up to ${bridge.name}` };
    const allowed = crossing.toHost(way);
    const inside = this.#rules({ namespace, layer: 'bridge', hook: 'input', input: port.name }, allowed);
    const up = passed(inside, doubted(step, bridge, 'ingress'));
    if (way.obstacle === null && allowed.obstacle !== null) this.kept.push(allowed);
    this.stations.push({ ...this.#takenIn(namespace, bridge, up), namespace, link: bridge, port: port.name });
  }

  /** Past the rules that see what crosses a bridge. A question for an address is no IP packet: they do not see it. */
  #filtered(namespace: NamespaceState, bridging: Bridging, way: Way): Way {
    if (this.#frame.to !== 'one' || way.obstacle !== null) return way;
    const { end, ...passing } = this.#fabric.firewall(namespace, bridging, way.traveller?.packet, way.mark);
    const all = [...way.steps, ...passing.steps];
    if (end === null) return { ...way, ...passing, steps: all };
    const obstacle = 'reason' in end ? end.reason : end.kind;
    const stopped: Way = { ...passing, steps: all, obstacle, end };
    this.kept.push(stopped);
    return stopped;
  }
}
