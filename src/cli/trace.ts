/**
 * `trace`: runs a command while every source of evidence watches, and gives the case. The order matters: the gate, the
 * snapshot and the links first, the engines and the kernel's events as soon as the links say where, the command when all
 * of them watch.
 */

import { setTimeout as delay } from 'node:timers/promises';
import { Capture } from '../capture/capture.ts';
import type { CaptureEngine, CapturePoint } from '../capture/engine.ts';
import type { Guard } from '../capture/guard.ts';
import { choosePoints } from '../capture/points.ts';
import { assembleCase } from '../case/assemble.ts';
import type { CaptureInterface, Case, KernelLine } from '../case/evidence.ts';
import { collectSnapshot } from '../host/collect.ts';
import { listContainers } from '../host/containers.ts';
import { maskSecrets } from '../host/mask.ts';
import { findNamespaces, type NamespaceHandle } from '../host/namespaces.ts';
import { parseSnapshot } from '../host/parse/parse-snapshot.ts';
import type { CommandOutput } from '../host/snapshot.ts';
import type { Link } from '../host/state.ts';
import { listWords } from '../host/word-list.ts';
import { Tracer } from '../kernel/tracefs.ts';
import { errorText } from './errors.ts';
import { type CommandEnd, type CommandOptions, TracedProcess } from './traced-command.ts';

/** What is to be traced, and how. */
export interface TraceOptions {
  readonly command: CommandOptions;
  /** Inode number of the command's namespace; null is the one nettrace runs in. */
  readonly namespaceInode: number | null;
  /** Namespaces whose names match one of these are treated as being out of sight. */
  readonly ignoreNetns: readonly string[];
  readonly engine: CaptureEngine;
  readonly kernel: boolean;
  readonly timeoutSeconds: number | null;
}

/** The evidence, and how the command ended. */
export interface Traced {
  readonly evidence: Case;
  readonly end: CommandEnd;
}

/** They take some 30 ms; on a host that is busier than this, capture begins where links are known. */
const linksLimitMs = 2000;

/** Between SIGTERM and SIGKILL when the command's time is up. */
const graceMs = 2000;

function wallClockNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
}

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
    const state = parseSnapshot({ takenNs: 0n, namespaces, processes: [], missing: [] });
    return new Map([...state.namespaces.values()].map(({ name, links }) => [name, links]));
  }
}

/** A shell's glob of `*` and `?` as a pattern for whole names. */
function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}

async function openTracer(guard: Guard, wanted: boolean, missing: string[]): Promise<Tracer | null> {
  if (!wanted) {
    missing.push('Kernel events were left out (--no-kernel): nothing is proven without them.');
    return null;
  }
  try {
    return await Tracer.open(guard);
  } catch (error) {
    missing.push(`Kernel events could not be had: ${errorText(error)}.`);
    return null;
  }
}

async function waitForEnd(process: TracedProcess, timeoutSeconds: number | null): Promise<CommandEnd> {
  if (timeoutSeconds === null) return process.ended;
  let timer = setTimeout(() => {
    process.signal('SIGTERM');
    timer = setTimeout(() => process.signal('SIGKILL'), graceMs);
  }, timeoutSeconds * 1000);
  const end = await process.ended;
  clearTimeout(timer);
  return end;
}

/**
 * Runs the command and gathers the evidence. `onStart` hears when the command is let go. When it rejects, what it has
 * started runs on: then the process is to end, and the guard cleans up behind it.
 */
export async function trace(
  options: TraceOptions,
  guard: Guard,
  onStart: (process: TracedProcess) => void,
): Promise<Traced> {
  const { engine } = options;
  const missing: string[] = [];
  const tracing = openTracer(guard, options.kernel, missing);
  const containers = listContainers();
  // An engine takes its time to answer: only names that are to be ignored are worth waiting for.
  const set = findNamespaces(options.ignoreNetns.length === 0 ? [] : (await containers).containers);
  const start = set.namespaces.find(({ inode, own }) =>
    options.namespaceInode === null ? own : inode === options.namespaceInode,
  );
  if (start === undefined) throw new Error('the namespace of the command is gone');
  const ignored = options.ignoreNetns.map(globPattern);
  const others = set.namespaces.filter(
    (namespace) => namespace !== start && !ignored.some((pattern) => pattern.test(namespace.name)),
  );
  const process = new TracedProcess(start, options.command);
  await process.checkGate();

  const gathering = new LinkGathering([start, ...others]);
  const naming = containers.then((running) => findNamespaces(running.containers));
  const snapshotting = collectSnapshot([start, ...others], {
    missing: set.missing,
    named: naming.then(({ namespaces }) => namespaces),
    onChild: (pid) => guard.watchProcess(pid),
    onLinks: (namespace, output) => gathering.add(namespace, output),
  });
  await gathering.wait(snapshotting);
  const points = choosePoints(gathering.links(), start.name).flatMap(({ netns, device }): CapturePoint[] => {
    const namespace = set.namespaces.find(({ name }) => name === netns);
    return namespace === undefined ? [] : [{ namespace, device }];
  });
  const late = gathering.late();
  if (late.length > 0)
    missing.push(`The links of ${listWords(late)} were not known in time: nothing was captured there.`);
  const capture = new Capture(engine, points, guard);
  const [tracer] = await Promise.all([tracing, capture.ready()]);
  tracer?.watch(points.map(({ device }) => device));
  if (process.pid !== undefined) tracer?.follow(process.pid);
  await process.checkGate();
  const startedNs = wallClockNs();
  process.release();
  onStart(process);

  const end = await waitForEnd(process, options.timeoutSeconds);
  const endedNs = wallClockNs();
  const [captured, snapshot, running, named] = await Promise.all([capture.stop(), snapshotting, containers, naming]);
  const kernelLines: KernelLine[] = tracer?.stop() ?? [];
  const nameOf = new Map(named.namespaces.map(({ inode, name }) => [inode, name]));
  const interfaces = capture.points.map(({ namespace, device }, index): CaptureInterface => {
    const netns = nameOf.get(namespace.inode) ?? namespace.name;
    return { netns, device, linkType: captured.linkTypes[index] ?? 1 };
  });
  const rename = (name: string): string => {
    const inode = set.namespaces.find((namespace) => namespace.name === name)?.inode;
    return (inode === undefined ? undefined : nameOf.get(inode)) ?? name;
  };
  const absent = tracer?.absent.map((event) => `This kernel has no event ${event}.`) ?? [];
  const evidence = assembleCase(
    {
      engine: engine.name,
      clock: engine.clock,
      promiscuous: engine.promiscuous,
      command: {
        argv: maskSecrets(options.command.argv),
        exitCode: end.exitCode,
        signal: end.signal,
        netns: rename(start.name),
        startedNs,
        endedNs,
      },
      kernelEvents: tracer !== null,
      kernelEventsLost: tracer?.lost ?? 0,
      linkOutages: captured.outages.map((outage) => ({ ...outage, netns: rename(outage.netns) })),
      framesDropped: captured.framesDropped,
      missing: [...missing, ...absent, ...captured.missing, ...running.missing],
    },
    interfaces,
    captured.frames.map(({ pointIndex, ...frame }) => ({ ...frame, interfaceIndex: pointIndex })),
    snapshot,
    kernelLines,
  );
  named.dispose();
  set.dispose();
  return { evidence, end };
}
