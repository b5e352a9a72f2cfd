/**
 * One packet's way through the hosts: where it is, what it is by now, and what has been said of it. The stages are in the
 * files beside this one; `journey.ts` is the door. Where the kernel may do one of several things, and no snapshot shows
 * which, all are followed: ways that end alike are one.
 */

import type { ConnectionEntry } from '../../host/netfilter.ts';
import type { HostState, Link, NamespaceState } from '../../host/state.ts';
import { formatEndpoint } from '../../inet/address.ts';
import { type HookPassage, type HookStage, type HookVisit, type HookWay, noDevices, passHook } from '../hook.ts';
import { tracks } from '../netfilter/hook.ts';
import type { Connection } from '../netfilter/packet.ts';
import { end, type Position, type Progress } from '../progress.ts';
import type { EndState, JourneyEnd, Learnt, ModelPacket, Step, TrackedConnection } from '../step.ts';
import {
  entryOf,
  hasSameAnswer,
  type Traveller,
  trackedIn,
  withoutReplyPort,
  withoutSourcePort,
} from '../traveller.ts';
import { strandedAnew } from './reroute.ts';

/** Ways that are followed where the kernel picks one of several; more are said to be unknown. */
const mostForks = 32;

/** What all branches of one journey share. */
export interface Question {
  readonly host: HostState;
  /** The packet as it is given to the sender's kernel. */
  readonly packet: ModelPacket;
  /** It is sent by this device, to this link-layer address, whatever routes and rules say; null: as they say. */
  readonly straight: { readonly device: string; readonly mac: string } | null;
  /** For an answer: the namespace that waits for it, and the request that it sent. */
  readonly awaited: { readonly netns: string; readonly request: ModelPacket } | null;
  /** What the packet that it answers has taught the hosts. */
  readonly learnt: readonly Learnt[];
  readonly tracked: readonly TrackedConnection[];
  /** The connection that the packet has from the start, for an answer that the kernel makes out of another packet. */
  readonly attached: Connection | null;
  /** Hooks whose rules are not believed, as `NETNS STAGE`: the packet is known to have come through. */
  readonly doubted: ReadonlySet<string>;
  /** Tunnels' devices whose frame the packet carries, one in the other. */
  readonly tunnels: ReadonlySet<Link>;
  /** How many packets of tunnels may still be followed; one count for them all. */
  readonly carries: { left: number };
  /** Takes a walk from where the packet is into the next host, or to its end. */
  readonly stage: (walk: Walk, position: Position) => Progress;
  forks: number;
}

/** A hook that the packet comes to. */
export interface Visited extends Pick<HookVisit, 'namespace' | 'device'> {
  readonly stage: HookStage;
  readonly devices: Partial<HookVisit['devices']>;
  readonly broadcast?: boolean;
}

/** Follows one packet. */
export class Walk {
  readonly steps: Step[] = [];
  readonly assumptions: string[] = [];
  readonly learnt: Learnt[] = [];
  readonly tracked: TrackedConnection[] = [];
  readonly alternatives: EndState[] = [];
  /** The packet as it was sent, and after each translation. */
  readonly forms: ModelPacket[];
  #sent: ModelPacket;
  mayBeRedirected = false;
  readonly question: Question;
  readonly #met: Set<string>;
  /** Hosts that have forwarded it. */
  hops: number;
  /** The link-layer address that the last frame was sent from. */
  sender: string | null;
  /** The port behind which br_netfilter gave it another destination: then the bridge itself sends it on. */
  translatedBehind: string | null = null;
  #traveller: Traveller;

  constructor(question: Question, before: Walk | null = null) {
    this.question = question;
    this.#met = new Set(before?.met);
    this.hops = before?.hops ?? 0;
    this.sender = before?.sender ?? null;
    this.#traveller = before?.traveller ?? { packet: question.packet, connection: question.attached };
    this.translatedBehind = before?.translatedBehind ?? null;
    this.tracked.push(...(before?.tracked ?? []));
    this.forms = before === null ? [question.packet] : [...before.forms];
    this.#sent = before?.sent ?? question.packet;
  }

  /** The packet as it was sent. */
  get sent(): ModelPacket {
    return this.#sent;
  }

  /** The packet as it is now. */
  get packet(): ModelPacket {
    return this.#traveller.packet;
  }

  get met(): ReadonlySet<string> {
    return this.#met;
  }

  get traveller(): Traveller {
    return this.#traveller;
  }

  /** The packet's end, as it is by now or (`left`) as a hook has left it. */
  endState(reached: JourneyEnd, left: Traveller | null = null): EndState {
    const { packet: arrived, connection } = left ?? this.#traveller;
    // The walk may go on, and its lists with it.
    const [learnt, tracked] = [[...this.learnt], [...this.tracked]];
    return { end: reached, packet: this.#sent, arrived, learnt, tracked, connection, sender: this.sender };
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
      const progress = this.question.stage(this, position);
      if ('end' in progress) return progress.end;
      this.#enter(position.namespace, progress.to);
      position = progress.to;
    }
  }

  /** A connection belongs to a namespace, and so does a mark, except that of a tunnel's packet. */
  #enter(from: NamespaceState, to: Position): void {
    const { mark: before, ...packet } = this.packet;
    const mark = to.mark === undefined && from === to.namespace ? before : to.mark;
    this.#traveller = { packet: mark === undefined ? packet : { ...packet, mark }, connection: null };
    this.translatedBehind = null;
  }

  /** Sets out with the ends that the sender has chosen. */
  setOut({ source, destination }: Pick<ModelPacket, 'source' | 'destination'>): void {
    this.#sent = { ...this.#sent, source, destination };
    this.#traveller = { ...this.#traveller, packet: this.#sent };
    this.forms.splice(0, this.forms.length, this.#sent);
  }

  /** Another walk from here, across a bridge: there the packet has no connection, and no mark but this one. */
  bridged(sent: ModelPacket, mark: number | null): Walk {
    const walk = new Walk(this.question, this);
    walk.#traveller = { packet: { ...sent, mark }, connection: null };
    return walk;
  }

  /** Goes on, or ends, as what a bridge's rules have made of it. */
  become(traveller: Traveller): void {
    if (isTranslated(this.packet, traveller.packet)) this.forms.push(traveller.packet);
    this.#traveller = traveller;
  }

  /** Ends with a last step. */
  stop(step: Step, reached: JourneyEnd): Progress {
    this.steps.push(step);
    return { end: reached };
  }

  /** Notes steps; what is unknown of one is an assumption. */
  add(...steps: readonly Step[]): void {
    for (const step of steps) {
      this.steps.push(step);
      if (step.verdict === 'unknown') this.assumptions.push(assumptionOf(step));
      if (step.asksProgram === true) this.mayBeRedirected = true;
    }
  }

  /** Follows each way that the kernel may take; it does not matter which where all end alike. */
  eachWay<Way>(
    namespace: NamespaceState,
    ways: readonly Way[],
    why: string,
    follow: (walk: Walk, way: Way) => Progress,
  ): Progress {
    const [first, ...others] = ways;
    if (first === undefined) return end('undetermined', `the route in ${namespace.name} has no next hop`);
    if (others.length === 0) return follow(this, first);
    this.question.forks += ways.length;
    if (this.question.forks > mostForks)
      return end('undetermined', `there are more than ${mostForks} ways that it may take`);
    const branches = ways.map((way) => {
      const walk = new Walk(this.question, this);
      const progress = follow(walk, way);
      if ('end' in progress) return { walk, end: progress.end };
      walk.#enter(namespace, progress.to);
      return { walk, end: walk.run(progress.to) };
    });
    const [taken, ...rest] = branches;
    if (taken === undefined) return end('undetermined', 'there is no way');
    this.alternatives.push(...branches.flatMap(({ walk }) => walk.alternatives));
    this.mayBeRedirected ||= branches.some(({ walk }) => walk.mayBeRedirected);
    const what = `one of ${ways.length} ways (${why})`;
    const states = (of: readonly (typeof taken)[]): EndState[] =>
      of.filter((branch) => !isFork(branch.end)).map((branch) => branch.walk.endState(branch.end));
    if (rest.every((branch) => endAlike(branch.end, taken.end))) {
      this.steps.push(...taken.walk.steps);
      this.assumptions.push(`${namespace.name}, route: ${what}; all end alike`, ...taken.walk.assumptions);
      this.learnt.push(...branches.flatMap(({ walk }) => walk.learnt));
      this.tracked.splice(0, this.tracked.length, ...taken.walk.tracked);
      this.forms.splice(0, this.forms.length, ...taken.walk.forms);
      this.alternatives.push(...states(rest.filter(({ walk }) => isTranslated(walk.packet, taken.walk.packet))));
      this.#sent = taken.walk.sent;
      this.#traveller = taken.walk.traveller;
      this.sender = taken.walk.sender;
      return { end: taken.end };
    }
    this.alternatives.push(...states(branches));
    const reason = `it takes ${what}, and they end differently: ${branches.map((branch) => endText(branch.end)).join('; or ')}`;
    const place = { netns: namespace.name, device: null, stage: 'route' } as const;
    this.steps.push({ ...place, verdict: 'unknown', detail: reason, quotes: [] });
    return fork(reason);
  }

  /** What packets of the journey have begun, those of the other direction first. */
  get #allTracked(): readonly TrackedConnection[] {
    return [...this.question.tracked, ...this.tracked];
  }

  /** Asks the rules of a hook. */
  visit({ namespace, stage, devices, device, broadcast = false }: Visited): HookPassage {
    const role = this.question.awaited === null ? 'request' : 'answer';
    const { seen } = trackedIn(namespace, this.#traveller, this.#allTracked, role);
    const isRequest = seen.connection.direction === 'original';
    const masqueradedOn = stage === 'postrouting' && isRequest ? this.#masqueradedOn(namespace, seen.connection) : null;
    if (masqueradedOn !== null && masqueradedOn !== devices.output) {
      return this.#leftByOther(namespace, device, masqueradedOn);
    }
    const doubted = this.question.doubted.has(`${namespace.name} ${stage}`);
    return passHook({
      doubted,
      namespace,
      stage,
      hook: stage,
      layer: 'ip',
      devices: { ...noDevices, ...devices },
      device,
      broadcast,
      packet: this.packet,
      seen,
    });
  }

  /** Through the rules of a hook, and on by whichever way they leave. */
  hook(at: Visited, next: (walk: Walk, rerouted: readonly ModelPacket[]) => Progress): Progress {
    const { namespace, stage } = at;
    const { ways, ends: stops, mayRedirect } = this.visit(at);
    // Routed again between two chains: without a way it does not come to the second.
    const ends = stops.map((one) => ({ ...one, ...strandedAnew(namespace, one.rerouted, one.step.device) }));
    this.mayBeRedirected ||= mayRedirect;
    if (ways.length === 0) return this.#stopped(namespace, stage, ends);
    this.alternatives.push(...ends.map((one) => this.endState(one.end, one.traveller)));
    return this.eachWay(namespace, this.#asSeen(ways), 'the rules leave it open which', (walk, way) => {
      walk.take(namespace, stage, way);
      return next(walk, way.rerouted);
    });
  }

  /** Of ways to several destinations, those to where the packet was seen; all where that tells nothing of them. */
  #asSeen(ways: readonly HookWay[]): readonly HookWay[] {
    const seen = this.packet.redirectedTo;
    const ends = ways.map(({ traveller: { packet } }) => formatEndpoint(packet.destination, packet.destinationPort));
    const choices = new Set(ends).size;
    if (choices === 1) return ways;
    const end = seen === undefined ? null : formatEndpoint(seen.address, seen.port);
    const taken = ways.filter((_way, index) => ends[index] === end);
    return taken.length === 0
      ? ways.map((way) => ({ ...way, step: way.step && asOpen(way.step, choices) }))
      : taken.map((way) => ({ ...way, step: way.step && asChosen(way.step, choices) }));
  }

  /** Goes on as the packet has left a hook. */
  take(namespace: NamespaceState, stage: HookStage, { traveller, seen, masquerades, step }: HookWay): void {
    if (step !== null) this.add(step);
    // The last hook of a namespace confirms the connection (`nf_conntrack_confirm`).
    const confirms = stage === 'postrouting' || stage === 'input';
    const entry = confirms && tracks(namespace.ruleTables, traveller.packet.family) ? entryOf(seen) : null;
    const isRequest = seen.connection.direction === 'original';
    const takesPort = entry !== null && isRequest && this.#takesPortAnew(namespace, entry);
    const after = takesPort ? withoutSourcePort(traveller) : traveller;
    if (isTranslated(this.packet, after.packet)) this.forms.push(after.packet);
    this.#traveller = after;
    if (entry !== null)
      this.tracked.unshift({
        netns: namespace.name,
        entry: takesPort ? withoutReplyPort(entry) : entry,
        masqueradedOn: masquerades ? (step?.device ?? null) : this.#masqueradedOn(namespace, seen.connection),
      });
  }

  /** The device whose address its connection in the namespace has by MASQUERADE; null without. */
  #masqueradedOn({ name }: NamespaceState, { entry }: Connection): string | null {
    return this.#allTracked.find((one) => one.netns === name && one.entry === entry)?.masqueradedOn ?? null;
  }

  /** `nf_nat_oif_changed`: what was masqueraded by one device does not leave by another one. */
  #leftByOther({ name }: NamespaceState, device: string | null, masqueradedOn: string): HookPassage {
    const detail = `its connection has the address of ${masqueradedOn} by MASQUERADE, and the kernel drops what leaves by another device`;
    const step: Step = { netns: name, device, stage: 'postrouting', verdict: 'dropped', detail, quotes: [] };
    const reached: JourneyEnd = { kind: 'dropped', reason: detail, answer: null };
    return { ways: [], ends: [{ traveller: this.#traveller, rerouted: [], step, end: reached }], mayRedirect: false };
  }

  /** It comes through the namespace again, as another connection with the same answer: NAT gives it a port of its own. */
  #takesPortAnew({ name, ruleTables }: NamespaceState, entry: ConnectionEntry): boolean {
    const translates = ruleTables.some(({ chains }) => [...chains.values()].some(({ base }) => base?.type === 'nat'));
    return translates && this.#allTracked.some((one) => one.netns === name && hasSameAnswer(one.entry, entry));
  }

  #stopped(namespace: NamespaceState, stage: HookStage, ends: ReturnType<typeof passHook>['ends']): Progress {
    const [first, ...others] = ends;
    if (first === undefined) return end('undetermined', `what the rules of ${namespace.name} do is not known`);
    if (others.every((other) => endAlike(other.end, first.end))) {
      this.#traveller = first.traveller ?? this.#traveller;
      this.steps.push(first.step);
      return { end: first.end };
    }
    this.alternatives.push(...ends.map((one) => this.endState(one.end, one.traveller)));
    const reason = `the rules stop it, and it is not known which: ${ends.map(({ step }) => step.detail).join('; or ')}`;
    const place = { netns: namespace.name, device: first.step.device, stage } as const;
    this.steps.push({ ...place, verdict: 'unknown', detail: reason, quotes: ends.flatMap(({ step }) => step.quotes) });
    return fork(reason);
  }
}

/** What is assumed where a step is not known: that the packet passes. */
export function assumptionOf({ netns, stage, detail }: Step): string {
  return `${netns}, ${stage}: ${detail}`;
}

/** The step of one of several destinations: the one that was seen. */
function asChosen(step: Step, choices: number): Step {
  return { ...step, detail: `${step.detail} (one of ${choices} destinations, as it was seen)`, choices };
}

/** The step of one of several destinations, where it is not known which. */
function asOpen(step: Step, choices: number): Step {
  if (step.verdict !== 'translated') return step;
  return { ...step, detail: `${step.detail} (or to another of ${choices} destinations)` };
}

/** True when the ends of the packet are others. */
export function isTranslated(before: ModelPacket, after: ModelPacket): boolean {
  return (['source', 'destination', 'sourcePort', 'destinationPort'] as const).some(
    (end) => before[end] !== after[end],
  );
}

/** The end of one whose ends are all among the alternatives. */
function fork(reason: string): Progress {
  return { end: { kind: 'undetermined', reason, answer: null, isFork: true } };
}

/** True when the end itself is none, but those in `alternatives` are. */
export function isFork(one: JourneyEnd): boolean {
  return one.kind === 'undetermined' && one.isFork === true;
}

/** True when the sender, and who looks for the packet, could not tell the two ends apart. */
function endAlike(a: JourneyEnd, b: JourneyEnd): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind === 'accepted' && b.kind === 'accepted') return a.listener === b.listener && a.netns === b.netns;
  if ('netns' in a && 'netns' in b) return a.netns === b.netns;
  return 'answer' in a && 'answer' in b && a.answer?.errno === b.answer?.errno && a.answer?.netns === b.answer?.netns;
}

function endText(one: JourneyEnd): string {
  return 'reason' in one ? one.reason : `${one.kind} in ${one.netns}`;
}
