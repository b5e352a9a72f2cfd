/**
 * One packet's way through the hosts, stage by stage; `journey.ts` is the door. Where the kernel may do one of several
 * things, and no snapshot shows which, all are followed: ways that end alike are one.
 */

import type { HostState, NamespaceState, NextHop } from '../host/state.ts';
import { isLoopback, sameAddress } from './address.ts';
import { deliver } from './deliver.ts';
import { unusableReason } from './frame.ts';
import { type HookStage, type HookVisit, type HookWay, passHook } from './hook.ts';
import { decideInput, type InputDecision } from './input.ts';
import { tracks } from './netfilter/hook.ts';
import { type Departure, depart, routeQuery } from './output.ts';
import type { AskFirewall } from './segment.ts';
import type { JourneyEnd, LearntNeighbour, ModelPacket, Step, TrackedConnection } from './step.ts';
import { end, type Position, type Progress, transmit } from './transmit.ts';
import { entryOf, isIcmpError, type Traveller, trackedIn } from './traveller.ts';

/** Ways that are followed where the kernel picks one of several; more are said to be unknown. */
const mostForks = 16;

/** Why there are several ways, where a route has several next hops. */
const picked = 'the kernel picks one by a hash of the packet';

/** Linux's own, RFC 1700's recommendation (`IPDEFTTL`). */
const defaultTimeToLive = 64;

/** What all branches of one journey share. */
export interface Question {
  readonly host: HostState;
  /** The packet as it is sent. */
  readonly packet: ModelPacket;
  /** The source that the sender looks its route up with. */
  readonly routedAs: string;
  /** For an answer: the namespace that waits for it, and the request that it sent. */
  readonly awaited: { readonly netns: string; readonly request: ModelPacket } | null;
  /** What the packet that it answers has taught the hosts. */
  readonly learnt: readonly LearntNeighbour[];
  readonly tracked: readonly TrackedConnection[];
  /** Hooks whose rules are not believed, as `NETNS STAGE`: the packet is known to have come through. */
  readonly doubted: ReadonlySet<string>;
  forks: number;
}

type Devices = Partial<HookVisit['devices']>;

const noDevices: HookVisit['devices'] = { input: '', output: '', inputPort: '', outputPort: '' };

/** Follows one packet. */
export class Walk {
  readonly steps: Step[] = [];
  readonly assumptions: string[] = [];
  readonly learnt: LearntNeighbour[] = [];
  readonly tracked: TrackedConnection[] = [];
  readonly alternatives: JourneyEnd[] = [];
  /** The packet as it was sent, and after each translation. */
  readonly forms: ModelPacket[];
  mayBeRedirected = false;
  readonly #question: Question;
  readonly #met: Set<string>;
  #hops: number;
  #traveller: Traveller;
  /** The port behind which br_netfilter gave it another destination: then the bridge itself sends it on. */
  #translatedBehind: string | null = null;

  constructor(question: Question, before: Walk | null = null) {
    this.#question = question;
    this.#met = new Set(before?.met);
    this.#hops = before?.hops ?? 0;
    this.#traveller = before?.traveller ?? { packet: question.packet, connection: null };
    this.#translatedBehind = before?.translatedBehind ?? null;
    this.tracked.push(...(before?.tracked ?? []));
    this.forms = before === null ? [question.packet] : [...before.forms];
  }

  /** The packet as it is now. */
  get packet(): ModelPacket {
    return this.#traveller.packet;
  }

  get met(): ReadonlySet<string> {
    return this.#met;
  }

  get hops(): number {
    return this.#hops;
  }

  get traveller(): Traveller {
    return this.#traveller;
  }

  get translatedBehind(): string | null {
    return this.#translatedBehind;
  }

  /** Goes on until it ends. */
  run(start: Position): JourneyEnd {
    for (let position = start; ; ) {
      const { source, destination } = this.packet;
      const key = `${position.namespace.name}\n${position.device ?? ''}\n${source}\n${destination}`;
      if (this.#met.has(key)) {
        const reason = `${position.namespace.name}:${position.device} sees it again: it goes round until its time to live is used up`;
        return { kind: 'looped', reason, answer: null };
      }
      this.#met.add(key);
      const { namespace, device } = position;
      const progress = device === null ? this.#sent(namespace) : this.#received(position, device);
      if ('end' in progress) return progress.end;
      this.#enter(namespace, progress.to.namespace);
      position = progress.to;
    }
  }

  /** A connection belongs to a namespace, and so does a mark. */
  #enter(from: NamespaceState, to: NamespaceState): void {
    const { mark, ...packet } = this.packet;
    this.#traveller = { packet: from === to && mark !== undefined ? { ...packet, mark } : packet, connection: null };
    this.#translatedBehind = null;
  }

  #add(...steps: readonly Step[]): void {
    for (const step of steps) {
      this.steps.push(step);
      if (step.verdict === 'unknown') this.assumptions.push(`${step.netns}, ${step.stage}: ${step.detail}`);
    }
  }

  /** From the program that sends it. */
  #sent(namespace: NamespaceState): Progress {
    const departure = depart(namespace, this.packet, {
      ...routeQuery(this.packet, null),
      source: this.#question.routedAs,
    });
    return this.#leave(namespace, departure, (walk, device, next) => {
      const before = walk.packet;
      return walk.#hook({ namespace, stage: 'output', devices: { output: device }, device }, (after) => {
        if (!after.#isRerouted(before)) return next(after);
        const anew = depart(namespace, after.packet, routeQuery(after.packet, null));
        if (anew.kind === 'failed') return after.#strand(namespace, device, anew);
        return after.#leave(namespace, anew, (last, _device, onward) => onward(last));
      });
    });
  }

  /** `ip_route_me_harder`: what the output hook has given another destination or mark is routed again. */
  #isRerouted(before: ModelPacket): boolean {
    const { source, destination, mark = 0 } = this.packet;
    return source !== before.source || destination !== before.destination || mark !== (before.mark ?? 0);
  }

  /** What the output hook sent elsewhere and has no way there is dropped in the hook: TCP waits in vain. */
  #strand(
    namespace: NamespaceState,
    device: string,
    { reason, errno, quotes }: Extract<Departure, { kind: 'failed' }>,
  ) {
    const detail = `routed anew after the translation, it has no way: ${reason}`;
    const fault = isLoopback(this.packet.source) ? { fault: 'localnet-not-routable' as const } : {};
    this.steps.push({ netns: namespace.name, device, stage: 'output', verdict: 'dropped', detail, quotes, ...fault });
    return end('dropped', detail, this.packet.protocol === 'tcp' ? null : { errno, netns: namespace.name });
  }

  /** By the way that routing has found; `filter` is what comes between the look-up and the way out. */
  #leave(
    namespace: NamespaceState,
    departure: Departure,
    filter: (walk: Walk, device: string, next: (walk: Walk) => Progress) => Progress,
  ): Progress {
    const place = { netns: namespace.name, stage: 'route' } as const;
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
      const detail = `${this.packet.destination} is an address of this host`;
      this.steps.push({ ...place, device: 'lo', verdict: 'delivered', detail, quotes });
      return filter(this, 'lo', (walk) => walk.#overLoopback(namespace));
    }
    return this.#eachWay(namespace, departure.nextHops, picked, (walk, hop) => {
      const detail = walk.#routeDetail(departure, hop);
      walk.steps.push({ ...place, device: hop.device, verdict: 'passed', detail, quotes });
      return filter(walk, hop.device, (after) => after.#out(namespace, '', hop));
    });
  }

  #routeDetail({ route }: Pick<Extract<Departure, { kind: 'away' }>, 'route'>, { device, gateway }: NextHop): string {
    const target = route.prefixLength === 0 ? 'the default route' : `${route.prefix}/${route.prefixLength}`;
    return gateway === null ? `${target} is on ${device}` : `${target} goes by ${gateway}`;
  }

  #received({ namespace, port: behind }: Position, device: string): Progress {
    const port = showsBridged(namespace, this.packet.family) ? behind : null;
    const devices = { input: device, inputPort: port ?? '' };
    const { destination } = this.packet;
    return this.#hook({ namespace, stage: 'prerouting', devices, device }, (walk) => {
      walk.#translatedBehind = walk.packet.destination === destination ? null : port;
      return walk.#routed(namespace, device, port);
    });
  }

  #routed(namespace: NamespaceState, device: string, port: string | null): Progress {
    const place = { netns: namespace.name, device, stage: 'route' } as const;
    const decision = decideInput(namespace, device, routeQuery(this.packet, device));
    if (decision.kind === 'unknown') {
      this.steps.push({ ...place, verdict: 'unknown', detail: decision.reason, quotes: decision.quotes });
      return end('undetermined', decision.reason);
    }
    if (decision.kind === 'local') {
      const detail = `${this.packet.destination} is an address of this host`;
      this.steps.push({ ...place, verdict: 'delivered', detail, quotes: decision.quotes });
      return this.#deliver(namespace, device, port, decision.broadcast);
    }
    if (decision.kind === 'dropped') {
      const { reason, quotes, fault } = decision;
      const told = fault === undefined ? {} : { fault };
      this.steps.push({ ...place, verdict: 'dropped', detail: reason, quotes, ...told });
      return end('dropped', reason);
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
      const stopped = walk.#forward(namespace, device, decision);
      if (stopped !== null) return stopped;
      const devices = { input: device, inputPort: port ?? '', output: hop.device };
      return walk.#hook({ namespace, stage: 'forward', devices, device }, (after) =>
        after.#out(namespace, device, hop),
      );
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
    if (this.#hops < (this.packet.timeToLive ?? defaultTimeToLive)) return null;
    const detail = 'its time to live is used up';
    this.steps.push({ ...place, verdict: 'dropped', detail, quotes: [], fault: 'ttl-exceeded' });
    return end('dropped', detail, { errno: 'EHOSTUNREACH', netns: namespace.name });
  }

  /** Past the last hook and out of a device. */
  #out(namespace: NamespaceState, input: string, hop: NextHop): Progress {
    const devices = { input, output: hop.device };
    return this.#hook({ namespace, stage: 'postrouting', devices, device: hop.device }, (walk) =>
      walk.#transmit(namespace, hop),
    );
  }

  /** Follows each way that the kernel may take; it does not matter which where all end alike. */
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
      const walk = new Walk(this.#question, this);
      const progress = follow(walk, way);
      if ('end' in progress) return { walk, end: progress.end };
      walk.#enter(namespace, progress.to.namespace);
      return { walk, end: walk.run(progress.to) };
    });
    const [taken, ...rest] = branches;
    if (taken === undefined) return end('undetermined', 'there is no way');
    this.alternatives.push(...branches.flatMap(({ walk }) => walk.alternatives));
    this.mayBeRedirected ||= branches.some(({ walk }) => walk.mayBeRedirected);
    const what = `one of ${ways.length} ways (${why})`;
    if (rest.every((branch) => endAlike(branch.end, taken.end))) {
      this.steps.push(...taken.walk.steps);
      this.assumptions.push(`${namespace.name}, route: ${what}; all end alike`, ...taken.walk.assumptions);
      this.learnt.push(...branches.flatMap(({ walk }) => walk.learnt));
      this.tracked.splice(0, this.tracked.length, ...taken.walk.tracked);
      this.forms.splice(0, this.forms.length, ...taken.walk.forms);
      this.#traveller = taken.walk.traveller;
      return { end: taken.end };
    }
    this.alternatives.push(...branches.map((branch) => branch.end));
    const reason = `it takes ${what}, and they end differently: ${branches.map((branch) => endText(branch.end)).join('; or ')}`;
    const place = { netns: namespace.name, device: null, stage: 'route' } as const;
    this.steps.push({ ...place, verdict: 'unknown', detail: reason, quotes: [] });
    return end('undetermined', reason);
  }

  #visit({
    namespace,
    stage,
    devices,
    device,
  }: { devices: Devices } & Pick<HookVisit, 'namespace' | 'stage' | 'device'>) {
    const role = this.#question.awaited === null ? 'request' : 'answer';
    const tracked = [...this.#question.tracked, ...this.tracked];
    const { seen } = trackedIn(namespace, this.#traveller, tracked, role);
    const doubted = this.#question.doubted.has(`${namespace.name} ${stage}`);
    return passHook({
      doubted,
      namespace,
      stage,
      devices: { ...noDevices, ...devices },
      device,
      packet: this.packet,
      seen,
    });
  }

  /** Through the rules of a hook, and on by whichever way they leave. */
  #hook(
    at: { devices: Devices } & Pick<HookVisit, 'namespace' | 'stage' | 'device'>,
    next: (walk: Walk) => Progress,
  ): Progress {
    const { namespace, stage } = at;
    const { ways, ends, mayRedirect } = this.#visit(at);
    this.mayBeRedirected ||= mayRedirect;
    if (ways.length === 0) return this.#stopped(namespace, stage, ends);
    this.alternatives.push(...ends.map((one) => one.end));
    return this.#eachWay(namespace, ways, 'the rules leave it open which', (walk, way) => {
      walk.#take(namespace, stage, way);
      return next(walk);
    });
  }

  #take(namespace: NamespaceState, stage: HookStage, { traveller, seen, step }: HookWay): void {
    if (step !== null) this.#add(step);
    if (isTranslated(this.packet, traveller.packet)) this.forms.push(traveller.packet);
    this.#traveller = traveller;
    // The last hook of a namespace confirms the connection (`nf_conntrack_confirm`).
    const confirms = stage === 'postrouting' || stage === 'input';
    const entry = confirms && tracks(namespace.ruleTables, traveller.packet.family) ? entryOf(seen) : null;
    if (entry !== null) this.tracked.unshift({ netns: namespace.name, entry });
  }

  #stopped(namespace: NamespaceState, stage: HookStage, ends: ReturnType<typeof passHook>['ends']): Progress {
    const [first, ...others] = ends;
    if (first === undefined) return end('undetermined', `what the rules of ${namespace.name} do is not known`);
    if (others.every((other) => endAlike(other.end, first.end))) {
      this.steps.push(first.step);
      return { end: first.end };
    }
    this.alternatives.push(...ends.map((one) => one.end));
    const reason = `the rules stop it, and it is not known which: ${ends.map(({ step }) => step.detail).join('; or ')}`;
    const place = { netns: namespace.name, device: first.step.device, stage } as const;
    this.steps.push({ ...place, verdict: 'unknown', detail: reason, quotes: ends.flatMap(({ step }) => step.quotes) });
    return end('undetermined', reason);
  }

  /** br_netfilter shows the IP rules what goes from port to port, where it is loaded and switched on. */
  readonly #bridged: AskFirewall = (namespace, { bridge, from, to }, sent = this.packet) => {
    const steps: Step[] = [];
    if (!showsBridged(namespace, sent.family)) return { steps, end: null };
    const ports = { inputPort: from.name, outputPort: to.name };
    const walk = new Walk(this.#question, this);
    const { mark: _mark, ...packet } = sent;
    walk.#traveller = { packet, connection: null };
    for (const [stage, devices] of [
      ['prerouting', { input: bridge.name, inputPort: from.name }],
      ['forward', { input: bridge.name, output: bridge.name, ...ports }],
      ['postrouting', { output: bridge.name, ...ports }],
    ] as const) {
      const { ways, ends } = walk.#visit({ namespace, stage, devices, device: bridge.name });
      const [way, ...others] = ways;
      if (way === undefined) {
        const [first] = ends;
        return first === undefined ? { steps, end: null } : { steps: [...steps, first.step], end: first.end };
      }
      this.alternatives.push(...ends.map((one) => one.end));
      walk.#take(namespace, stage, way);
      if (way.step !== null && stage !== 'prerouting') steps.push(way.step);
      // Another source changes nothing about where the bridge sends it: so answers of what DNAT sent here go back.
      if (others.length > 0 || walk.packet.destination !== sent.destination) {
        const reason = `the rules of ${namespace.name} give what crosses ${bridge.name} another destination, and the model does not follow that`;
        const place = { netns: namespace.name, device: bridge.name, stage, quotes: [] } as const;
        const step: Step = { ...place, verdict: 'unknown', detail: reason };
        return { steps: [...steps, step], end: { kind: 'undetermined', reason, answer: null } };
      }
    }
    this.tracked.splice(0, this.tracked.length, ...walk.tracked);
    const { mark: _afterwards, ...after } = walk.packet;
    return isTranslated(packet, after) ? { steps, end: null, packet: after } : { steps, end: null };
  };

  /** Out of a device, over what is plugged into it, into the next host. */
  #transmit(namespace: NamespaceState, hop: NextHop): Progress {
    const { host, learnt } = this.#question;
    const medium = { host, packet: this.packet, learnt, firewall: this.#bridged, forwarded: this.#hops > 0 };
    const { arrivals, learnt: taught } = transmit(medium, namespace, hop);
    this.learnt.push(...taught);
    return this.#eachWay(namespace, arrivals, 'several hosts answer for one address', (walk, arrival) => {
      const kept = walk.#keptBack(namespace, arrival.steps);
      walk.#add(...(kept ?? arrival.steps));
      if (kept !== null) return end('dropped', kept.at(-1)?.detail ?? '');
      if (arrival.packet !== undefined) {
        walk.forms.push(arrival.packet);
        walk.#traveller = { packet: arrival.packet, connection: null };
      }
      return arrival.progress;
    });
  }

  /**
   * `br_nf_pre_routing_finish`: what br_netfilter translated to a neighbour on the same bridge, the bridge forwards, so
   * it may not leave by the port that it came in by. The steps up to there, or null.
   */
  #keptBack(namespace: NamespaceState, steps: readonly Step[]): Step[] | null {
    const port = namespace.bridgePorts.find(({ device }) => device === this.#translatedBehind);
    if (port === undefined || port.hairpin) return null;
    const { device, source } = port;
    const at = steps.findIndex(
      (one) => one.netns === namespace.name && one.device === device && one.stage === 'egress',
    );
    if (at < 0) return null;
    const detail = `the frame would have to leave by ${device}, where it came in, and hairpin is off there`;
    const place = { netns: namespace.name, device, stage: 'bridge', quotes: [source] } as const;
    return [...steps.slice(0, at), { ...place, verdict: 'dropped', detail, fault: 'bridge-hairpin-off' }];
  }

  #deliver(namespace: NamespaceState, device: string, port: string | null, broadcast = false): Progress {
    const devices = { input: device, inputPort: port ?? '' };
    return this.#hook({ namespace, stage: 'input', devices, device }, (walk) => ({
      end: walk.#toSocket(namespace, device, broadcast),
    }));
  }

  #toSocket(namespace: NamespaceState, device: string, broadcast: boolean): JourneyEnd {
    const { awaited } = this.#question;
    if (awaited === null) {
      const { step, end: delivered } = deliver(namespace, this.packet, device, broadcast);
      this.steps.push(step);
      return delivered;
    }
    const place = { netns: namespace.name, device, stage: 'socket', quotes: [] } as const;
    const stranger = namespace.name === awaited.netns ? unexpected(this.packet, awaited.request) : null;
    if (namespace.name === awaited.netns && stranger === null) {
      this.steps.push({ ...place, verdict: 'delivered', detail: 'the socket that asked takes the answer' });
      return { kind: 'returned', netns: namespace.name };
    }
    const detail = stranger ?? `the answer ends in ${namespace.name}, which did not ask`;
    this.steps.push({ ...place, verdict: 'refused', detail });
    return { kind: 'dropped', reason: detail, answer: null };
  }

  #overLoopback(namespace: NamespaceState): Progress {
    return this.#hook({ namespace, stage: 'postrouting', devices: { output: 'lo' }, device: 'lo' }, (walk) => {
      const loopback = namespace.links.find(({ kind }) => kind === 'loopback');
      const trouble = loopback === undefined ? null : unusableReason(loopback);
      if (loopback !== undefined) {
        const detail = trouble === null ? 'sent by lo' : `lo ${trouble}`;
        const place = { netns: namespace.name, device: 'lo', stage: 'egress', quotes: [loopback.source] } as const;
        walk.steps.push({ ...place, verdict: trouble === null ? 'passed' : 'dropped', detail });
      }
      if (trouble !== null) return end('dropped', 'lo is down');
      // Its route is known already: it is not looked up again.
      return walk.#hook({ namespace, stage: 'prerouting', devices: { input: 'lo' }, device: 'lo' }, (after) =>
        after.#deliver(namespace, 'lo', null),
      );
    });
  }
}

function isTranslated(before: ModelPacket, after: ModelPacket): boolean {
  return (['source', 'destination', 'sourcePort', 'destinationPort'] as const).some(
    (end) => before[end] !== after[end],
  );
}

/** True when br_netfilter shows bridged packets to the IP rules of the namespace. */
function showsBridged(namespace: NamespaceState, family: 4 | 6): boolean {
  const tables = family === 4 ? 'iptables' : 'ip6tables';
  return namespace.sysctls.get(`net.bridge.bridge-nf-call-${tables}`)?.value === '1';
}

/** Why the socket that asked takes an answer for a stranger's; null when it does not. An ICMP error quotes its request. */
function unexpected(answer: ModelPacket, request: ModelPacket): string | null {
  if (isIcmpError(answer)) return null;
  const samePort = answer.protocol === 'icmp' || answer.sourcePort === request.destinationPort;
  if (sameAddress(answer.source, request.destination) && samePort) return null;
  const port = answer.sourcePort === undefined ? '' : ` port ${answer.sourcePort}`;
  const asked = answer.protocol === 'icmp' ? '' : ` port ${request.destinationPort}`;
  return `the answer comes from ${answer.source}${port}, and ${request.destination}${asked} was asked`;
}

function endAlike(a: JourneyEnd, b: JourneyEnd): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'accepted' && b.kind === 'accepted') return a.listener === b.listener && a.netns === b.netns;
  if ('netns' in a && 'netns' in b) return a.netns === b.netns;
  return 'answer' in a && 'answer' in b && a.answer?.errno === b.answer?.errno && a.answer?.netns === b.answer?.netns;
}

function endText(one: JourneyEnd): string {
  return 'reason' in one ? one.reason : `${one.kind} in ${one.netns}`;
}
