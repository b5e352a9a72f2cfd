/**
 * Where a frame gets to from a device: over veth pairs and bridges, to every device that hands it to its host. Nothing
 * is sent twice over one device, so the walk ends where cables form a ring, too.
 */

import type { BridgePort, HostState, Link, NamespaceState, PortVlan, Quote } from '../host/state.ts';
import type { Step } from './step.ts';

/** A frame on its way. */
export interface Frame {
  /** Everyone, a multicast group, or one address. */
  readonly to: 'all' | 'group' | 'one';
  /** The address that is looked for, or was found: what the frame is for. */
  readonly nextHop: string;
  /** Null for all and groups, and where it is not known: then every device may be meant. */
  readonly mac: string | null;
  /** The one has just answered: the bridges on the way have learnt where it is. */
  readonly justLearnt: boolean;
  /** Bytes of the IP packet in it, null when it is small enough for every link. */
  readonly length: number | null;
}

interface Way {
  readonly steps: readonly Step[];
  /** Why it comes no further than the last step; what it would meet beyond is told all the same. */
  readonly obstacle: string | null;
}

/** A device that hands the frame to its host: where a broadcast ends, or a frame for that device. */
export interface Station extends Way {
  readonly namespace: NamespaceState;
  readonly link: Link;
}

/** Where the snapshot's knowledge ends. */
export interface Edge extends Way {
  readonly kind: 'leaves-view' | 'undetermined';
  readonly reason: string;
}

/** What a bridge does to a frame that it forwards, as steps: the hooks of br_netfilter. */
export type BridgeHooks = (namespace: NamespaceState, bridge: Link) => readonly Step[];

/** The other end of a veth pair, null when the snapshot has it not. */
function otherEnd(host: HostState, { peer }: Link): { readonly namespace: NamespaceState; readonly link: Link } | null {
  const namespace = host.namespaces.get(peer?.netns ?? '');
  const link = namespace?.links.find(({ index }) => index === peer?.index);
  return namespace === undefined || link === undefined ? null : { namespace, link };
}

const kindWords: ReadonlyMap<string, string> = new Map([
  ['tun', 'a TUN or TAP device: the program that holds it goes on'],
  ['wireguard', 'a WireGuard tunnel'],
  ['vxlan', 'a VXLAN tunnel'],
  ['geneve', 'a Geneve tunnel'],
  ['gre', 'a GRE tunnel'],
  ['ipip', 'an IPIP tunnel'],
  ['sit', 'an IPv6-in-IPv4 tunnel'],
  ['vlan', 'a VLAN of another device'],
  ['bond', 'a bond of several devices'],
  ['macvlan', 'a macvlan of another device'],
  ['ipvlan', 'an ipvlan of another device'],
]);

/** Why a device takes no frames, null when it does. */
export function unusableReason(link: Link): string | null {
  if (!link.up) return 'is down';
  if (link.carrier) return null;
  return link.kind === 'veth' ? 'has no carrier: its other end is down' : 'has no carrier';
}

/** One frame, and everything that it reaches. */
export class Spread {
  readonly stations: Station[] = [];
  readonly edges: Edge[] = [];
  /** The way out of the first device. */
  origin: Way = { steps: [], obstacle: null };
  /** The way to the first bridge, for whoever asks and gets no answer. */
  firstBridge: (Way & { readonly netns: string; readonly bridge: string }) | null = null;
  readonly #host: HostState;
  readonly #frame: Frame;
  readonly #hooks: BridgeHooks;
  readonly #left = new Set<Link>();

  constructor(host: HostState, frame: Frame, hooks: BridgeHooks) {
    this.#host = host;
    this.#frame = frame;
    this.#hooks = hooks;
  }

  /** Sends the frame out of a device. */
  leave(namespace: NamespaceState, link: Link, before: Way = { steps: [], obstacle: null }): void {
    if (this.#left.has(link)) return;
    this.#left.add(link);
    const way = this.#egress(namespace, link, before);
    if (this.#left.size === 1) this.origin = way;
    if (link.kind === 'bridge') {
      this.#cross(namespace, link, null, way);
      return;
    }
    const far = link.kind === 'veth' ? otherEnd(this.#host, link) : null;
    if (far !== null) this.#arrive(far.namespace, far.link, way, `the other end of ${namespace.name}:${link.name}`);
    else this.edges.push({ ...way, kind: 'leaves-view', reason: edgeReason(namespace, link) });
  }

  #egress(namespace: NamespaceState, link: Link, way: Way): Way {
    const trouble = unusableReason(link);
    const place = { netns: namespace.name, device: link.name, stage: 'egress', quotes: [link.source] } as const;
    if (trouble !== null) {
      return blocked(way, { ...place, verdict: 'dropped', detail: `${link.name} ${trouble}` }, `${link.name} is down`);
    }
    const large = this.#tooLarge(link);
    if (large !== null) return blocked(way, { ...place, verdict: 'dropped', detail: large }, large);
    return passed(way, { ...place, verdict: 'passed', detail: `sent by ${link.name}` });
  }

  #tooLarge({ name, mtu }: Link): string | null {
    const { length } = this.#frame;
    return length !== null && mtu > 0 && length > mtu
      ? `${name} takes ${mtu} bytes, and the packet has ${length}`
      : null;
  }

  #arrive(namespace: NamespaceState, link: Link, before: Way, from: string): void {
    const place = { netns: namespace.name, device: link.name, stage: 'ingress', quotes: [link.source] } as const;
    const large = this.#tooLarge(link);
    // A veth's far end drops what it would not send itself (`is_skb_forwardable`).
    const way = large === null ? before : blocked(before, { ...place, verdict: 'dropped', detail: large }, large);
    const master = namespace.links.find(({ name }) => name === link.master);
    if (master?.kind === 'bridge') {
      this.#cross(namespace, master, link, way);
      return;
    }
    const step: Step = { ...place, verdict: 'passed', detail: `received by ${link.name}, ${from}` };
    if (link.master !== null && master?.kind !== 'vrf') {
      const reason = `${namespace.name}:${link.name} is a port of ${link.master}, which is no bridge that the model knows`;
      this.edges.push({ ...passed(way, step), kind: 'undetermined', reason });
      return;
    }
    if (this.#isFor(link)) this.stations.push({ ...passed(way, step), namespace, link });
  }

  #isFor({ mac }: Link): boolean {
    return this.#frame.mac === null || mac === null || mac === this.#frame.mac;
  }

  /** Across a bridge, from a port or (null) from the host itself. */
  #cross(namespace: NamespaceState, bridge: Link, port: Link | null, before: Way): void {
    const crossing = new Crossing(namespace, bridge, port, this.#frame);
    const way = port === null ? before : crossing.enter(before);
    this.firstBridge ??= { ...way, netns: namespace.name, bridge: bridge.name };
    if (port !== null && crossing.reachesHost) {
      const place = { netns: namespace.name, device: bridge.name, stage: 'ingress', quotes: [bridge.source] } as const;
      const step: Step = { ...place, verdict: 'passed', detail: `handed up to ${bridge.name}` };
      this.stations.push({ ...passed(way, step), namespace, link: bridge });
    }
    for (const out of namespace.links.filter(({ master }) => master === bridge.name)) {
      const leaving = crossing.forward(out, way);
      if (leaving === null) continue;
      const hooks = port === null || leaving.obstacle !== null ? [] : this.#hooks(namespace, bridge);
      this.leave(namespace, out, { ...leaving, steps: [...leaving.steps, ...hooks] });
    }
  }
}

/** What one bridge does with one frame: `br_handle_frame_finish` and `br_flood` (net/bridge). */
class Crossing {
  readonly #namespace: NamespaceState;
  readonly #bridge: Link;
  readonly #port: Link | null;
  readonly #frame: Frame;
  /** The entry that decides where a frame for one address goes. */
  readonly #entry: { readonly device: string; readonly permanent: boolean; readonly source: Quote } | null;
  readonly #vlan: PortVlan | null;

  constructor(namespace: NamespaceState, bridge: Link, port: Link | null, frame: Frame) {
    this.#namespace = namespace;
    this.#bridge = bridge;
    this.#port = port;
    this.#frame = frame;
    const own = (port ?? bridge).name;
    this.#vlan = bridge.vlanFiltering
      ? (namespace.portVlans.find(({ device, pvid }) => device === own && pvid) ?? null)
      : null;
    this.#entry = this.#findEntry();
  }

  #findEntry() {
    const { mac, justLearnt } = this.#frame;
    if (mac === null) return null;
    const entries = this.#namespace.forwardingEntries.filter(
      (entry) =>
        entry.mac === mac &&
        entry.bridge === this.#bridge.name &&
        (this.#vlan === null || entry.vlan === null || entry.vlan === this.#vlan.vlan),
    );
    return entries.find(({ fixed }) => fixed || !justLearnt) ?? null;
  }

  #stateOf(port: Link): BridgePort | undefined {
    return this.#namespace.bridgePorts.find(({ device }) => device === port.name);
  }

  /** The bridge hands it to its own host: to everyone, or to its own address. */
  get reachesHost(): boolean {
    const { to, mac } = this.#frame;
    return to !== 'one' || mac === null || mac === this.#bridge.mac || this.#entry?.permanent === true;
  }

  #how(): string {
    const { to, mac } = this.#frame;
    if (to !== 'one') return ': the frame is for everyone';
    const toHost = mac !== null && this.reachesHost;
    if (toHost) return `, and ${this.#frame.nextHop} is the host's own seat on it`;
    if (this.#entry !== null) return `: ${mac} is behind ${this.#entry.device} by its table`;
    return this.#frame.justLearnt || mac === null
      ? ', which has learnt from the answer where the frame goes'
      : `: ${mac} is not in its table, so the frame goes to all ports`;
  }

  /** The step of the port that it comes in by. */
  enter(way: Way): Way {
    const port = this.#port;
    if (port === null) return way;
    const found = this.#stateOf(port);
    const place = { netns: this.#namespace.name, device: port.name, stage: 'bridge' } as const;
    const quotes = [found?.source ?? port.source, ...(this.#entry === null ? [] : [this.#entry.source])];
    const trouble = this.#stopped(port);
    if (trouble !== null) return blocked(way, { ...place, verdict: 'dropped', ...trouble, quotes }, trouble.reason);
    if (this.#bridge.vlanFiltering && this.#vlan === null) {
      const detail = `${port.name} belongs to no VLAN that takes frames without a tag`;
      return blocked(way, { ...place, verdict: 'dropped', detail, quotes }, detail);
    }
    const detail = `${port.name} is a port of ${this.#bridge.name}${this.#how()}`;
    return passed(way, { ...place, verdict: 'passed', detail, quotes });
  }

  /** A port that neither takes nor gives frames. Without a carrier it is disabled for that reason alone: the link tells. */
  #stopped(port: Link): { readonly detail: string; readonly reason: string } | null {
    const state = this.#stateOf(port)?.state ?? 'forwarding';
    if (state === 'forwarding' || unusableReason(port) !== null) return null;
    const detail = `${port.name}, a port of ${this.#bridge.name}, is ${state}`;
    return { detail, reason: `${port.name} is ${state}` };
  }

  /** The way out of a port; null when the frame is not meant for it. */
  forward(out: Link, way: Way): Way | null {
    const { to, mac } = this.#frame;
    const entry = to === 'one' ? this.#entry : null;
    if (entry !== null && (entry.permanent || entry.device !== out.name)) return null;
    if (entry === null && out === this.#port) return null;
    if (to === 'one' && mac !== null && this.reachesHost && entry === null && this.#port !== null) return null;
    const trouble = this.#refusal(out);
    if (trouble === null) return way;
    const found = this.#stateOf(out);
    const step: Step = {
      netns: this.#namespace.name,
      device: out.name,
      stage: 'bridge',
      verdict: 'dropped',
      detail: trouble.detail,
      quotes: [found?.source ?? out.source, ...(entry === null ? [] : [entry.source])],
    };
    return blocked(way, step, trouble.reason);
  }

  /** `should_deliver`, and the flags of flooding. */
  #refusal(out: Link): { readonly detail: string; readonly reason: string } | null {
    const stopped = this.#stopped(out);
    if (stopped !== null) return stopped;
    const state = this.#stateOf(out);
    const say = (detail: string) => ({ detail, reason: detail });
    if (out === this.#port && state?.hairpin !== true) {
      return say(`the frame would have to leave by ${out.name}, where it came in, and hairpin is off there`);
    }
    if (this.#port !== null && this.#stateOf(this.#port)?.isolated === true && state?.isolated === true) {
      return say(`${this.#port.name} and ${out.name} are both isolated ports of ${this.#bridge.name}`);
    }
    if (this.#vlan !== null && !this.#takesVlan(out, this.#vlan.vlan)) {
      return say(`${out.name} is not in VLAN ${this.#vlan.vlan} without a tag`);
    }
    return this.#floods(state)
      ? null
      : say(`${out.name} is not sent what ${this.#bridge.name} floods (${this.#floodFlag()} off)`);
  }

  #takesVlan(out: Link, vlan: number): boolean {
    return this.#namespace.portVlans.some(
      (member) => member.device === out.name && member.vlan === vlan && member.untagged,
    );
  }

  #floodFlag(): string {
    return { all: 'bcast_flood', group: 'mcast_flood', one: 'flood' }[this.#frame.to];
  }

  #floods(state: BridgePort | undefined): boolean {
    const { to, mac, justLearnt } = this.#frame;
    if (state === undefined || this.#entry !== null) return true;
    if (to === 'one') return justLearnt || mac === null || state.flood;
    // What the host itself sends to all goes to all.
    return this.#port === null || (to === 'all' ? state.broadcastFlood : state.multicastFlood);
  }
}

function passed({ steps, obstacle }: Way, step: Step): Way {
  return obstacle === null ? { steps: [...steps, step], obstacle } : { steps, obstacle };
}

function blocked({ steps, obstacle }: Way, step: Step, reason: string): Way {
  return obstacle === null ? { steps: [...steps, step], obstacle: reason } : { steps, obstacle };
}

function edgeReason(namespace: NamespaceState, link: Link): string {
  if (link.kind === 'veth') {
    return `the other end of ${namespace.name}:${link.name} is in a namespace that the snapshot has not`;
  }
  const what = kindWords.get(link.kind);
  const place = `it leaves by ${namespace.name}:${link.name}`;
  return what === undefined ? place : `${place}, ${what}`;
}
