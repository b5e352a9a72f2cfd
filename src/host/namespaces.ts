/**
 * Finds the network namespaces of the host and holds each open, so that it stays reachable (and its inode number stays
 * its own) until the set is disposed of. See namespaces(7), ip-netns(8).
 */

import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isTool } from './environment.ts';
import { entriesOf } from './files.ts';
import { type Container, containerOfGroups } from './parse/containers.ts';
import type { ContainerRecord } from './snapshot.ts';

/** The container, or the pod, whose network it is, and the files that its engine shows it. */
type Inhabitant = ContainerRecord & Pick<Container, 'hostsPath' | 'resolvConfPath'>;

/** One network namespace, held open. */
export interface NamespaceHandle {
  /** Unique in its set; raw text. */
  readonly name: string;
  /** Its inode number in nsfs. */
  readonly inode: number;
  /** An open file descriptor of it, valid until the set is disposed of. */
  readonly descriptor: number;
  /** The one this process runs in. */
  readonly own: boolean;
  /** The lowest pid seen in it, tools of a nettrace left out; null when only a name holds it. */
  readonly pid: number | null;
  /** As `ip netns` names it. */
  readonly netnsName: string | null;
  readonly container: Inhabitant | null;
}

/** All namespaces found, this process's own first, the others by name. */
export interface NamespaceSet {
  readonly namespaces: readonly NamespaceHandle[];
  /** One sentence each: what could not be read. */
  readonly missing: readonly string[];
  /** Closes the descriptors. */
  dispose(): void;
}

/** Where `ip netns` and Docker bind namespaces to names. */
const namedDirectory = '/run/netns';
const dockerDirectory = '/run/docker/netns';
const ownPath = '/proc/self/ns/net';

interface Found {
  readonly descriptor: number;
  readonly inode: number;
  pid: number | null;
  netnsName: string | null;
  dockerName: string | null;
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

/** The namespaces, by inode number, each opened once. */
class Opened {
  readonly byInode = new Map<number, Found>();
  readonly own: Found;
  /** nsfs has one device number: anything else in those directories is no namespace. */
  readonly #device: number;

  constructor() {
    const descriptor = openSync(ownPath, constants.O_RDONLY);
    const { ino, dev } = fstatSync(descriptor);
    this.#device = dev;
    this.own = { descriptor, inode: ino, pid: null, netnsName: null, dockerName: null };
    this.byInode.set(ino, this.own);
  }

  /** The inode number of the namespace at a path, null when the path is no namespace. Throws when it cannot be read. */
  inodeAt(path: string): number | null {
    const { ino, dev } = statSync(path);
    return dev === this.#device ? ino : null;
  }

  /** The namespace at a path, null when the path is no namespace. Throws when it cannot be read. */
  at(path: string): Found | null {
    const inode = this.inodeAt(path);
    if (inode === null) return null;
    const known = this.byInode.get(inode);
    if (known !== undefined) return known;
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const opened = fstatSync(descriptor);
    // Between the two calls the path may have come to mean something else.
    if (opened.dev !== this.#device || this.byInode.has(opened.ino)) {
      closeSync(descriptor);
      return this.byInode.get(opened.ino) ?? null;
    }
    const found: Found = { descriptor, inode: opened.ino, pid: null, netnsName: null, dockerName: null };
    this.byInode.set(opened.ino, found);
    return found;
  }

  dispose(): void {
    for (const { descriptor } of this.byInode.values()) closeSync(descriptor);
    this.byInode.clear();
  }
}

function openNamed(opened: Opened, missing: string[]): void {
  for (const [directory, field] of [
    [namedDirectory, 'netnsName'],
    [dockerDirectory, 'dockerName'],
  ] as const) {
    for (const name of entriesOf(directory)) {
      try {
        const found = opened.at(join(directory, name));
        if (found !== null) found[field] ??= name;
      } catch (error) {
        missing.push(`The network namespace ${join(directory, name)} could not be opened: ${errorCode(error)}.`);
      }
    }
  }
}

function openOfProcesses(opened: Opened, missing: string[]): void {
  let unreadable = 0;
  const pids = entriesOf('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid));
  for (const pid of pids.sort((first, second) => first - second)) {
    try {
      const path = `/proc/${pid}/ns/net`;
      const inode = opened.inodeAt(path);
      const isKnown = inode === null || (opened.byInode.get(inode)?.pid ?? null) !== null;
      if (isKnown || isTool(pid)) continue;
      const found = opened.at(path);
      if (found !== null) found.pid ??= pid;
    } catch (error) {
      // A process that ended meanwhile is none that is missing.
      if (errorCode(error) === 'EACCES' || errorCode(error) === 'EPERM') unreadable++;
    }
  }
  if (unreadable > 0) {
    const whose = unreadable === 1 ? 'a process' : `${unreadable} processes`;
    missing.push(`Not every network namespace is known: permission to read that of ${whose} was denied.`);
  }
}

function containersIn(found: Found, containers: readonly Container[]): Container[] {
  return containers.filter((container) => {
    if (container.hostNetwork) return false;
    if (container.pid !== null && container.pid === found.pid) return true;
    for (const path of [container.netnsPath, container.pid === null ? null : `/proc/${container.pid}/ns/net`]) {
      if (path === null) continue;
      try {
        if (statSync(path).ino === found.inode) return true;
      } catch {
        // The container ended, or its namespace is out of sight.
      }
    }
    return false;
  });
}

function groupsOf(process: number | 'self'): ReturnType<typeof containerOfGroups> {
  try {
    return containerOfGroups(readFileSync(`/proc/${process}/cgroup`, 'utf8'));
  } catch {
    return null;
  }
}

/** The container that the namespace's first process is in, by its control group; named as engines print ids. */
function containerByGroup({ pid }: Found): Inhabitant | null {
  const told = pid === null ? null : groupsOf(pid);
  if (told === null) return null;
  return { ...told, name: told.id.slice(0, 12), networks: null, ports: null, hostsPath: null, resolvConfPath: null };
}

/** The inode number of the host's namespace; null where this user may not know it. */
function hostsInode(): number | null {
  try {
    return statSync('/proc/1/ns/net').ino;
  } catch {
    return null;
  }
}

/**
 * Of several containers in one namespace (a pod) the one to name it by, with the id, the networks and the ports of the one
 * whose network it is; none that merely shares the host's.
 */
function containerByEngine(found: Found, containers: readonly Container[]): Inhabitant | null {
  const inside = containersIn(found, containers);
  const owner = inside.find(({ joins }) => !joins) ?? inside[0];
  const named = inside.find(({ joins, infrastructure }) => !joins && !infrastructure);
  const chosen = named ?? inside.find((container) => !container.infrastructure) ?? owner;
  if (chosen === undefined || owner === undefined) return null;
  return { ...chosen, id: owner.id, networks: owner.networks, ports: owner.ports };
}

/** An engine's name of a container first; an id is none that people know it by. */
function* candidateNames(
  found: Found,
  own: boolean,
  byEngine: Inhabitant | null,
  byGroup: Inhabitant | null,
): Generator<string> {
  if (byEngine !== null) yield byEngine.name;
  if (found.netnsName !== null) yield found.netnsName;
  if (own) yield 'host';
  if (byGroup !== null) yield byGroup.name;
  if (found.pid !== null) yield `pid:${found.pid}`;
  if (found.dockerName !== null) yield found.dockerName;
  yield `netns:${found.inode}`;
}

/**
 * Opens every network namespace that has a name or a process; the tools that a nettrace runs there do not count.
 * `containers` gives them their containers' names; two that would be called alike get the next name that fits. Throws only
 * when this process's own cannot be opened.
 */
export function findNamespaces(containers: readonly Container[]): NamespaceSet {
  const missing: string[] = [];
  const opened = new Opened();
  openNamed(opened, missing);
  openOfProcesses(opened, missing);
  const taken = new Set<string>();
  // Engines do not always say of a container that it shares the host's network.
  const hosts = containers.length === 0 ? null : hostsInode();
  const ownGroup = groupsOf('self')?.id;
  // Our own comes first in the map: it gets its name before another may take it.
  const handles = [...opened.byInode.values()].map((found): NamespaceHandle => {
    const own = found === opened.own;
    const byEngine = found.inode === hosts ? null : containerByEngine(found, containers);
    const grouped = byEngine === null && !own ? containerByGroup(found) : null;
    const byGroup = grouped?.id === ownGroup ? null : grouped;
    const name = candidateNames(found, own, byEngine, byGroup).find((candidate) => !taken.has(candidate)) ?? '';
    taken.add(name);
    const { descriptor, inode, pid, netnsName } = found;
    return { name, inode, descriptor, own, pid, netnsName, container: byEngine ?? byGroup };
  });
  const order = (handle: NamespaceHandle): string => (handle.own ? '' : handle.name);
  handles.sort((first, second) => (order(first) < order(second) ? -1 : 1));
  return { namespaces: handles, missing, dispose: () => opened.dispose() };
}

/**
 * A command line that runs a command in the namespace. It is valid as long as this process and the handle live.
 *
 * @param mounts A descriptor of a mount namespace to run it in; without, this process's own.
 */
export function inNamespace(
  { own, descriptor }: NamespaceHandle,
  command: readonly string[],
  mounts: number | null = null,
): readonly string[] {
  const entered = [
    ...(own ? [] : [`--net=/proc/${process.pid}/fd/${descriptor}`]),
    ...(mounts === null ? [] : [`--mount=/proc/${process.pid}/fd/${mounts}`]),
  ];
  return entered.length === 0 ? command : ['nsenter', ...entered, '--', ...command];
}
