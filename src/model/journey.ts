/**
 * `journey(host, packet, start)`: what Linux would do with this packet, stage by stage, by the state of the snapshot.
 *
 * Pure. It says what it does not know instead of guessing: a hook whose rules may stop the packet is taken as passed and
 * named in `assumptions`; where the kernel picks one of several ways by a hash, all are followed; a route or link that
 * the model cannot follow ends the journey as undetermined.
 */

import type { HostState, Link, NamespaceState, NextHop } from '../host/state.ts';
import { deliver } from './deliver.ts';
import { type HookStage, hasChains, hookStep, mayRedirect } from './firewall.ts';
import { unusableReason } from './frame.ts';
import { decideInput, type InputDecision } from './input.ts';
import { chooseSource, type Departure, depart, routeQuery } from './output.ts';
import type { Journey, JourneyEnd, LearntNeighbour, ModelPacket, Step } from './step.ts';
import { end, type Position, type Progress, transmit } from './transmit.ts';

/** Ways that are followed where the kernel picks one of several; more are said to be unknown. */
const mostForks = 16;

/** Why there are several ways, where a route has several next hops. */
const picked = 'the kernel picks one by a hash of the packet';

/** Linux's own, RFC 1700's recommendation (`IPDEFTTL`). */
const defaultTimeToLive = 64;

/** What all branches of one journey share. */
interface Question {
  readonly host: HostState;
  readonly packet: ModelPacket;
  /** The source that the sender looks its route up with. */
  readonly routedAs: string;
  /** For an answer: the namespace that waits for it. */
  readonly awaitedIn: string | null;
  /** What the packet that it answers has taught the hosts. */
  readonly learnt: readonly LearntNeighbour[];
  forks: number;
}

/** Follows one packet. */
class Walk {
  readonly steps: Step[] = [];
  readonly assumptions: string[] = [];
  readonly learnt: LearntNeighbour[] = [];
  mayBeRedirected = false;
  readonly #question: Question;
  readonly #met: Set<string>;
  #hops: number;

  constructor(question: Question, met: ReadonlySet<string> = new Set(), hops = 0) {
    this.#question = question;
    this.#met = new Set(met);
    this.#hops = hops;
  }

  get #packet(): ModelPacket {
    return this.#question.packet;
  }

  run(start: Position): JourneyEnd {
    for (let position = start; ; ) {
      const key = `${position.namespace.name}\n${position.device ?? ''}`;
      if (this.#met.has(key)) {
        const reason = `${position.namespace.name}:${position.device} sees it again: it goes round until its time to live is used up`;
        return { kind: 'looped', reason, answer: null };
      }
      this.#met.add(key);
      const progress = this.#throughHost(position);
      if ('end' in progress) return progress.end;
      position = progress.to;
    }
  }

  #throughHost({ namespace, device }: Position): Progress {
    return device === null ? this.#sent(namespace) : this.#received(namespace, device);
  }

  #add(...steps: readonly Step[]): void {
    for (const step of steps) {
      this.steps.push(step);
      if (step.verdict !== 'unknown') continue;
      const namespace = this.#question.host.namespaces.get(step.netns);
      this.assumptions.push(`${step.netns}, ${step.stage}: ${step.detail}`);
      this.mayBeRedirected ||= namespace !== undefined && mayRedirect(namespace, step.stage, this.#packet.family);
    }
  }

  /** From the program that sends it. */
  #sent(namespace: NamespaceState): Progress {
    const place = { netns: namespace.name, stage: 'route' } as const;
    const departure = depart(namespace, this.#packet, {
      ...routeQuery(this.#packet, null),
      source: this.#question.routedAs,
    });
    const { quotes } = departure;
    if (departure.kind === 'unknown') {
      this.steps.push({ ...place, device: null, verdict: 'unknown', detail: departure.reason, quotes });
      return end('undetermined', departure.reason);
    }
    if (departure.kind === 'failed') {
      const { stage, reason, errno } = departure;
      this.steps.push({ ...place, stage, device: null, verdict: 'failed', detail: reason, quotes });
      return end('unroutable', reason, { errno, netns: namespace.name });
    }
    if (departure.kind === 'local') {
      const detail = `${this.#packet.destination} is an address of this host`;
      this.steps.push({ ...place, device: 'lo', verdict: 'delivered', detail, quotes });
      return { end: this.#deliver(namespace, null) };
    }
    return this.#eachWay(namespace, departure.nextHops, picked, (walk, hop) => {
      const detail = walk.#routeDetail(departure, hop);
      walk.steps.push({ ...place, device: hop.device, verdict: 'passed', detail, quotes });
      walk.#hook(namespace, 'output', hop.device);
      walk.#hook(namespace, 'postrouting', hop.device);
      return walk.#transmit(namespace, hop);
    });
  }

  #routeDetail({ route }: Pick<Extract<Departure, { kind: 'away' }>, 'route'>, { device, gateway }: NextHop): string {
    const target = route.prefixLength === 0 ? 'the default route' : `${route.prefix}/${route.prefixLength}`;
    return gateway === null ? `${target} is on ${device}` : `${target} goes by ${gateway}`;
  }

  #received(namespace: NamespaceState, device: string): Progress {
    this.#hook(namespace, 'prerouting', device);
    const place = { netns: namespace.name, device, stage: 'route' } as const;
    const { destination } = this.#packet;
    const decision = decideInput(namespace, device, routeQuery(this.#packet, device));
    if (decision.kind === 'unknown') {
      this.steps.push({ ...place, verdict: 'unknown', detail: decision.reason, quotes: decision.quotes });
      return end('undetermined', decision.reason);
    }
    if (decision.kind === 'local') {
      const detail = `${destination} is an address of this host`;
      this.steps.push({ ...place, verdict: 'delivered', detail, quotes: decision.quotes });
      return { end: this.#deliver(namespace, device, decision.broadcast) };
    }
    if (decision.kind === 'dropped') {
      this.steps.push({ ...place, verdict: 'dropped', detail: decision.reason, quotes: decision.quotes });
      return end('dropped', decision.reason);
    }
    if (decision.kind === 'refused') {
      const { reason, errno, quotes } = decision;
      this.steps.push({ ...place, verdict: 'failed', detail: reason, quotes });
      return end('unroutable', reason, errno === null ? null : { errno, netns: namespace.name });
    }
    const { found } = decision;
    return this.#eachWay(namespace, found.nextHops, picked, (walk, hop) => {
      const detail = `${walk.#routeDetail(found, hop)}, to be forwarded`;
      walk.steps.push({ ...place, verdict: 'passed', detail, quotes: found.quotes });
      return walk.#forward(namespace, device, decision) ?? walk.#onward(namespace, device, hop);
    });
  }

  #forward(
    namespace: NamespaceState,
    device: string,
    { off, assumed }: Extract<InputDecision, { kind: 'forward' }>,
  ): Progress | null {
    const place = { netns: namespace.name, device, stage: 'forward' } as const;
    if (assumed !== null) this.assumptions.push(`${namespace.name}, forward: the snapshot has no ${assumed}`);
    if (off !== null) {
      const name = off.quotes[0]?.text.split(' ', 1).join('') ?? '';
      const detail = `${namespace.name} does not forward: ${name} is 0`;
      this.steps.push({ ...place, verdict: 'dropped', detail, quotes: off.quotes });
      return end('dropped', detail);
    }
    this.#hops += 1;
    if (this.#hops < (this.#packet.timeToLive ?? defaultTimeToLive)) return null;
    const detail = 'its time to live is used up';
    this.steps.push({ ...place, verdict: 'dropped', detail, quotes: [] });
    return end('dropped', detail, { errno: 'EHOSTUNREACH', netns: namespace.name });
  }

  #onward(namespace: NamespaceState, device: string, hop: NextHop): Progress {
    this.#hook(namespace, 'forward', device);
    this.#hook(namespace, 'postrouting', hop.device);
    return this.#transmit(namespace, hop);
  }

  /** Follows each way that the kernel may pick; it does not matter which where all end alike. */
  #eachWay<Way>(
    namespace: NamespaceState,
    ways: readonly Way[],
    why: string,
    follow: (walk: Walk, way: Way) => Progress,
  ): Progress {
    const [first, ...others] = ways;
    if (first === undefined) return end('undetermined', `the route in ${namespace.name} has no next hop`);
    if (others.length === 0) return follow(this, first);
    this.#question.forks += ways.length;
    if (this.#question.forks > mostForks)
      return end('undetermined', `there are more than ${mostForks} ways that it may take`);
    const branches = ways.map((way) => {
      const walk = new Walk(this.#question, this.#met, this.#hops);
      const progress = follow(walk, way);
      return { walk, end: 'end' in progress ? progress.end : walk.run(progress.to) };
    });
    const [taken, ...rest] = branches;
    if (taken === undefined) return end('undetermined', 'there is no way');
    const what = `one of ${ways.length} ways (${why})`;
    if (rest.every((branch) => endAlike(branch.end, taken.end))) {
      this.steps.push(...taken.walk.steps);
      this.assumptions.push(`${namespace.name}, route: ${what}; all end alike`, ...taken.walk.assumptions);
      this.learnt.push(...branches.flatMap(({ walk }) => walk.learnt));
      this.mayBeRedirected ||= branches.some(({ walk }) => walk.mayBeRedirected);
      return { end: taken.end };
    }
    const reason = `it takes ${what}, and they end differently: ${branches.map((branch) => endText(branch.end)).join('; or ')}`;
    const place = { netns: namespace.name, device: null, stage: 'route' } as const;
    this.steps.push({ ...place, verdict: 'unknown', detail: reason, quotes: [] });
    return end('undetermined', reason);
  }

  #hook(namespace: NamespaceState, stage: HookStage, device: string | null): void {
    this.#add(...this.#hookSteps(namespace, stage, device));
  }

  #hookSteps(namespace: NamespaceState, stage: HookStage, device: string | null): Step[] {
    const { family } = this.#packet;
    // Every packet meets input and forward, and a reader looks for them; elsewhere an empty hook is no stage.
    const shown = stage === 'input' || stage === 'forward' || !namespace.firewallKnown;
    return shown || hasChains(namespace, stage, family) ? [hookStep(namespace, stage, family, device)] : [];
  }

  /** br_netfilter shows iptables what goes from port to port, where it is loaded and switched on. */
  readonly #bridgedHooks = (namespace: NamespaceState, bridge: Link): Step[] => {
    const tables = this.#packet.family === 4 ? 'iptables' : 'ip6tables';
    if (namespace.sysctls.get(`net.bridge.bridge-nf-call-${tables}`)?.value !== '1') return [];
    return (['prerouting', 'forward', 'postrouting'] as const).flatMap((stage) =>
      this.#hookSteps(namespace, stage, bridge.name),
    );
  };

  /** Out of a device, over what is plugged into it, into the next host. */
  #transmit(namespace: NamespaceState, hop: NextHop): Progress {
    const { host, packet, learnt } = this.#question;
    const medium = { host, packet, learnt, hooks: this.#bridgedHooks, forwarded: this.#hops > 0 };
    const { arrivals, learnt: taught } = transmit(medium, namespace, hop);
    this.learnt.push(...taught);
    return this.#eachWay(namespace, arrivals, 'several hosts answer for one address', (walk, { steps, progress }) => {
      walk.#add(...steps);
      return progress;
    });
  }

  #deliver(namespace: NamespaceState, received: string | null, broadcast = false): JourneyEnd {
    if (received === null && !this.#overLoopback(namespace))
      return { kind: 'dropped', reason: 'lo is down', answer: null };
    const device = received ?? 'lo';
    this.#hook(namespace, 'input', device);
    const { awaitedIn } = this.#question;
    if (awaitedIn === null) {
      const { step, end: delivered } = deliver(namespace, this.#packet, device, broadcast);
      this.steps.push(step);
      return delivered;
    }
    const place = { netns: namespace.name, device, stage: 'socket', quotes: [] } as const;
    if (namespace.name === awaitedIn) {
      this.steps.push({ ...place, verdict: 'delivered', detail: 'the socket that asked takes the answer' });
      return { kind: 'returned', netns: namespace.name };
    }
    const detail = `the answer ends in ${namespace.name}, which did not ask`;
    this.steps.push({ ...place, verdict: 'refused', detail });
    return { kind: 'dropped', reason: detail, answer: null };
  }

  #overLoopback(namespace: NamespaceState): boolean {
    this.#hook(namespace, 'output', 'lo');
    const loopback = namespace.links.find(({ kind }) => kind === 'loopback');
    if (loopback === undefined) return true;
    const trouble = unusableReason(loopback);
    const detail = trouble === null ? 'sent by lo' : `lo ${trouble}`;
    const place = { netns: namespace.name, device: 'lo', stage: 'egress', quotes: [loopback.source] } as const;
    this.steps.push({ ...place, verdict: trouble === null ? 'passed' : 'dropped', detail });
    return trouble === null;
  }
}

function endAlike(a: JourneyEnd, b: JourneyEnd): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'accepted' && b.kind === 'accepted') return a.listener === b.listener;
  if ('netns' in a && 'netns' in b) return a.netns === b.netns;
  return 'answer' in a && 'answer' in b && a.answer?.errno === b.answer?.errno && a.answer?.netns === b.answer?.netns;
}

function endText(one: JourneyEnd): string {
  return 'reason' in one ? one.reason : `${one.kind} in ${one.netns}`;
}

function travel(asked: Pick<Question, 'host' | 'packet' | 'awaitedIn' | 'learnt'>, start: NamespaceState): Journey {
  const { source, routedAs } = chooseSource(start, asked.packet);
  const question: Question = { ...asked, packet: { ...asked.packet, source }, routedAs, forks: 0 };
  const walk = new Walk(question);
  const reached = walk.run({ namespace: start, device: null });
  const { steps, assumptions, learnt, mayBeRedirected } = walk;
  return { steps, learnt, end: reached, packet: question.packet, start: start.name, assumptions, mayBeRedirected };
}

function lost(packet: ModelPacket, start: string): Journey {
  const reason = `the namespace ${start} is not in the snapshot`;
  const none = { steps: [], learnt: [], assumptions: [], mayBeRedirected: false };
  return { ...none, ...end('undetermined', reason), packet, start };
}

/** The way that the packet takes from the program that sends it, in the namespace of that name. */
export function journey(host: HostState, packet: ModelPacket, start: string): Journey {
  const namespace = host.namespaces.get(start);
  if (namespace === undefined) return lost(packet, start);
  return travel({ host, packet, awaitedIn: null, learnt: [] }, namespace);
}

/**
 * The way of the answer to a journey: the SYN-ACK or RST of the host that it ended in, or the ICMP error of one that
 * could not send it on. Null when nobody answers, or the sender's own kernel does. Its end is `returned` when it comes
 * back to where the journey began. Addresses are swapped as they stand: translation is not undone.
 */
export function replyJourney(host: HostState, there: Journey): Journey | null {
  const { packet, end: reached, start } = there;
  const delivered = reached.kind === 'accepted' || reached.kind === 'refused';
  const from = delivered ? reached.netns : 'answer' in reached ? (reached.answer?.netns ?? null) : null;
  const namespace = from === null ? undefined : host.namespaces.get(from);
  if (namespace === undefined || (!delivered && from === start)) return null;
  const icmp = !delivered || (reached.kind === 'refused' && packet.protocol === 'udp');
  const { protocol, family, destination, destinationPort, sourcePort } = packet;
  const answer: ModelPacket = {
    protocol: icmp ? 'icmp' : protocol,
    family,
    source: delivered ? destination : family === 4 ? '0.0.0.0' : '::',
    destination: packet.source,
    destinationPort: sourcePort ?? 0,
    ...(icmp ? {} : { sourcePort: destinationPort }),
  };
  return travel({ host, packet: answer, awaitedIn: start, learnt: there.learnt }, namespace);
}
