/**
 * From a device of one host to the next: who is asked for the next hop's link-layer address, who answers, and where the
 * frame then goes.
 */

import type { HostState, Link, NamespaceState, Neighbour, NextHop } from '../host/state.ts';
import { sameAddress } from '../inet/address.ts';
import { tooBig } from '../inet/icmp.ts';
import type { Edge } from './edge.ts';
import { unusableReason, type Way } from './frame.ts';
import { isWithoutArp, ownsAddress, type Reaction, usableNeighbour } from './neighbour.ts';
import { type Arrival, type Medium, Outlet } from './outlet.ts';
import { end, type Progress } from './progress.ts';
import type { Spread, Station } from './segment.ts';
import type { Answerer, Learnt, Step } from './step.ts';

/** Where the packet may come to: several places when several hosts answer for one address. */
export interface Transmission {
  readonly arrivals: readonly Arrival[];
  /** What those who were asked learnt of the asker, and tunnels of both. */
  readonly learnt: readonly Learnt[];
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
  readonly #outlet: Outlet;

  constructor(medium: Medium, namespace: NamespaceState, link: Link, nextHop: string) {
    this.#medium = medium;
    this.#namespace = namespace;
    this.#link = link;
    this.#nextHop = nextHop;
    this.#outlet = new Outlet(medium, namespace, link, nextHop);
  }

  transmit(): Transmission {
    const { arrivals, learnt } = this.#send();
    const { loop, taught } = this.#outlet;
    if (loop !== null) return only(loop.steps, end('undetermined', loop.reason));
    return { arrivals, learnt: [...learnt, ...taught] };
  }

  #send(): Transmission {
    const [namespace, link, nextHop] = [this.#namespace, this.#link, this.#nextHop];
    // A host looks at the size before it looks for the neighbour (`ip_forward`, net/ipv4/ip_forward.c).
    if ((this.#medium.packet.length ?? 0) > link.mtu && link.mtu > 0) return this.#tooLarge();
    const known = usableNeighbour(namespace, link.name, nextHop);
    // The sender's own device has the first word.
    if (unusableReason(link) !== null) {
      const { origin } = this.#outlet.send(null);
      // Who asks nobody waits for no answer.
      const answer = known === null && !isWithoutArp(link) ? this.#outlet.unresolved() : null;
      return only(origin.steps, end('dropped', `${namespace.name}:${link.name} is down`, answer));
    }
    if (known !== null) return this.#towards(known);
    if (isWithoutArp(link) && link.mac !== null) return this.#toItself(link.mac);
    const asked = this.#outlet.ask();
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
    const reactions = asked.stations.map((station) => ({ station, reaction: this.#outlet.reactionOf(station) }));
    const answering = reactions.filter(({ reaction }) => reaction.answers).map(({ station }) => station);
    const reached = answering.filter(({ obstacle }) => obstacle === null);
    const answered = reached.map((station) => this.#outlet.answerOf(station));
    const unheard = answered.map(({ lost }) => lost);
    const heard = reached.filter((_station, at) => unheard[at] === null);
    const ofArp = heard.flatMap((station) => this.#outlet.arpDoubtsOf(station));
    const doubts = [...answered.flatMap((one) => one.doubts), ...ofArp];
    if (heard.length === 0) {
      const [lost] = unheard;
      if (lost !== undefined && lost !== null) return { arrivals: [lost], learnt: [] };
      const [owner] = answering;
      if (owner !== undefined)
        return only(owner.steps, end('dropped', owner.obstacle ?? '', this.#outlet.unresolved()));
      // Rules of its own may keep the host from asking.
      const { obstacle, steps } = asked.origin;
      if (obstacle !== null) return only(steps, end('dropped', obstacle, this.#outlet.unresolved()));
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
        address: this.#outlet.asker,
        asker: { netns: namespace.name, device: link.name },
      })),
    };
  }

  /** Its own device does not take the packet: a router tells the sender, the sender's kernel its program. */
  #tooLarge(): Transmission {
    const { packet, forwarded } = this.#medium;
    const { steps, obstacle } = this.#outlet.send(null).origin;
    const icmp = forwarded ? tooBig(packet.family) : null;
    return only(steps, end('dropped', obstacle ?? '', { errno: 'EMSGSIZE', netns: this.#namespace.name, icmp }));
  }

  /** To the device that has just answered. */
  #across(link: Link): Arrival {
    const spread = this.#outlet.send(link.mac, true);
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
    const { stations, edges, kept, origin, loop } = this.#outlet.send(mac, true);
    if (loop !== null) return { steps: loop.steps, progress: end(loop.kind, loop.reason) };
    const station = stations.find(({ obstacle }) => obstacle === null);
    if (station !== undefined) return arrivalAt(station);
    const out = (those: readonly Edge[]) => those.find((one) => leavesBy(one, behind)) ?? those[0];
    const edge = out(edges.filter(({ obstacle }) => obstacle === null));
    if (edge !== undefined) return { steps: edge.steps, progress: end(edge.kind, edge.reason) };
    return stopped(
      stations[0] ?? kept[0] ?? out(edges) ?? origin,
      `nobody behind ${this.#link.name} has the address ${mac}`,
    );
  }

  /** To the address that the neighbour table gives, whoever has it. */
  #towards(entry: Neighbour): Transmission {
    const { mac } = entry;
    const { stations, edges, kept, lost, firstBridge, origin } = this.#outlet.send(mac);
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
    const before = firstBridge ?? origin;
    if (before.obstacle !== null) return { arrivals: [stopped(before, '')], learnt: [] };
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
    return only([...before.steps, step], end('dropped', detail));
  }

  /** `arp_constructor`, `ndisc_constructor`: who asks nobody sends to the device's own address. */
  #toItself(mac: string): Transmission {
    const { stations, edges, firstBridge, origin } = this.#outlet.send(mac);
    const [station] = stations.filter(({ obstacle }) => obstacle === null);
    if (station !== undefined) return { arrivals: [arrivalAt(station)], learnt: [] };
    const edge = edges.find(({ obstacle }) => obstacle === null);
    if (edge !== undefined) return only(edge.steps, end(edge.kind, edge.reason));
    const before = firstBridge ?? origin;
    if (before.obstacle !== null) return { arrivals: [stopped(before, '')], learnt: [] };
    const { name: device, source } = this.#link;
    const detail = `${device} asks for no addresses (NOARP), and the neighbour table has none for ${this.#nextHop}: the frame is for the address of ${device} itself, ${mac}, and nobody else takes it`;
    const place = { netns: this.#namespace.name, device, stage: 'neighbour' } as const;
    return only([...before.steps, { ...place, verdict: 'failed', detail, quotes: [source] }], end('dropped', detail));
  }

  /** A host has the address and does not answer; null when none has. */
  #silence(reactions: readonly { readonly station: Station; readonly reaction: Reaction }[]): Transmission | null {
    for (const { station, reaction } of reactions) {
      if (reaction.answers || reaction.why === null || station.obstacle !== null) continue;
      const says = reaction.isOpen === true ? 'may not answer' : 'does not answer';
      const detail = `${station.namespace.name} has the address ${this.#nextHop} and ${says}: ${reaction.why}`;
      if (reaction.isOpen === true) return only(station.steps, end('undetermined', detail));
      const place = { netns: station.namespace.name, device: station.link.name, stage: 'neighbour' } as const;
      const step: Step = { ...place, verdict: 'failed', detail, quotes: reaction.quotes };
      return only([...station.steps, step], end('unanswered', detail, this.#outlet.unresolved()));
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
    const seen = this.#answerer(edges);
    // Who was seen to answer was asked, whatever keeps questions back by now.
    const edge = edges.find(({ obstacle }) => obstacle === null) ?? (seen === null ? undefined : edges[0]);
    // Where it came to others as well, the tunnel is to blame only for who has the address.
    const isMissed = stations.length === 0 || isSomebodys(this.#medium.host, this.#nextHop);
    if (edge === undefined && lost !== null && isMissed) {
      return only(lost.steps, end('dropped', lost.obstacle ?? '', this.#outlet.unresolved()));
    }
    const steps = (firstBridge ?? edge ?? stations[0])?.steps ?? [];
    if (edge !== undefined) {
      if (firstBridge === null || edge.kind === 'undetermined') return only(steps, end(edge.kind, edge.reason));
      if (seen !== null) return { arrivals: [this.straightTo(seen.mac, seen.behind)], learnt: [] };
      const reason = `${this.#nextHop} may be behind a port of ${firstBridge.bridge} whose other end the snapshot has not`;
      const asker = { netns: this.#namespace.name, device: this.#link.name, nextHop: this.#nextHop };
      return only(steps, { end: { kind: 'leaves-view', reason, answer: null, asker } });
    }
    // Where nothing gets into the bridge, whoever is out of sight behind it is not asked either.
    if (edges.length > 0 && firstBridge !== null && firstBridge.obstacle !== null) {
      const { steps: asked, obstacle, end: given } = firstBridge;
      return only(asked, given === undefined ? end('dropped', obstacle, this.#outlet.unresolved()) : { end: given });
    }
    const { neighbours, name } = this.#namespace;
    const place = { netns: firstBridge?.netns ?? name, device: firstBridge?.bridge ?? this.#link.name };
    const entry = neighbours.find((one) => one.device === this.#link.name && sameAddress(one.address, this.#nextHop));
    const detail = `nobody on ${place.device} has the address ${this.#nextHop}`;
    const quotes = entry === undefined ? [] : [entry.source];
    const step: Step = { ...place, stage: 'neighbour', verdict: 'failed', detail, quotes, wanted: this.#nextHop };
    return only([...steps, step], end('unanswered', detail, this.#outlet.unresolved()));
  }
}
