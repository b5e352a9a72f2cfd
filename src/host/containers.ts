/**
 * Asks the container engines on this host which containers run, and where they keep each one's files.
 *
 * Podman: podman-ps(1), podman-container-inspect(1). Docker and nerdctl: `ps`, `container inspect`. Kubernetes' nodes:
 * `crictl pods`, `crictl inspectp`.
 */

import { existsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { fixedEnvironment, programIsThere } from './environment.ts';
import type { ChildWatcher } from './gate.ts';
import { type Container, idShape, parseInspect, parsePods } from './parse/containers.ts';
import { runTool } from './run-tool.ts';

/** Containers, and a sentence about each engine that did not answer, or could not be asked. */
interface Containers {
  readonly containers: readonly Container[];
  readonly missing: ReadonlyMap<EngineProgram, string>;
}

/** The programs by which engines are asked. */
type EngineProgram = 'podman' | 'docker' | 'nerdctl' | 'crictl';

const timeoutMs = 5000;

/** How the engines are asked. */
interface Asking {
  readonly signal?: AbortSignal;
  /** Knows of every child before it does anything: an engine in trouble lets its clients hang. */
  readonly onChild?: ChildWatcher;
}

interface Engine {
  readonly program: EngineProgram;
  /** One of these is there as soon as the engine has run: asking an engine that has not would make its directories. */
  readonly traces: readonly string[];
  /** The same, but made by others as well. */
  readonly sharedTraces: readonly string[];
  /** The arguments that list the ids of what runs, and those that describe what has these ids. */
  readonly list: readonly string[];
  readonly inspect: readonly string[];
  readonly parse: (output: string) => Container[] | null;
}

/** Docker's program, and those that take its arguments. */
const likeDocker = (program: EngineProgram, runtime: string) => ({
  program,
  list: ['ps', '--quiet', '--no-trunc'],
  inspect: ['container', 'inspect'],
  parse: (output: string) => parseInspect(runtime, output),
});

/** A pod has the say over its containers, which Docker lists as well. */
const engines: readonly Engine[] = [
  {
    program: 'crictl',
    traces: [],
    // The kubelet's folder: a CRI socket alone is Docker's, too, which answers no such question.
    sharedTraces: ['/var/lib/kubelet'],
    list: ['pods', '--quiet', '--no-trunc', '--state', 'ready'],
    inspect: ['inspectp', '--output', 'json'],
    parse: (output) => parsePods(output)?.map(withFilesThatAre) ?? null,
  },
  { ...likeDocker('podman', 'podman'), traces: ['/run/libpod'], sharedTraces: ['/run/containers/storage'] },
  { ...likeDocker('docker', 'docker'), traces: ['/run/docker.sock', '/var/run/docker.sock'], sharedTraces: [] },
  { ...likeDocker('nerdctl', 'containerd'), traces: [], sharedTraces: ['/var/lib/nerdctl'] },
];

/** The kubelet's folder may be another: then the file is not known. */
function withFilesThatAre(pod: Container): Container {
  return pod.hostsPath === null || existsSync(pod.hostsPath) ? pod : { ...pod, hostsPath: null };
}

/** What of a host says which engines there are. */
interface Looking {
  readonly fileIsThere: (path: string) => boolean;
  readonly programIsThere: (program: string) => boolean;
}

/** The engines that can be asked, and a sentence about each that has run here and cannot. */
export function enginesHere(looking: Looking = { fileIsThere: existsSync, programIsThere }): {
  readonly asked: readonly Engine[];
  readonly missing: Containers['missing'];
} {
  const asked: Engine[] = [];
  const missing = new Map<EngineProgram, string>();
  for (const engine of engines) {
    const { program, traces, sharedTraces } = engine;
    const trace = traces.find(looking.fileIsThere);
    const hasRun = trace !== undefined || sharedTraces.some(looking.fileIsThere);
    if (hasRun && looking.programIsThere(program)) asked.push(engine);
    else if (trace !== undefined) {
      const folders = fixedEnvironment.PATH.replaceAll(':', ', ');
      missing.set(
        program,
        `Containers of ${program} are not known: ${trace} is there, but no program ${program} is in ${folders}.`,
      );
    }
  }
  return { asked, missing };
}

async function containersOf({ program, list, inspect, parse }: Engine, asking: Asking): Promise<Containers> {
  const failed = (failure: string): Containers => ({
    containers: [],
    missing: new Map([[program, `Containers of ${program} are not known: ${program} ${failure}.`]]),
  });
  const options = { timeoutMs, ...asking, home: userInfo().homedir };
  const listed = await runTool(program, list, options);
  if ('failure' in listed) return failed(listed.failure);
  const ids = listed.text.split('\n').filter((id) => idShape.test(id));
  if (ids.length === 0) return { containers: [], missing: new Map() };
  // One that ended between the two calls makes inspect fail, though it prints the others.
  const inspected = await runTool(program, [...inspect, ...ids], { ...options, evenIfFailed: true });
  if ('failure' in inspected) return failed(inspected.failure);
  const containers = parse(inspected.text);
  return containers === null ? failed('gave an answer that is no JSON') : { containers, missing: new Map() };
}

/**
 * The running containers of all engines here, pods among them; never throws. `docker` that is another name for Podman
 * counts once.
 */
export async function listContainers(asking: Asking = {}): Promise<Containers> {
  const here = enginesHere();
  const answers = await Promise.all(here.asked.map((engine) => containersOf(engine, asking)));
  const byId = new Map(
    answers
      .flatMap(({ containers }) => containers)
      .reverse()
      .map((container) => [container.id, container]),
  );
  const unanswered = answers.flatMap(({ missing }) => [...missing]);
  return { containers: [...byId.values()].reverse(), missing: new Map([...here.missing, ...unanswered]) };
}

/** The container of that name, id, or unique start of an id (twelve digits at least, as `ps` prints it). */
export function pickContainer(containers: readonly Container[], nameOrId: string): Container | null {
  const named = containers.find(({ name, id }) => name === nameOrId || id === nameOrId);
  if (named !== undefined || !idShape.test(nameOrId)) return named ?? null;
  const started = containers.filter(({ id }) => id.startsWith(nameOrId));
  return started.length === 1 ? (started[0] ?? null) : null;
}

/** The path under which a container's network namespace can be opened, null when there is none (it has ended). */
function containerNetnsPath(container: Container): string | null {
  const paths = [container.pid === null ? null : `/proc/${container.pid}/ns/net`, container.netnsPath];
  return (
    paths.find((path) => {
      if (path === null) return false;
      try {
        statSync(path);
        return true;
      } catch {
        return false;
      }
    }) ?? null
  );
}

/** What `findContainer` gives: the container, or sentences that say why there is none. */
type FoundContainer =
  | { readonly container: Container; readonly netnsPath: string }
  | { readonly container: null; readonly reasons: readonly string[] };

/** Finds a running container by its name or id; never throws. */
export async function findContainer(nameOrId: string, asking: Asking = {}): Promise<FoundContainer> {
  const { containers, missing } = await listContainers(asking);
  const container = pickContainer(containers, nameOrId);
  if (container === null) {
    const running = containers.map(({ name }) => name).join(', ');
    const reason = `No running container is called ${nameOrId}. ${
      running === '' ? 'None was found running.' : `Running: ${running}.`
    }`;
    return { container: null, reasons: [reason, ...missing.values()] };
  }
  const netnsPath = containerNetnsPath(container);
  if (netnsPath !== null) return { container, netnsPath };
  return { container: null, reasons: [`The container ${nameOrId} has no network namespace any more.`] };
}
