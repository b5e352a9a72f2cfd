/**
 * Asks the container engines on this host which containers run, and where they keep each one's files.
 *
 * Podman: podman-ps(1) `--format json`, podman-container-inspect(1). Docker: `docker ps`, `docker container inspect`.
 */

import { existsSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { fixedEnvironment, programIsThere } from './environment.ts';
import type { ChildWatcher } from './gate.ts';
import { asRecord, asRecords, type JsonRecord, parseJson } from './parse/json.ts';
import { runTool } from './run-tool.ts';

/** A running container. Names and paths are as the engine gives them: raw text. */
export interface Container {
  readonly id: string;
  readonly name: string;
  readonly runtime: 'podman' | 'docker';
  /** Its first process, null when the engine names none. */
  readonly pid: number | null;
  /** The file that holds its network namespace, null when the engine names none. */
  readonly netnsPath: string | null;
  /** The files that the engine shows it as /etc/hosts and /etc/resolv.conf, null when the engine names none. */
  readonly hostsPath: string | null;
  readonly resolvConfPath: string | null;
  /** It runs in the host's own network namespace. */
  readonly hostNetwork: boolean;
  /** A pod's placeholder, which no person names. */
  readonly infrastructure: boolean;
}

/** Containers, and a sentence about each engine that did not answer, or could not be asked. */
interface Containers {
  readonly containers: readonly Container[];
  readonly missing: ReadonlyMap<Container['runtime'], string>;
}

const timeoutMs = 5000;

/** How the engines are asked. */
interface Asking {
  readonly signal?: AbortSignal;
  /** Knows of every child before it does anything: an engine in trouble lets its clients hang. */
  readonly onChild?: ChildWatcher;
}

interface Engine {
  readonly runtime: Container['runtime'];
  /** One of these is there as soon as the engine has run: asking an engine that has not would make its directories. */
  readonly traces: readonly string[];
  /** The same, but made by others as well. */
  readonly sharedTraces: readonly string[];
}

const engines: readonly Engine[] = [
  { runtime: 'podman', traces: ['/run/libpod'], sharedTraces: ['/run/containers/storage'] },
  { runtime: 'docker', traces: ['/run/docker.sock', '/var/run/docker.sock'], sharedTraces: [] },
];

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
  const missing = new Map<Container['runtime'], string>();
  for (const engine of engines) {
    const { runtime, traces, sharedTraces } = engine;
    const trace = traces.find(looking.fileIsThere);
    const hasRun = trace !== undefined || sharedTraces.some(looking.fileIsThere);
    if (hasRun && looking.programIsThere(runtime)) asked.push(engine);
    else if (trace !== undefined) {
      const folders = fixedEnvironment.PATH.replaceAll(':', ', ');
      missing.set(
        runtime,
        `Containers of ${runtime} are not known: ${trace} is there, but no program ${runtime} is in ${folders}.`,
      );
    }
  }
  return { asked, missing };
}

const noMembers: JsonRecord = {};

function member(value: JsonRecord, name: string): JsonRecord {
  return asRecord(value[name]) ?? noMembers;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function pidOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : null;
}

/** Ids are lower-case hex in both engines: anything else must not become an argument. */
const idShape = /^[0-9a-f]{12,64}$/;

/**
 * The containers of an engine's `container inspect`, null when the text is no such thing. Entries without an id or a
 * name are left out.
 */
export function parseInspect(runtime: Container['runtime'], output: string): Container[] | null {
  const items = asRecords(parseJson(output));
  if (items === null) return null;
  const containers: Container[] = [];
  for (const item of items) {
    const id = text(item['Id']);
    // Docker writes `/name`.
    const name = text(item['Name'])?.replace(/^\//, '');
    if (id === null || !idShape.test(id) || name === undefined || name === '') continue;
    containers.push({
      id,
      name,
      runtime,
      pid: pidOf(member(item, 'State')['Pid']),
      netnsPath: text(member(item, 'NetworkSettings')['SandboxKey']),
      hostsPath: text(item['HostsPath']),
      resolvConfPath: text(item['ResolvConfPath']),
      hostNetwork: text(member(item, 'HostConfig')['NetworkMode']) === 'host',
      infrastructure: item['IsInfra'] === true,
    });
  }
  return containers;
}

async function containersOf(engine: Engine, asking: Asking): Promise<Containers> {
  const { runtime } = engine;
  const failed = (failure: string): Containers => ({
    containers: [],
    missing: new Map([[runtime, `Containers of ${runtime} are not known: ${runtime} ${failure}.`]]),
  });
  const options = { timeoutMs, ...asking, home: userInfo().homedir };
  const listed = await runTool(runtime, ['ps', '--quiet', '--no-trunc'], options);
  if ('failure' in listed) return failed(listed.failure);
  const ids = listed.text.split('\n').filter((id) => idShape.test(id));
  if (ids.length === 0) return { containers: [], missing: new Map() };
  // One that ended between the two calls makes inspect fail, though it prints the others.
  const inspected = await runTool(runtime, ['container', 'inspect', ...ids], { ...options, evenIfFailed: true });
  if ('failure' in inspected) return failed(inspected.failure);
  const containers = parseInspect(runtime, inspected.text);
  return containers === null ? failed('gave an answer that is no JSON') : { containers, missing: new Map() };
}

/** The running containers of all engines here; never throws. `docker` that is another name for Podman counts once. */
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
