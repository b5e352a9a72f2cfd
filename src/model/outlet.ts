/**
 * A device by which a host sends towards a next hop: what its frames reach, who answers when the next hop's link-layer address
 * is asked for, and what tunnels learn of all that.
 */

import type { Link, NamespaceState } from '../host/state.ts';
import { unreachable } from '../inet/icmp.ts';
import { arpSent, judgeArp } from './arp.ts';
import { mayPassOneWay } from './bridge.ts';
import { bridgesBetween, stoppedDiscovery } from './discovery.ts';
import type { Edge } from './edge.ts';
import { type Frame, unusableReason } from './frame.ts';
import { hasFrameRules } from './frame-hook.ts';
import { askingAddress, type Reaction, reactionTo } from './neighbour.ts';
import { end, type Progress } from './progress.ts';
import { type Fabric, noFirewall, Spread, type Station } from './segment.ts';
import { type Answer, type Learnt, type LearntRemote, ownSteps, type Step } from './step.ts';
import type { Traveller } from './traveller.ts';

/** What is sent, and what the hosts know. */
export interface Medium extends Omit<Fabric, 'remotes' | 'mark'> {
  readonly learnt: readonly Learnt[];
}

/** One place where the packet may come to. */
export interface Arrival {
  readonly steps: readonly Step[];
  readonly progress: Progress;
  /** As in `Way`. */
  readonly traveller?: Traveller;
  readonly assumptions?: readonly string[];
}

/** What the rules of bridges and devices may do to a question for a neighbour or to its answer. */
function doubtsOf(steps: readonly Step[]): string[] {
  return ownSteps(steps).flatMap(({ verdict, asksProgram, netns, stage, detail }) =>
    verdict === 'unknown' && asksProgram !== true ? [`${netns}, ${stage}, of who has the next hop: ${detail}`] : [],
  );
}

/** See the file's head. */
export class Outlet {
  readonly #medium: Medium;
  readonly #namespace: NamespaceState;
  readonly #link: Link;
  readonly #nextHop: string;
  /** What tunnels learn of what is sent here. */
  readonly taught: LearntRemote[] = [];
  /** The first way on which nothing is certain any more. */
  loop: Edge | null = null;

  constructor(medium: Medium, namespace: NamespaceState, link: Link, nextHop: string) {
    this.#medium = medium;
    this.#namespace = namespace;
    this.#link = link;
    this.#nextHop = nextHop;
  }

  /** The address that it asks from for the next hop's. */
  get asker(): string {
    return askingAddress(this.#namespace, this.#link, this.#medium.packet.source, this.#nextHop);
  }

  /** Sends the packet; null: to an address that is not known. `justLearnt` is as `Frame` has it. */
  send(mac: string | null, justLearnt = false): Spread {
    return this.#spread({ discovery: null, to: 'one', mac, justLearnt });
  }

  /** Asks everyone for the next hop's address. */
  ask(): Spread {
    const to = this.#nextHop.includes(':') ? 'group' : 'all';
    return this.#spread({ discovery: { kind: 'question', asker: this.asker }, to, mac: null, justLearnt: false });
  }

  /** What who has the next hop does about the question; the rules of both hosts have a say. */
  reactionOf({ namespace, link, port, steps }: Station): Reaction {
    const address = this.asker;
    const reaction = reactionTo(namespace, link, address, this.#nextHop);
    if (!reaction.answers) return reaction;
    if (!this.#nextHop.includes(':')) {
      const { stop } = this.#judgeArp({ namespace, link });
      return stop === null ? reaction : { answers: false, ...stop };
    }
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

  /**
   * What becomes of the answer to the question for the next hop, where a tunnel may take it elsewhere, or bridges or the rules
   * of frames may stop it alone: its end, null when it is heard, and what is not known of the two.
   */
  answerOf({ namespace, link, steps, mark }: Station): {
    readonly lost: Arrival | null;
    readonly doubts: readonly string[];
  } {
    const isOutOfTunnel = mark !== undefined;
    const { host } = this.#medium;
    if (!isOutOfTunnel && !hasFrameRules(host) && !mayPassOneWay(host)) return { lost: null, doubts: doubtsOf(steps) };
    const spread = new Spread(
      { ...this.#medium, mark: 0, remotes: this.#remotes(), firewall: noFirewall },
      {
        discovery: { kind: 'answer', asker: this.asker },
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
    if (home?.obstacle === null) return { lost: null, doubts: doubtsOf([...steps, ...home.steps]) };
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
    return { lost: { steps: [...steps, ...back], progress: end('dropped', reason, this.unresolved()) }, doubts: [] };
  }

  /** What is not known of whether the rules of ARP stop the question or the answer of who has the next hop. */
  arpDoubtsOf(owner: Station): readonly string[] {
    return this.#nextHop.includes(':') ? [] : this.#judgeArp(owner).doubts;
  }

  /** What the rules of ARP of both hosts do to the question, where a host hears it, and to the answer. */
  #judgeArp(owner: Pick<Station, 'namespace' | 'link'>): ReturnType<typeof judgeArp> {
    const { packet, doubted } = this.#medium;
    const asker = { namespace: this.#namespace, link: this.#link, address: this.asker };
    return judgeArp({ asker, owner, target: this.#nextHop, content: { packet, doubted } });
  }

  /** The kernel tells its own program by an ICMP error over the loopback device, if that is up. */
  unresolved(): Answer | null {
    const { name, links } = this.#namespace;
    const loopback = links.find(({ kind }) => kind === 'loopback');
    const silent = !this.#medium.forwarded && loopback !== undefined && unusableReason(loopback) !== null;
    return silent
      ? null
      : { errno: 'EHOSTUNREACH', netns: name, icmp: unreachable('host', this.#medium.packet.family) };
  }

  /** What tunnels have learnt by now. */
  #remotes(): LearntRemote[] {
    return [...this.#medium.learnt.filter((one) => one.kind === 'remote'), ...this.taught];
  }

  #note({ taught, loop }: Spread): void {
    for (const one of taught) {
      const { netns, device, mac, behind } = one;
      const known = this.#remotes().findLast(
        (other) => other.netns === netns && other.device === device && other.mac === mac,
      );
      if (known?.behind !== behind) this.taught.push(one);
    }
    this.loop ??= loop;
  }

  #spread(frame: Omit<Frame, 'length' | 'nextHop'>): Spread {
    const { packet } = this.#medium;
    const length = frame.to === 'one' ? (packet.length ?? null) : null;
    const mark = packet.mark === undefined ? 0 : packet.mark;
    const sent = { ...frame, nextHop: this.#nextHop, length };
    const spread = new Spread({ ...this.#medium, mark, remotes: this.#remotes() }, sent);
    const { doubted } = this.#medium;
    spread.leave(
      this.#namespace,
      this.#link,
      arpSent({ namespace: this.#namespace, link: this.#link }, sent, { packet, doubted }),
    );
    this.#note(spread);
    return spread;
  }
}
