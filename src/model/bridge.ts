/** What one bridge does with one frame: `br_handle_frame_finish` and `br_flood` (net/bridge). */

import type { BridgePort, ForwardingEntry, HostState, Link, NamespaceState, PortVlan } from '../host/state.ts';
import { blocked, doubted, type Frame, passed, unusableReason, type Way } from './frame.ts';
import type { Fault, FloodFlag, Step } from './step.ts';

/** Why a port does not pass a frame. */
interface Trouble {
  readonly detail: string;
  readonly reason: string;
  readonly fault: Fault;
}

/** Which switch of a port decides, by whom a frame is for. */
const floodFlags: Readonly<Record<Frame['to'], FloodFlag>> = { all: 'bcast_flood', group: 'mcast_flood', one: 'flood' };

function untaggedNowhere({ name }: Link): string {
  return `${name} belongs to no VLAN that takes frames without a tag`;
}

/** A frame, and the link-layer address that it is sent from; null where that is not known. */
interface Sent {
  readonly frame: Frame;
  readonly sender: string | null;
}

/** One frame at one bridge. */
export class Crossing {
  readonly #namespace: NamespaceState;
  readonly #bridge: Link;
  readonly #port: Link | null;
  readonly #frame: Frame;
  readonly #sender: string | null;
  /** The entry that decides where a frame for one address goes. */
  readonly #entry: ForwardingEntry | null;
  readonly #vlan: PortVlan | null;

  constructor(namespace: NamespaceState, bridge: Link, port: Link | null, { frame, sender }: Sent) {
    this.#namespace = namespace;
    this.#bridge = bridge;
    this.#port = port;
    this.#frame = frame;
    this.#sender = sender;
    const own = (port ?? bridge).name;
    this.#vlan = bridge.vlanFiltering
      ? (namespace.portVlans.find(({ device, pvid }) => device === own && pvid) ?? null)
      : null;
    this.#entry = this.#findEntry();
  }

  #findEntry() {
    const { mac, justLearnt } = this.#frame;
    const isOutdated = justLearnt || this.#isForSender;
    return this.#entriesOf(mac).find(({ fixed }) => fixed || !isOutdated) ?? null;
  }

  /** What the table has of an address, in the frame's VLAN (`br_fdb_find_rcu`). */
  #entriesOf(mac: string | null): readonly ForwardingEntry[] {
    if (mac === null) return [];
    const vlan = this.#vlan?.vlan ?? null;
    return this.#namespace.forwardingEntries.filter(
      (entry) => entry.mac === mac && entry.bridge === this.#bridge.name && entry.vlan === vlan,
    );
  }

  #stateOf(port: Link): BridgePort | undefined {
    return this.#namespace.bridgePorts.find(({ device }) => device === port.name);
  }

  /** The host itself is meant: with everyone, or by its own address. The host gets it where its VLANs let it. */
  get isForHost(): boolean {
    const { to, mac } = this.#frame;
    return to !== 'one' || mac === null || mac === this.#bridge.mac || this.#entry?.permanent === true;
  }

  /** The bridge has just learnt from the frame itself where it would have to go: back. */
  get #isForSender(): boolean {
    const port = this.#port;
    const { mac } = this.#frame;
    return port !== null && mac !== null && mac === this.#sender && learnsAt(this.#namespace, port);
  }

  #how(): string {
    const { to, mac } = this.#frame;
    if (to !== 'one') return ': the frame is for everyone';
    if (this.#isForSender) return `: the frame is for ${mac}, from which it comes, and goes to no other port`;
    const toHost = mac !== null && this.isForHost;
    if (toHost) return `, and ${this.#frame.nextHop} is the host's own seat on it`;
    if (this.#entry !== null) {
      const { device, heardAgo } = this.#entry;
      const heard = heardAgo === null ? '' : ` (heard there ${heardAgo} s before it was read)`;
      return `: ${mac} is behind ${device} by its table${heard}`;
    }
    return this.#frame.justLearnt || mac === null
      ? ', which has learnt from the answer where the frame goes'
      : `: ${mac} is not in its table, so the frame goes to all ports`;
  }

  /** In by a port, with its step; or from the host itself, which is told only where nothing goes. */
  enter(way: Way): Way {
    const port = this.#port;
    if (port === null) return this.#leaveHost(way);
    const found = this.#stateOf(port);
    const place = { netns: this.#namespace.name, device: port.name, stage: 'bridge' } as const;
    const entry = this.#entry?.permanent === false ? [this.#entry.source] : [];
    const quotes = [found?.source ?? port.source, ...entry];
    const trouble = this.#stopped(port);
    if (trouble !== null) {
      const { detail, reason, fault } = trouble;
      return blocked(way, { ...place, verdict: 'dropped', detail, quotes, fault }, reason);
    }
    if (this.#isUnclassified) return this.#filtered(way, port, quotes, untaggedNowhere(port));
    if (found?.locked === true && !this.#isLetIn(port)) {
      const mac = this.#sender;
      const address = mac ?? 'an address that is not known';
      const detail = `${port.name}, a port of ${this.#bridge.name}, is locked, and the table does not have ${address} there`;
      const fault: Fault = {
        kind: 'bridge-port-blocked',
        ...(mac === null ? {} : { shutOut: { mac, vlan: this.#vlan?.vlan ?? null } }),
      };
      const reason = `${port.name} is locked, and lets nothing in from ${address}`;
      return blocked(way, { ...place, verdict: 'dropped', detail, quotes, fault }, reason);
    }
    const detail = `${port.name} is a port of ${this.#bridge.name}${this.#how()}`;
    return passed(way, doubted({ ...place, verdict: 'passed', detail, quotes }, port, 'ingress'));
  }

  /** The table has the sender at this port, as one that is let in there (`br_handle_frame_finish`). */
  #isLetIn(port: Link): boolean {
    return this.#entriesOf(this.#sender).some(
      ({ device, permanent, locked }) => device === port.name && !permanent && !locked,
    );
  }

  /** It has no tag, and where it comes from there is no VLAN for such frames (`br_allowed_ingress`). */
  get #isUnclassified(): boolean {
    return this.#bridge.vlanFiltering && this.#vlan === null;
  }

  /** What the VLANs of a place drop. */
  #filtered(way: Way, { name: device }: Link, quotes: Step['quotes'], detail: string): Way {
    const place = { netns: this.#namespace.name, device, stage: 'bridge' } as const;
    return blocked(
      way,
      { ...place, verdict: 'dropped', detail, quotes, fault: { kind: 'bridge-vlan-filtered' } },
      detail,
    );
  }

  /** `br_dev_xmit`: the host's own seat is asked for a VLAN like a port. */
  #leaveHost(way: Way): Way {
    const bridge = this.#bridge;
    return this.#isUnclassified ? this.#filtered(way, bridge, [bridge.source], untaggedNowhere(bridge)) : way;
  }

  /** The host's own place in the frame's VLAN, undefined where it has none. */
  get #seat(): PortVlan | undefined {
    return this.#namespace.portVlans.find(
      ({ device, vlan }) => device === this.#bridge.name && vlan === this.#vlan?.vlan,
    );
  }

  /** The VLAN with whose tag the host gets it; null where it gets it without, or not at all. */
  get tag(): number | null {
    const seat = this.#vlan === null ? undefined : this.#seat;
    return seat === undefined || seat.untagged ? null : seat.vlan;
  }

  /**
   * Up to the host, as far as its VLANs let it (`br_pass_frame_up`). With a tag it is for a VLAN device alone: without one it
   * is nobody's (`__netif_receive_skb_core`).
   */
  toHost(way: Way): Way {
    if (this.#vlan === null) return way;
    const { name, source } = this.#bridge;
    const seat = this.#seat;
    if (seat?.untagged === true) return way;
    const detail =
      seat === undefined
        ? `${name} itself is not in VLAN ${this.#vlan.vlan}, so that its host does not get the frame`
        : `${name} gets frames of VLAN ${seat.vlan} with their tag, and there is no VLAN device to take them`;
    return this.#filtered(way, this.#bridge, [this.#vlan.source, seat?.source ?? source], detail);
  }

  /** A port that neither takes nor gives frames. Without a carrier it is disabled for that reason alone: the link tells. */
  #stopped(port: Link): Trouble | null {
    const state = this.#stateOf(port)?.state ?? 'forwarding';
    if (state === 'forwarding' || unusableReason(port) !== null) return null;
    const detail = `${port.name}, a port of ${this.#bridge.name}, is ${state}`;
    return { detail, reason: `${port.name} is ${state}`, fault: { kind: 'bridge-port-blocked' } };
  }

  /** The way out of a port; null when the frame is not meant for it. */
  forward(out: Link, way: Way): Way | null {
    const { to, mac } = this.#frame;
    const entry = to === 'one' ? this.#entry : null;
    if (entry !== null && (entry.permanent || entry.device !== out.name)) return null;
    const isForSender = this.#isForSender && entry === null;
    if (isForSender ? out !== this.#port : entry === null && out === this.#port) return null;
    if (to === 'one' && mac !== null && this.isForHost && entry === null && this.#port !== null) return null;
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
      fault: trouble.fault,
    };
    return blocked(way, step, trouble.reason);
  }

  /** `should_deliver`, and the flags of flooding. */
  #refusal(out: Link): Trouble | null {
    const stopped = this.#stopped(out);
    if (stopped !== null) return stopped;
    const state = this.#stateOf(out);
    const say = (fault: Fault, detail: string): Trouble => ({ detail, reason: detail, fault });
    if (out === this.#port && state?.hairpin !== true) {
      return say(
        { kind: 'bridge-hairpin-off' },
        `the frame would have to leave by ${out.name}, where it came in, and hairpin is off there`,
      );
    }
    if (this.#port !== null && this.#stateOf(this.#port)?.isolated === true && state?.isolated === true) {
      return say(
        { kind: 'bridge-port-isolated' },
        `${this.#port.name} and ${out.name} are both isolated ports of ${this.#bridge.name}`,
      );
    }
    if (this.#vlan !== null && !this.#takesVlan(out, this.#vlan.vlan)) {
      return say({ kind: 'bridge-vlan-filtered' }, `${out.name} is not in VLAN ${this.#vlan.vlan} without a tag`);
    }
    if (this.#floods(state)) return null;
    const flag = floodFlags[this.#frame.to];
    const detail = `${out.name} is not sent what ${this.#bridge.name} floods (${flag} off)`;
    return say({ kind: 'bridge-flood-off', flag }, detail);
  }

  #takesVlan(out: Link, vlan: number): boolean {
    return this.#namespace.portVlans.some(
      (member) => member.device === out.name && member.vlan === vlan && member.untagged,
    );
  }

  #floods(state: BridgePort | undefined): boolean {
    const { to, mac, justLearnt } = this.#frame;
    if (state === undefined || this.#entry !== null || this.#isForSender) return true;
    if (to === 'one') return justLearnt || mac === null || state.flood;
    // What the host itself sends to all goes to all.
    return this.#port === null || (to === 'all' ? state.broadcastFlood : state.multicastFlood);
  }
}

/** True where a bridge may let a question for a neighbour through and not its answer: what keeps frames back otherwise, keeps both. */
export function mayPassOneWay({ namespaces }: HostState): boolean {
  return [...namespaces.values()].some(
    ({ links, bridgePorts }) =>
      links.some(({ vlanFiltering }) => vlanFiltering) ||
      bridgePorts.some(({ locked, learning }) => locked || !learning),
  );
}

/** True unless the bridge takes no notice of who sends by the port (`br_fdb_update` only under BR_LEARNING). */
export function learnsAt({ bridgePorts }: NamespaceState, port: Link): boolean {
  return bridgePorts.find(({ device }) => device === port.name)?.learning !== false;
}

/** True when br_netfilter shows bridged packets to the IP rules of the namespace. */
export function showsBridged(namespace: NamespaceState, family: 4 | 6): boolean {
  const tables = family === 4 ? 'iptables' : 'ip6tables';
  return namespace.sysctls.get(`net.bridge.bridge-nf-call-${tables}`)?.value === '1';
}
