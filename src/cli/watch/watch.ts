/**
 * Every source of evidence at work, with a traced command or without: the links first, the engines and the kernel's
 * events as soon as the links say where, and at the end the case.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { Capture, type CaptureProgress } from '../../capture/capture.ts';
import type { CaptureEngine, CapturePoint, Pace } from '../../capture/engine.ts';
import type { Guard } from '../../capture/guard.ts';
import type { ChosenPoints } from '../../capture/points.ts';
import { assembleCase } from '../../case/assemble.ts';
import type { CaptureInterface, Case, TracedCommand } from '../../case/evidence.ts';
import { collectSnapshot } from '../../host/collect.ts';
import { listContainers } from '../../host/containers.ts';
import { findNamespaces, type NamespaceHandle, type NamespaceSet } from '../../host/namespaces.ts';
import type { Container } from '../../host/parse/containers.ts';
import { linksOf } from '../../host/parse/links-of.ts';
import type { CommandOutput, Snapshot } from '../../host/snapshot.ts';
import type { Link } from '../../host/state.ts';
import { listWords } from '../../host/word-list.ts';
import { RuleTracer, type TracedRules } from '../../kernel/rule-trace.ts';
import { Tracer } from '../../kernel/tracefs.ts';
import { errorText, UserError } from '../errors.ts';
import { namespacesInSight } from '../namespace-choice.ts';
import { namespaceChanges } from './namespace-changes.ts';

/** What is to be watched, and how. */
export interface WatchOptions {
  /** Inode number of the namespace that it starts from; null is the one nettrace runs in. */
  readonly namespaceInode: number | null;
  /** Namespaces whose names match one of these are treated as being out of sight. */
  readonly ignoreNetns: readonly string[];
  readonly engine: CaptureEngine;
  readonly kernel: boolean;
  /** Marks packets for a rule trace, by tables that vanish at the end. */
  readonly ruleTrace: boolean;
  readonly pace: Pace;
}

/**
 * Chooses where to capture, by the links of each namespace and the name of the one to start from. What it throws ends the
 * watch.
 */
export type PointChoice = (links: ReadonlyMap<string, readonly Link[]>, start: string) => ChosenPoints;

/** They take some 30 ms; on a host that is busier than this, capture begins where links are known. */
const linksLimitMs = 2000;

/** The links of all namespaces as they come in: two that look alike are told apart only when both are there. */
class LinkGathering {
  readonly #outputs = new Map<NamespaceHandle, readonly CommandOutput[]>();
  readonly #expected: readonly NamespaceHandle[];
  readonly #complete: Promise<void>;
  #done: () => void = () => {};

  constructor(expected: readonly NamespaceHandle[]) {
    this.#expected = expected;
    this.#complete = new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  add(namespace: NamespaceHandle, outputs: readonly CommandOutput[]): void {
    this.#outputs.set(namespace, outputs);
    if (this.#outputs.size === this.#expected.length) this.#done();
  }

  /** Waits for the links of all, but no longer than the collection lasts, nor than the limit. */
  async wait(collection: Promise<unknown>): Promise<void> {
    const limit = new AbortController();
    await Promise.race([
      this.#complete,
      collection,
      delay(linksLimitMs, undefined, { signal: limit.signal }).catch(() => {}),
    ]);
    limit.abort();
  }

  /** The namespaces whose links did not come in time. */
  late(): string[] {
    return this.#expected.filter((namespace) => !this.#outputs.has(namespace)).map(({ name }) => name);
  }

  links(): Map<string, readonly Link[]> {
    const namespaces = [...this.#outputs].map(([{ name, inode }, outputs]) => ({
      name,
      inode,
      container: null,
      outputs,
    }));
    return linksOf({ namespaces });
  }
}

/** The snapshot with the counters of legacy rules, which were read by themselves. */
function withCounters(snapshot: Snapshot, counted: TracedRules['counted']): Snapshot {
  const namespaces = snapshot.namespaces.map((namespace) => {
    const { outputs = [] } = counted.find(({ inode }) => inode === namespace.inode) ?? {};
    return outputs.length === 0 ? namespace : { ...namespace, outputs: [...namespace.outputs, ...outputs] };
  });
  return { ...snapshot, namespaces };
}

const noKernelEvents = (error: unknown): string => `Kernel events could not be had: ${errorText(error)}.`;

async function openTracer(guard: Guard, wanted: boolean, missing: string[]): Promise<Tracer | null> {
  if (!wanted) {
    missing.push('Kernel events were left out (--no-kernel): what they alone prove is not proven.');
    return null;
  }
  try {
    return await Tracer.open(guard);
  } catch (error) {
    missing.push(noKernelEvents(error));
    return null;
  }
}

/** What `capture` has begun. */
interface Begun {
  readonly capture: Capture;
  readonly tracer: Tracer | null;
  readonly ruleTracer: RuleTracer | null;
  readonly snapshotting: Promise<Snapshot>;
  readonly naming: Promise<NamespaceSet>;
}

/** The sources of evidence, from `begin` to `end`. A watch that is not ended runs on: then the process is to end. */
export class Watch {
  /** The namespace that it starts from. */
  readonly start: NamespaceHandle;
  readonly #options: WatchOptions;
  readonly #guard: Guard;
  readonly #set: NamespaceSet;
  readonly #containers: ReturnType<typeof listContainers>;
  readonly #tracing: Promise<Tracer | null>;
  readonly #missing: string[];
  #begun: Begun | null = null;

  private constructor(
    options: WatchOptions,
    guard: Guard,
    set: NamespaceSet,
    start: NamespaceHandle,
    sources: { containers: ReturnType<typeof listContainers>; tracing: Promise<Tracer | null>; missing: string[] },
  ) {
    this.#options = options;
    this.#guard = guard;
    this.#set = set;
    this.start = start;
    this.#containers = sources.containers;
    this.#tracing = sources.tracing;
    this.#missing = sources.missing;
  }

  /**
   * Finds the namespaces, and prepares the kernel's events beside that. `needsNames`: what follows asks for namespaces by
   * their containers' names, which takes an engine its time. Rejects with a UserError when the one to start from is gone.
   */
  static async begin(options: WatchOptions, guard: Guard, needsNames: boolean): Promise<Watch> {
    const missing: string[] = [];
    const tracing = openTracer(guard, options.kernel, missing);
    const containers = listContainers({ onChild: guard.watchProcess });
    const known: readonly Container[] = needsNames ? (await containers).containers : [];
    const set = findNamespaces(known);
    const { namespaceInode } = options;
    const start = set.namespaces.find(({ inode, own }) => (namespaceInode === null ? own : inode === namespaceInode));
    if (start === undefined) {
      throw new UserError(
        'cannot enter the network namespace: it went away meanwhile, as the last process in it ended; start that again first',
      );
    }
    return new Watch(options, guard, set, start, { containers, tracing, missing });
  }

  /** The namespaces in sight. */
  get namespaces(): readonly NamespaceHandle[] {
    return this.#inSight(this.#set);
  }

  /**
   * Begins the snapshot and, where `choose` says, the capture and the rule trace; resolves when every engine captures and
   * rules are traced.
   *
   * @param whose Whose packets are traced through the rules: those of the namespace that it starts from, or all.
   */
  async capture(choose: PointChoice, whose: 'first' | 'all'): Promise<void> {
    const inSight = this.namespaces;
    const gathering = new LinkGathering(inSight);
    const naming = this.#containers.then((running) => findNamespaces(running.containers));
    const onTheWay = Promise.withResolvers<ReadonlySet<number>>();
    const ready = Promise.withResolvers<void>();
    const snapshotting = collectSnapshot(inSight, {
      // What stands beside the way would take the engines' time, and can be looked at while the command runs.
      mayGoOn: async ({ inode }) => ((await onTheWay.promise).has(inode) ? undefined : ready.promise),
      missing: this.#set.missing,
      named: naming.then(({ namespaces }) => namespaces),
      onChild: this.#guard.watchProcess,
      onLinks: (namespace, output) => gathering.add(namespace, output),
    });
    await gathering.wait(snapshotting);
    const chosen = choose(gathering.links(), this.start.name);
    const points = chosen.points.flatMap(({ netns, device }): CapturePoint[] => {
      const namespace = this.#set.namespaces.find(({ name }) => name === netns);
      return namespace === undefined ? [] : [{ namespace, device }];
    });
    onTheWay.resolve(new Set([this.start, ...points.map(({ namespace }) => namespace)].map(({ inode }) => inode)));
    if (chosen.left.length > 0) {
      const places = listWords(chosen.left.map(({ netns, device }) => `${netns}:${device}`));
      this.#missing.push(`Nothing was captured at ${places}: there are more places than are captured at once.`);
    }
    const late = gathering.late();
    if (late.length > 0)
      this.#missing.push(`The links of ${listWords(late)} were not known in time: nothing was captured there.`);
    const capture = new Capture(this.#options.engine, points, this.#options.pace, this.#guard);
    const ruleTracer = this.#traceRules(points, whose);
    const others = Promise.all([this.#tracing, capture.ready()]);
    await ruleTracer?.ready(others);
    const [tracer] = await others;
    tracer?.watch(points.map(({ device }) => device));
    ready.resolve();
    this.#begun = { capture, tracer, ruleTracer, snapshotting, naming };
  }

  #traceRules(points: readonly CapturePoint[], whose: 'first' | 'all'): RuleTracer | null {
    if (!this.#options.ruleTrace) {
      this.#missing.push('Firewall rules were not traced (--no-rule-trace).');
      return null;
    }
    return new RuleTracer([...new Set(points.map(({ namespace }) => namespace))], whose, this.#guard);
  }

  /** Has the kernel's events of this process and its children kept from here on. */
  follow(pid: number): void {
    this.#begun?.tracer?.follow(pid);
  }

  /** Where it captures: `NETNS:DEVICE`. */
  places(): string[] {
    return this.#begun?.capture.points.map(({ namespace, device }) => `${namespace.name}:${device}`) ?? [];
  }

  /** How many frames were captured by now. */
  framesSeen(): number {
    return this.#begun?.capture.framesSeen ?? 0;
  }

  /** How far the capture is; it asks the engines, so not to be called often. */
  progress(): CaptureProgress {
    return this.#begun?.capture.progress() ?? { frames: 0, dropped: 0 };
  }

  /** Ends every source and puts the case together. To be called once, after `capture`. */
  async end(command: Omit<TracedCommand, 'netns'> | null): Promise<Case> {
    if (this.#begun === null) throw new Error('a watch was ended that captures nothing');
    const { capture, tracer, ruleTracer, snapshotting, naming } = this.#begun;
    const { engine } = this.#options;
    const [captured, snapshot, running, named] = await Promise.all([
      capture.stop(),
      snapshotting,
      this.#containers,
      naming,
    ]);
    const kernelLines = tracer?.stop() ?? [];
    const failure = tracer?.failure ?? null;
    if (failure !== null) this.#missing.push(noKernelEvents(failure));
    const changes = this.#namespaceChanges();
    const traced = (await ruleTracer?.stop()) ?? { traces: [], counted: [], missing: [] };
    const nameOf = new Map(named.namespaces.map(({ inode, name }) => [inode, name]));
    const interfaces = capture.points.map(({ namespace, device }, index): CaptureInterface => {
      const netns = nameOf.get(namespace.inode) ?? namespace.name;
      return { netns, device, linkType: captured.linkTypes[index] ?? 1 };
    });
    const rename = (name: string): string => {
      const inode = this.#set.namespaces.find((namespace) => namespace.name === name)?.inode;
      return (inode === undefined ? undefined : nameOf.get(inode)) ?? name;
    };
    const absent = tracer?.absent.map((event) => `This kernel has no event ${event}.`) ?? [];
    const evidence = assembleCase(
      {
        engine: engine.name,
        clock: engine.clock,
        promiscuous: engine.promiscuous,
        command: command === null ? null : { ...command, netns: rename(this.start.name) },
        kernelEvents: tracer !== null && failure === null,
        kernelEventsLost: tracer?.lost ?? 0,
        linkOutages: captured.outages.map((outage) => ({ ...outage, netns: rename(outage.netns) })),
        framesDropped: captured.framesDropped,
        missing: [
          ...this.#missing,
          ...changes,
          ...absent,
          ...captured.missing,
          ...traced.missing,
          ...running.missing.values(),
        ],
      },
      interfaces,
      captured.frames.map(({ pointIndex, ...frame }) => ({ ...frame, interfaceIndex: pointIndex })),
      withCounters(snapshot, traced.counted),
      kernelLines,
      traced.traces.map((trace) => ({ ...trace, netns: rename(trace.netns) })),
    );
    named.dispose();
    this.#set.dispose();
    return evidence;
  }

  /** To be asked when the engines have ended: what only they were still in is gone. */
  #namespaceChanges(): string[] {
    const now = findNamespaces([]);
    now.dispose();
    return namespaceChanges(this.namespaces, this.#inSight(now));
  }

  #inSight({ namespaces }: NamespaceSet): NamespaceHandle[] {
    return namespacesInSight(namespaces, this.start, this.#options.ignoreNetns);
  }
}
