/**
 * From a device of one host to the next: who is asked for the next hop's link-layer address, who answers, and where the
 * frame then goes.
 */

import type { HostState, Link, NamespaceState, Neighbour, NextHop } from '../host/state.ts';
import { sameAddress } from '../inet/address.ts';
import { tooBig, unreachable } from '../inet/icmp.ts';
import { bridgesBetween, stoppedDiscovery } from './discovery.ts';
import { type Frame, unusableReason, type Way } from './frame.ts';
import { hasFrameRules } from './frame-hook.ts';
import { askingAddress, ownsAddress, type Reaction, reactionTo, usableNeighbour } from './neighbour.ts';
import { type Edge, type Fabric, noFirewall, Spread, type Station } from './segment.ts';
import {
  type Answer,
  type Answerer,
  type JourneyEnd,
  type Learnt,
  type LearntRemote,
  ownSteps,
  type Step,
} from './step.ts';
import type { Traveller } from './traveller.ts';

/** Where the packet is: in a namespace, by the device that it came in on (null: sent by a program there). */
export interface Position {
  readonly namespace: NamespaceState;
  readonly device: string | null;
  /** The port by which it came to that device, where that is a bridge. */
  readonly port: string | null;
  /** The mark that it has from the packet of a tunnel. */
  readonly mark?: number | null;
}

/** The next host, or the journey's end. */
export type Progress = { readonly to: Position } | { readonly end: JourneyEnd };

/** What is sent, and what the hosts know. */
export interface Medium extends Omit<Fabric, 'remotes' | 'mark'> {
  readonly learnt: readonly Learnt[];
}

/** One place where the packet may come to. */
interface Arrival {
  readonly steps: readonly Step[];
  readonly progress: Progress;
  /** As in `Way`. */
  readonly traveller?: Traveller;
  readonly assumptions?: readonly string[];
}

/** Where the packet may come to: several places when several hosts answer for one address. */
export interface Transmission {
  readonly arrivals: readonly Arrival[];
  /** What those who were asked learnt of the asker, and tunnels of both. */
  readonly learnt: readonly Learnt[];
}

/** An end without a socket. */
export function end(
  kind: Exclude<JourneyEnd['kind'], 'accepted' | 'refused' | 'returned' | 'rejected'>,
  reason: string,
  answer: Answer | null = null,
): { readonly end: JourneyEnd } {
  return { end: { kind, reason, answer } };
}

/** Sends the packet by a next hop. */
export function transmit(medium: Medium, namespace: NamespaceState, { device, gateway }: NextHop): Transmission {
  const link = namespace.links.find(({ name }) => name === device);
  if (link === undefined) {
    return only([], end('undetermined', `${device} is not in the snapshot of ${namespace.name}`));
  }
  return new Sending(medium, namespace, link, gateway ?? medium.packet.destination).transmit();
}

/** Sends the packet by a device to a link-layer address, without asking who has the next hop. */
export function transmitStraight(medium: Medium, namespace: NamespaceState, device: string, mac: string): Arrival {
  const link = namespace.links.find(({ name }) => name === device);
  if (link === undefined) {
    return { steps: [], progress: end('undetermined', `${device} is not in the snapshot of ${namespace.name}`) };
  }
  return new Sending(medium, namespace, link, medium.packet.destination).straightTo(mac);
}

/** Where a way ends that comes no further. */
function stopped({ steps, obstacle, end: given, traveller, assumptions = [] }: Way, otherwise: string): Arrival {
  const progress = given === undefined ? end('dropped', obstacle ?? otherwise) : { end: given };
  return { steps, progress, assumptions, ...(traveller === undefined ? {} : { traveller }) };
}

function only(steps: readonly Step[], progress: Progress): Transmission {
  return { arrivals: [{ steps, progress }], learnt: [] };
}

function arrivalAt({ steps, traveller, namespace, link, port, mark, assumptions = [] }: Station): Arrival {
  const progress = { to: { namespace, device: link.name, port, ...(mark === undefined ? {} : { mark }) } };
  return { steps, progress, assumptions, ...(traveller === undefined ? {} : { traveller }) };
}

/** What the rules of bridges and devices may do to a question for a neighbour or to its answer. */
function doubtsOf(steps: readonly Step[]): string[] {
  return ownSteps(steps).flatMap(({ verdict, asksProgram, netns, stage, detail }) =>
    verdict === 'unknown' && asksProgram !== true ? [`${netns}, ${stage}, of who has the next hop: ${detail}`] : [],
  );
}

/** True where the device is the last one in sight. */
function leavesBy({ steps }: Edge, behind: Answerer['behind']): boolean {
  const last = steps.at(-1);
  return behind !== null && last?.netns === behind.netns && last.device === behind.device;
}

/** True when a host of the snapshot has the address. */
function isSomebodys({ namespaces }: HostState, address: string): boolean {
  return [...namespaces.values()].some((namespace) => ownsAddress(namespace, address));
}

class Sending {
  readonly #medium: Medium;
  readonly #namespace: NamespaceState;
  readonly #link: Link;
  readonly #nextHop: string;
  /** What tunnels learn of what is sent here. */
  readonly #taught: LearntRemote[] = [];
  #loop: Edge | null = null;

  constructor(medium: Medium, namespace: NamespaceState, link: Link, nextHop: string) {
    this.#medium = medium;
    this.#namespace = namespace;
    this.#link = link;
    this.#nextHop = nextHop;
  }

  transmit(): Transmission {
    const { arrivals, learnt } = this.#send();
    if (this.#loop !== null) return only(this.#loop.steps, end('undetermined', this.#loop.reason));
    return { arrivals, learnt: [...learnt, ...this.#taught] };
  }

  #send(): Transmission {
    const [namespace, link, nextHop] = [this.#namespace, this.#link, this.#nextHop];
    // A host looks at the size before it looks for the neighbour (`ip_forward`, net/ipv4/ip_forward.c).
    if ((this.#medium.packet.length ?? 0) > link.mtu && link.mtu > 0) return this.#tooLarge();
    const known = usableNeighbour(namespace, link.name, nextHop);
    // The sender's own device has the first word.
    if (unusableReason(link) !== null) {
      const { origin } = this.#spread({ carries: 'packet', asker: null, to: 'one', mac: null, justLearnt: false });
      const answer = known === null ? this.#unresolved() : null;
      return only(origin.steps, end('dropped', `${namespace.name}:${link.name} is down`, answer));
    }
    if (known !== null) return this.#towards(known);
    const address = this.#asker;
    const asked = this.#spread({
      carries: 'question',
      asker: address,
      to: nextHop.includes(':') ? 'group' : 'all',
      mac: null,
      justLearnt: false,
    });
    const learnt = this.#medium.learnt
      .filter((one) => one.kind === 'neighbour')
      .find((one) => one.netns === namespace.name && one.device === link.name && sameAddress(one.address, nextHop));
    const teacher = asked.stations.find(
      ({ obstacle, namespace: its, link: { name } }) =>
        obstacle === null && its.name === learnt?.asker.netns && name === learnt.asker.device,
    );
    if (teacher !== undefined) return { arrivals: [this.#across(teacher.link)], learnt: [] };
    // A tunnel may have learnt the way to it, and have none to all.
    const { netns, device } = learnt?.asker ?? {};
    const asker = this.#medium.host.namespaces.get(netns ?? '')?.links.find(({ name }) => name === device);
    const straight = asker === undefined ? null : this.#across(asker);
    if (straight !== null && 'to' in straight.progress) return { arrivals: [straight], learnt: [] };
    const reactions = asked.stations.map((station) => ({ station, reaction: this.#reactionOf(station, address) }));
    const answering = reactions.filter(({ reaction }) => reaction.answers).map(({ station }) => station);
    const reached = answering.filter(({ obstacle }) => obstacle === null);
    const answered = reached.map((station) => this.#answerOf(station));
    const unheard = answered.map(({ lost }) => lost);
    const heard = reached.filter((_station, at) => unheard[at] === null);
    const doubts = reached.flatMap(({ steps }, at) => [...doubtsOf(steps), ...(answered[at]?.doubts ?? [])]);
    if (heard.length === 0) {
      const [lost] = unheard;
      if (lost !== undefined && lost !== null) return { arrivals: [lost], learnt: [] };
      const [owner] = answering;
      if (owner !== undefined) return only(owner.steps, end('dropped', owner.obstacle ?? '', this.#unresolved()));
      return this.#silence(reactions) ?? this.#unanswered(asked);
    }
    return {
      arrivals: heard.map((station) => {
        const arrival = this.#across(station.link);
        return { ...arrival, assumptions: [...(arrival.assumptions ?? []), ...doubts] };
      }),
      learnt: heard.map((station) => ({
        kind: 'neighbour',
        netns: station.namespace.name,
        device: station.link.name,
        address,
        asker: { netns: namespace.name, device: link.name },
      })),
    };
  }

  /** The address that it asks from for the next hop's. */
  get #asker(): string {
    return askingAddress(this.#namespace, this.#link, this.#medium.packet.source, this.#nextHop);
  }

  /** What who has the next hop does about the question; of IPv6 the rules of both hosts have a say. */
  #reactionOf({ namespace, link, port, steps }: Station, address: string): Reaction {
    const reaction = reactionTo(namespace, link, address, this.#nextHop);
    if (!reaction.answers || !this.#nextHop.includes(':')) return reaction;
    const left = ownSteps(steps).find(({ netns, device, stage }) => {
      return netns === this.#namespace.name && stage === 'egress' && device !== this.#link.name;
    });
    const stop = stoppedDiscovery({
      asker: { namespace: this.#namespace, device: this.#link.name, port: left?.device ?? null, address },
      owner: { namespace, device: link.name, port },
      target: this.#nextHop,
      between: bridgesBetween(this.#medium.host, steps),
    });
    return stop === null ? reaction : { answers: false, ...stop };
  }

  /** What tunnels have learnt by now. */
  #remotes(): LearntRemote[] {
    return [...this.#medium.learnt.filter((one) => one.kind === 'remote'), ...this.#taught];
  }

  #note({ taught, loop }: Spread): void {
    for (const one of taught) {
      const { netns, device, mac, behind } = one;
      const known = this.#remotes().findLast(
        (other) => other.netns === netns && other.device === device && other.mac === mac,
      );
      if (known?.behind !== behind) this.#taught.push(one);
    }
    this.#loop ??= loop;
  }

  #spread(frame: Omit<Frame, 'length' | 'nextHop'>): Spread {
    const { packet } = this.#medium;
    const length = frame.to === 'one' ? (packet.length ?? null) : null;
    const mark = packet.mark === undefined ? 0 : packet.mark;
    const spread = new Spread(
      { ...this.#medium, mark, remotes: this.#remotes() },
      { ...frame, nextHop: this.#nextHop, length },
    );
    spread.leave(this.#namespace, this.#link);
    this.#note(spread);
    return spread;
  }

  /**
   * What becomes of the answer to the question for the next hop, where a tunnel may take it elsewhere or rules of bridges and
   * devices may stop it: its end, null when it is heard, and what is not known of them.
   */
  #answerOf({ namespace, link, steps, mark }: Station): {
    readonly lost: Arrival | null;
    readonly doubts: readonly string[];
  } {
    const isOutOfTunnel = mark !== undefined;
    if (!isOutOfTunnel && !hasFrameRules(this.#medium.host)) return { lost: null, doubts: [] };
    const spread = new Spread(
      { ...this.#medium, mark: 0, remotes: this.#remotes(), firewall: noFirewall },
      {
        carries: 'answer',
        asker: this.#asker,
        to: 'one',
        mac: this.#link.mac,
        justLearnt: true,
        nextHop: this.#nextHop,
        length: null,
      },
    );
    spread.leave(namespace, link);
    this.#note(spread);
    const { stations, edges, kept, origin } = spread;
    const home = stations.find((station) => station.link === this.#link);
    if (home?.obstacle === null) return { lost: null, doubts: doubtsOf(home.steps) };
    const edge = edges.find(({ obstacle }) => obstacle === null);
    if (edge !== undefined) {
      return { lost: { steps: [...steps, ...edge.steps], progress: end(edge.kind, edge.reason) }, doubts: [] };
    }
    const way = home ?? kept[0] ?? origin;
    const place = `${this.#namespace.name}:${this.#link.name}`;
    const reason = `${namespace.name} has the address ${this.#nextHop}, and its answer does not come to ${place}${way.obstacle === null ? '' : `: ${way.obstacle}`}`;
    const back = way.steps.map((step) =>
      step.carrier === undefined ? step : { ...step, carrier: { ...step.carrier, carries: 'answer' as const } },
    );
    return { lost: { steps: [...steps, ...back], progress: end('dropped', reason, this.#unresolved()) }, doubts: [] };
  }

  /** Its own device does not take the packet: a router tells the sender, the sender's kernel its program. */
  #tooLarge(): Transmission {
    const { packet, forwarded } = this.#medium;
    const { steps, obstacle } = this.#spread({
      carries: 'packet',
      asker: null,
      to: 'one',
      mac: null,
      justLearnt: false,
    }).origin;
    const icmp = forwarded ? tooBig(packet.family) : null;
    return only(steps, end('dropped', obstacle ?? '', { errno: 'EMSGSIZE', netns: this.#namespace.name, icmp }));
  }

  /** The kernel tells its own program by an ICMP error over the loopback device, if that is up. */
  #unresolved(): Answer | null {
    const { name, links } = this.#namespace;
    const loopback = links.find(({ kind }) => kind === 'loopback');
    const silent = !this.#medium.forwarded && loopback !== undefined && unusableReason(loopback) !== null;
    return silent
      ? null
      : { errno: 'EHOSTUNREACH', netns: name, icmp: unreachable('host', this.#medium.packet.family) };
  }

  /** To the device that has just answered. */
  #across(link: Link): Arrival {
    const spread = this.#spread({ carries: 'packet', asker: null, to: 'one', mac: link.mac, justLearnt: true });
    const reached = spread.stations.find((one) => one.link === link);
    if (reached?.obstacle === null) return arrivalAt(reached);
    const edge = spread.edges.find(({ obstacle }) => obstacle === null);
    if (reached === undefined && edge !== undefined) {
      return { steps: edge.steps, progress: end(edge.kind, edge.reason) };
    }
    return stopped(reached ?? spread.kept[0] ?? spread.origin, `${link.mac} is not where the bridges send it`);
  }

  /**
   * To whoever has the link-layer address, as the bridges have just learnt of it.
   *
   * @param behind The device by which it leaves the snapshot, where that is known.
   */
  straightTo(mac: string, behind: Answerer['behind'] = null): Arrival {
    const { stations, edges, kept, origin, loop } = this.#spread({
      carries: 'packet',
      asker: null,
      to: 'one',
      mac,
      justLearnt: true,
    });
    if (loop !== null) return { steps: loop.steps, progress: end(loop.kind, loop.reason) };
    const station = stations.find(({ obstacle }) => obstacle === null);
    if (station !== undefined) return arrivalAt(station);
    const open = edges.filter(({ obstacle }) => obstacle === null);
    const edge = open.find((one) => leavesBy(one, behind)) ?? open[0];
    if (edge !== undefined) return { steps: edge.steps, progress: end(edge.kind, edge.reason) };
    const blockedEdge = edges.find((one) => leavesBy(one, behind)) ?? edges[0];
    return stopped(
      stations[0] ?? kept[0] ?? blockedEdge ?? origin,
      `nobody behind ${this.#link.name} has the address ${mac}`,
    );
  }

  /** To the address that the neighbour table gives, whoever has it. */
  #towards(entry: Neighbour): Transmission {
    const { mac } = entry;
    const { stations, edges, kept, lost, firstBridge, origin } = this.#spread({
      carries: 'packet',
      asker: null,
      to: 'one',
      mac,
      justLearnt: false,
    });
    // A bridge takes for its host what is for the address of one of its ports, too.
    const its = stations.filter((station) => station.port !== null || station.link.mac === mac);
    const station = its.find(({ obstacle }) => obstacle === null) ?? its[0];
    if (station !== undefined) {
      const { obstacle } = station;
      return { arrivals: [obstacle === null ? arrivalAt(station) : stopped(station, obstacle)], learnt: [] };
    }
    const edge = edges.find((one) => one.obstacle === null);
    if (edge !== undefined) return only(edge.steps, end(edge.kind, edge.reason));
    // What a tunnel lost of what went everywhere was for somebody only if somebody has the address.
    const links = [...this.#medium.host.namespaces.values()].flatMap((namespace) => namespace.links);
    const isOnlyCopies = lost !== null && !links.some((link) => link.mac === mac);
    const stop = isOnlyCopies ? undefined : (kept[0] ?? edges[0]);
    if (stop !== undefined) return { arrivals: [stopped(stop, '')], learnt: [] };
    const [netns, device] = [this.#namespace.name, this.#link.name];
    const detail = `the neighbour table of ${netns} has ${this.#nextHop} at ${mac}, and nobody on ${device} has that address`;
    const place = { netns, device, stage: 'neighbour' } as const;
    const step: Step = {
      ...place,
      verdict: 'failed',
      detail,
      quotes: [entry.source],
      fault: { kind: 'stale-neighbour', entry },
    };
    return only([...(firstBridge ?? origin).steps, step], end('dropped', detail));
  }

  /** A host has the address and does not answer; null when none has. */
  #silence(reactions: readonly { readonly station: Station; readonly reaction: Reaction }[]): Transmission | null {
    for (const { station, reaction } of reactions) {
      if (reaction.answers || reaction.why === null || station.obstacle !== null) continue;
      const detail = `${station.namespace.name} has the address ${this.#nextHop} and does not answer: ${reaction.why}`;
      const place = { netns: station.namespace.name, device: station.link.name, stage: 'neighbour' } as const;
      const step: Step = { ...place, verdict: 'failed', detail, quotes: reaction.quotes };
      return only([...station.steps, step], end('unanswered', detail, this.#unresolved()));
    }
    return null;
  }

  /** Who out of sight was seen to answer, where it is clear by which of the ways out of sight. */
  #answerer(edges: readonly Edge[]): Answerer | null {
    const { answeredBy } = this.#medium.packet;
    if (answeredBy?.netns !== this.#namespace.name || answeredBy.device !== this.#link.name) return null;
    if (!sameAddress(answeredBy.nextHop, this.#nextHop)) return null;
    return edges.length === 1 || edges.some((edge) => leavesBy(edge, answeredBy.behind)) ? answeredBy : null;
  }

  /** Nobody has the address, as far as the snapshot reaches. */
  #unanswered({ stations, edges, firstBridge, lost }: Spread): Transmission {
    const [edge] = edges;
    // Where it came to others as well, the tunnel is to blame only for who has the address.
    const isMissed = stations.length === 0 || isSomebodys(this.#medium.host, this.#nextHop);
    if (edge === undefined && lost !== null && isMissed) {
      return only(lost.steps, end('dropped', lost.obstacle ?? '', this.#unresolved()));
    }
    const steps = (firstBridge ?? edge ?? stations[0])?.steps ?? [];
    if (edge !== undefined) {
      if (firstBridge === null || edge.kind === 'undetermined') return only(steps, end(edge.kind, edge.reason));
      const answerer = this.#answerer(edges);
      if (answerer !== null) return { arrivals: [this.straightTo(answerer.mac, answerer.behind)], learnt: [] };
      const reason = `${this.#nextHop} may be behind a port of ${firstBridge.bridge} whose other end the snapshot has not`;
      const asker = { netns: this.#namespace.name, device: this.#link.name, nextHop: this.#nextHop };
      return only(steps, { end: { kind: 'leaves-view', reason, answer: null, asker } });
    }
    const { neighbours, name } = this.#namespace;
    const place = { netns: firstBridge?.netns ?? name, device: firstBridge?.bridge ?? this.#link.name };
    const entry = neighbours.find((one) => one.device === this.#link.name && sameAddress(one.address, this.#nextHop));
    const detail = `nobody on ${place.device} has the address ${this.#nextHop}`;
    const quotes = entry === undefined ? [] : [entry.source];
    const step: Step = { ...place, stage: 'neighbour', verdict: 'failed', detail, quotes, wanted: this.#nextHop };
    return only([...steps, step], end('unanswered', detail, this.#unresolved()));
  }
}
