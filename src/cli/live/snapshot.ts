/** The state of a host that goes on: taken as a whole now and then, and where something has changed at once. */

import type { Guard } from '../../capture/guard.ts';
import { collectSnapshot } from '../../host/collect.ts';
import { keepKnown, mergeSnapshots } from '../../host/merge-snapshots.ts';
import type { NamespaceHandle } from '../../host/namespaces.ts';
import type { Snapshot } from '../../host/snapshot.ts';
import { describeTopology, type Topology } from '../../topology/topology.ts';

/** Snapshots take at most this share of the time. */
const share = 0.1;
const shortestPauseMs = 2000;

const emptyTopology: Topology = { schema: 'nettrace.topology/1', namespaces: [], missing: [] };

/** The parts of a snapshot that say how the host is wired: the others take far longer to parse. */
function wiringOf(snapshot: Snapshot): Snapshot {
  const namespaces = snapshot.namespaces.map((namespace) => ({
    ...namespace,
    outputs: namespace.outputs.filter(({ command }) => command.startsWith('ip ')),
  }));
  return { ...snapshot, namespaces };
}

/** See the file's head. One collection runs at a time. */
export class LiveSnapshot {
  readonly #guard: Guard;
  readonly #tell: (sentence: string) => void;
  #latest: Snapshot | null = null;
  #topology = emptyTopology;
  #collecting: Promise<void> | null = null;
  #nextWholeMs = 0;

  /** @param tell Hears of what a snapshot lacks that the one before had, in one sentence each. */
  constructor(guard: Guard, tell: (sentence: string) => void) {
    this.#guard = guard;
    this.#tell = tell;
  }

  /** The latest; null before the first. */
  get latest(): Snapshot | null {
    return this.#latest;
  }

  /** How the host is wired, by the latest. */
  get topology(): Topology {
    return this.#topology;
  }

  /** True when a whole snapshot may be taken again: it costs the host something. */
  get mayTakeWhole(): boolean {
    return this.#collecting === null && performance.now() >= this.#nextWholeMs;
  }

  /**
   * Takes one of all namespaces, or waits for the collection that runs.
   *
   * @param missing What is known to be missing, one sentence each.
   */
  async takeWhole(handles: readonly NamespaceHandle[], missing: readonly string[]): Promise<void> {
    this.#collecting ??= this.#whole(handles, missing).finally(() => {
      this.#collecting = null;
    });
    await this.#collecting;
  }

  /** Takes some namespaces again, when the collection that runs is done. */
  async takeAgain(changed: readonly NamespaceHandle[], present: () => readonly NamespaceHandle[]): Promise<void> {
    await this.idle();
    this.#collecting = this.#part(changed, present).finally(() => {
      this.#collecting = null;
    });
    await this.#collecting;
  }

  /** Resolves when nothing is collected. What a collection fails of is told to whoever began it. */
  async idle(): Promise<void> {
    while (this.#collecting !== null) await this.#collecting.catch(() => {});
  }

  async #whole(handles: readonly NamespaceHandle[], missing: readonly string[]): Promise<void> {
    const startMs = performance.now();
    const snapshot = await collectSnapshot(handles, { missing, onChild: this.#guard.watchProcess });
    const nowMs = performance.now();
    this.#nextWholeMs = nowMs + Math.max(shortestPauseMs, (nowMs - startMs) / share);
    this.#take(this.#latest === null ? snapshot : keepKnown(this.#latest, snapshot));
  }

  async #part(changed: readonly NamespaceHandle[], present: () => readonly NamespaceHandle[]): Promise<void> {
    const earlier = this.#latest;
    if (earlier === null) return;
    const later = await collectSnapshot(changed, { present: present(), onChild: this.#guard.watchProcess });
    const inodes = present().map(({ inode }) => inode);
    this.#take(mergeSnapshots(earlier, later, inodes));
  }

  #take(snapshot: Snapshot): void {
    const known = this.#latest?.missing ?? snapshot.missing;
    for (const sentence of snapshot.missing) if (!known.includes(sentence)) this.#tell(sentence);
    this.#latest = snapshot;
    this.#topology = describeTopology(wiringOf(snapshot));
  }
}
