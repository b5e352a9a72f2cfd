/**
 * The host while a live capture goes on: namespaces that come and go, their links, how all of it is wired, and a snapshot
 * as fresh as a diagnosis wants it. It holds a namespace open no longer than somebody else does.
 */

import { closeSync, readFileSync } from 'node:fs';
import type { Guard } from '../../capture/guard.ts';
import { type LinkChange, LinkMonitor } from '../../capture/link-monitor.ts';
import type { LinkOutage } from '../../case/evidence.ts';
import { listContainers } from '../../host/containers.ts';
import { findNamespaces, type NamespaceHandle, type NamespaceSet } from '../../host/namespaces.ts';
import { linksOf } from '../../host/parse/links-of.ts';
import type { Snapshot } from '../../host/snapshot.ts';
import type { Link } from '../../host/state.ts';
import { listWords } from '../../host/word-list.ts';
import type { Topology } from '../../topology/topology.ts';
import { errorText } from '../errors.ts';
import { LiveSnapshot } from './snapshot.ts';

/** How often it is looked for namespaces that have come or gone. */
const scanMs = 1000;
/** Links that change together are looked at together, no more of them than these at once. */
const settleMs = 300;
const mostAgain = 8;

/** Outages that are remembered of namespaces that are gone. */
const mostPastOutages = 1000;

/** What a device has counted since it is there. */
export interface DeviceCounters {
  readonly packets: number;
  readonly bytes: number;
}

interface Watched {
  readonly handle: NamespaceHandle;
  readonly monitor: LinkMonitor;
}

/** What is told of the host. Nothing of it may throw. */
export interface LiveHostEvents {
  /** A new snapshot, and so maybe another wiring. */
  changed(): void;
  /** A link came up, went down, or something else about it changed. */
  linkChanged(namespace: NamespaceHandle, change: LinkChange): void;
  /** A namespace is gone: whatever is in it is to be ended. */
  gone(namespace: NamespaceHandle): Promise<void>;
  /** Something that people should know; one sentence. */
  note(text: string): void;
}

/** A line of /proc/net/dev, proc_pid_net(5): received bytes and packets first, sent ones in the ninth and tenth place. */
const counterLine = /^\s*(\S+):\s*(.*)$/;

/** Counters of all devices of a process's namespace, by name. */
function readCounters(pid: number): Map<string, DeviceCounters> {
  const counters = new Map<string, DeviceCounters>();
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/net/dev`, 'utf8');
  } catch {
    return counters;
  }
  for (const row of text.split('\n')) {
    const [, name = '', numbers = ''] = counterLine.exec(row) ?? [];
    const [bytes = 0, packets = 0, , , , , , , sentBytes = 0, sentPackets = 0] = numbers
      .trim()
      .split(/\s+/)
      .map(Number);
    if (name !== '') counters.set(name, { packets: packets + sentPackets, bytes: bytes + sentBytes });
  }
  return counters;
}

/** Which namespace owns each address, where it is one alone. */
function ownersIn({ namespaces }: Topology): ReadonlyMap<string, string | null> {
  const owners = new Map<string, string | null>();
  for (const { name, devices } of namespaces) {
    for (const text of devices.flatMap(({ addresses }) => addresses)) {
      const [address = ''] = text.split('/');
      const known = owners.get(address);
      owners.set(address, known === undefined || known === name ? name : null);
    }
  }
  return owners;
}

/** See the file's head. A host that is not stopped is watched on: then the process is to end. */
export class LiveHost {
  readonly #guard: Guard;
  readonly #isIgnored: (name: string) => boolean;
  readonly #events: LiveHostEvents;
  readonly #watched = new Map<number, Watched>();
  /** Namespaces that are to be out of sight, by inode number. */
  readonly #ignored = new Set<number>();
  /** Outages of namespaces that are gone. */
  readonly #pastOutages: LinkOutage[] = [];
  #missing: readonly string[] = [];
  readonly #state: LiveSnapshot;
  #scanTimer: NodeJS.Timeout | undefined;
  #settleTimer: NodeJS.Timeout | undefined;
  /** Namespaces whose links have changed, by inode number. */
  readonly #changed = new Set<number>();
  #scanning = false;
  #toldFailure: string | null = null;
  #stopped = false;

  constructor(guard: Guard, isIgnored: (name: string) => boolean, events: LiveHostEvents) {
    this.#guard = guard;
    this.#state = new LiveSnapshot(guard, (sentence) => events.note(sentence));
    this.#isIgnored = isIgnored;
    this.#events = events;
  }

  /** Finds what is there; resolves with the first snapshot. */
  async begin(): Promise<void> {
    const { containers, missing } = await listContainers({ onChild: this.#guard.watchProcess });
    // The user may be gone by now: then nothing is begun any more.
    if (this.#stopped) return;
    const set = findNamespaces(containers);
    this.#missing = [...missing.values(), ...set.missing];
    this.#adopt(set);
    await this.refresh();
    if (this.#stopped) return;
    this.#scanTimer = setInterval(() => void this.#scan(), scanMs);
  }

  get namespaces(): readonly NamespaceHandle[] {
    return [...this.#watched.values()].map(({ handle }) => handle);
  }

  /** The latest snapshot; null before the first. */
  get snapshot(): Snapshot | null {
    return this.#state.latest;
  }

  /** How the host is wired, by the latest snapshot. */
  get topology(): Topology {
    return this.#state.topology;
  }

  /** The namespace that owns an address, by the latest snapshot; null where none does, or several. */
  get ownerOf(): (address: string) => string | null {
    const owners = ownersIn(this.topology);
    return (address) => owners.get(address) ?? null;
  }

  /** The links of each namespace by its name, by the latest snapshot. */
  links(): Map<string, readonly Link[]> {
    return this.snapshot === null ? new Map() : linksOf(this.snapshot);
  }

  /** When links were down, of all namespaces. */
  get outages(): LinkOutage[] {
    return [...this.#pastOutages, ...[...this.#watched.values()].flatMap(({ monitor }) => monitor.log.outages())];
  }

  /** What the devices of each namespace have counted, by the namespace's name and the device's. */
  counters(): Map<string, ReadonlyMap<string, DeviceCounters>> {
    const counters = new Map<string, ReadonlyMap<string, DeviceCounters>>();
    for (const { handle, monitor } of this.#watched.values()) {
      if (monitor.pid !== undefined) counters.set(handle.name, readCounters(monitor.pid));
    }
    return counters;
  }

  /** True when a snapshot may be taken again: it costs the host something. */
  get mayRefresh(): boolean {
    return this.#state.mayTakeWhole;
  }

  /** Takes a snapshot of all namespaces, or waits for the one that is being taken. */
  async refresh(): Promise<void> {
    if (this.#stopped) return;
    this.#changed.clear();
    await this.#state.takeWhole(this.namespaces, this.#missing);
    if (!this.#stopped) this.#events.changed();
  }

  #adopt({ namespaces }: NamespaceSet): NamespaceHandle[] {
    const fresh: NamespaceHandle[] = [];
    for (const found of namespaces) {
      if (!found.own && this.#isIgnored(found.name)) this.#ignored.add(found.inode);
      if (this.#knows(found)) {
        closeSync(found.descriptor);
        continue;
      }
      const taken = this.namespaces.some(({ name }) => name === found.name);
      const handle = taken ? { ...found, name: `${found.name}@${found.inode}` } : found;
      const monitor = new LinkMonitor(handle, this.#guard, (change) => {
        this.#events.linkChanged(handle, change);
        this.#settle([handle]);
      });
      this.#watched.set(handle.inode, { handle, monitor });
      fresh.push(handle);
    }
    return fresh;
  }

  #knows({ inode }: NamespaceHandle): boolean {
    return this.#watched.has(inode) || this.#ignored.has(inode);
  }

  /** Looks again, in a moment, at namespaces that have changed. */
  #settle(changed: readonly NamespaceHandle[]): void {
    for (const { inode } of changed) this.#changed.add(inode);
    if (this.#settleTimer !== undefined || this.#stopped) return;
    this.#settleTimer = setTimeout(() => void this.#lookAgain(), settleMs);
  }

  /** Never rejects, like `#scan`: nobody waits for either. */
  async #lookAgain(): Promise<void> {
    const changed = this.namespaces.filter(({ inode }) => this.#changed.has(inode)).slice(0, mostAgain);
    for (const { inode } of changed) this.#changed.delete(inode);
    try {
      await this.#state.takeAgain(changed, () => this.namespaces);
      if (!this.#stopped) this.#events.changed();
    } catch (error) {
      this.#failed('What has changed on this host could not be looked at', error);
    } finally {
      this.#settleTimer = undefined;
    }
    if (this.#changed.size > 0) this.#settle([]);
  }

  /** Tells of a look that failed; of one that goes on failing alike, once. */
  #failed(what: string, error: unknown): void {
    const sentence = `${what}: ${errorText(error)}.`;
    if (sentence !== this.#toldFailure && !this.#stopped) this.#events.note(sentence);
    this.#toldFailure = sentence;
  }

  async #scan(): Promise<void> {
    if (this.#scanning || this.#stopped) return;
    this.#scanning = true;
    try {
      await this.#compare();
    } catch (error) {
      this.#failed('It could not be looked for new namespaces', error);
    } finally {
      this.#scanning = false;
    }
  }

  async #compare(): Promise<void> {
    const set = findNamespaces([]);
    set.dispose();
    const found = new Set(set.namespaces.map(({ inode }) => inode));
    const gone = this.namespaces.filter(({ inode }) => !found.has(inode));
    await Promise.all(gone.map((handle) => this.#drop(handle)));
    this.#tell(gone, 'gone');
    for (const inode of this.#ignored) if (!found.has(inode)) this.#ignored.delete(inode);
    if (set.namespaces.every((namespace) => this.#knows(namespace))) return;
    const { containers } = await listContainers({ onChild: this.#guard.watchProcess });
    if (this.#stopped) return;
    this.#tell(this.#adopt(findNamespaces(containers)), 'new');
  }

  async #drop(handle: NamespaceHandle): Promise<void> {
    const watched = this.#watched.get(handle.inode);
    if (watched === undefined) return;
    this.#watched.delete(handle.inode);
    this.#pastOutages.push(...watched.monitor.log.outages());
    this.#pastOutages.splice(0, this.#pastOutages.length - mostPastOutages);
    await this.#events.gone(handle);
    await watched.monitor.stop();
    // A collection that runs reaches namespaces by these numbers.
    await this.#state.idle();
    closeSync(handle.descriptor);
  }

  #tell(namespaces: readonly NamespaceHandle[], what: 'new' | 'gone'): void {
    if (namespaces.length === 0) return;
    const names = listWords(namespaces.map(({ name }) => name));
    const subject =
      namespaces.length === 1 ? `The network namespace ${names} is` : `The network namespaces ${names} are`;
    this.#events.note(`${subject} ${what}.`);
    this.#settle(what === 'new' ? namespaces : []);
  }

  /** Ends every child of its own. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#scanTimer);
    clearTimeout(this.#settleTimer);
    await Promise.all([this.#state.idle(), ...[...this.#watched.values()].map(({ monitor }) => monitor.stop())]);
    for (const { handle } of this.#watched.values()) closeSync(handle.descriptor);
  }
}
