/** Explains the connections of a live capture: takes what is known of those that are due, and has it diagnosed. */

import type { Case, Session } from '../../case/evidence.ts';
import type { Diagnosis } from '../../diagnose/diagnosis.ts';
import { none } from '../../flow/connection-row.ts';
import type { FrameStore } from '../../live/frame-store.ts';
import type { LiveConnections } from '../../live/live-connections.ts';
import { framesOfConnections } from '../../live/live-evidence.ts';
import { errorText } from '../errors.ts';
import type { DiagnosisThread } from './diagnosis-thread.ts';
import type { LiveHost } from './host.ts';
import type { LiveKernel } from './kernel.ts';
import type { LiveNotes } from './notes.ts';

/** Connections that are diagnosed together. */
const mostTogether = 8;

/** What an explanation is made of. */
export interface ExplainerSources {
  readonly store: FrameStore;
  readonly connections: LiveConnections;
  readonly host: Pick<LiveHost, 'snapshot' | 'mayRefresh' | 'refresh'>;
  readonly kernel: Pick<LiveKernel, 'between'>;
  /** Disposed of with the explainer. */
  readonly diagnoser: Pick<DiagnosisThread, 'diagnose' | typeof Symbol.asyncDispose>;
  readonly notes: LiveNotes;
  /** How the evidence was gathered, and at which capture points. */
  readonly session: (kernelComplete: boolean) => Session;
  readonly interfaces: () => Case['interfaces'];
}

/** See the file's head. Dispose of it. */
export class LiveExplainer implements AsyncDisposable {
  readonly #sources: ExplainerSources;
  #busy = false;
  #stopped = false;
  #lookedAt: { readonly id: number; readonly signature: number } | null = null;
  #evidence: Diagnosis['evidence'] | null = null;

  constructor(sources: ExplainerSources) {
    this.#sources = sources;
  }

  /** A connection is being explained: connections must keep their numbers meanwhile. */
  get isBusy(): boolean {
    return this.#busy;
  }

  /** What the latest explanation stood on; null before the first. */
  get evidence(): Diagnosis['evidence'] | null {
    return this.#evidence;
  }

  /** Says which connection is looked at: it is explained, whatever became of it. */
  lookAt(id: number | null): void {
    const { connections } = this.#sources;
    if (id === null || connections.isExplained(id)) return;
    const signature = connections.signature(id);
    if (this.#lookedAt?.id === id && this.#lookedAt.signature === signature) return;
    this.#lookedAt = { id, signature };
    connections.plan.want(id);
  }

  /** Connections have other numbers from now on. */
  forget(): void {
    this.#lookedAt = null;
  }

  /** Explains those that are due at a time as the store's; one call at a time does. Never rejects. */
  async explainDue(nowNs: number): Promise<void> {
    const { connections, host, notes } = this.#sources;
    if (this.#busy || this.#stopped || host.snapshot === null) return;
    const ids = connections.plan.take(nowNs, mostTogether);
    if (ids.length === 0) return;
    this.#busy = true;
    try {
      if (host.mayRefresh) await host.refresh();
    } catch (error) {
      if (!this.#stopped) notes.happened(`The state of the host could not be collected again: ${errorText(error)}.`);
    }
    await this.#explain(ids);
    this.#busy = false;
  }

  /** Together, else one by one: one that cannot be explained takes no other with it. */
  async #explain(ids: readonly number[]): Promise<void> {
    const { connections, notes } = this.#sources;
    // One of them may be known by now for what NAT made of another.
    const originals = ids.map((id) => connections.sightsOf(id)[0] ?? id);
    const signatures = new Map(originals.map((id) => [id, connections.signature(id)]));
    try {
      await this.#explainTogether(signatures);
    } catch (error) {
      if (this.#stopped) return;
      if (signatures.size > 1) {
        for (const id of signatures.keys()) await this.#explain([id]);
        return;
      }
      for (const [id, signature] of signatures) connections.leaveUnexplained(id, signature);
      notes.happened(`A connection could not be explained: ${errorText(error)}.`);
    }
  }

  /** @param signatures What is known of each connection, by its number. */
  async #explainTogether(signatures: ReadonlyMap<number, number>): Promise<void> {
    const { store, connections, diagnoser } = this.#sources;
    const diagnosis = await diagnoser.diagnose(this.#caseOf([...signatures.keys()]));
    this.#evidence = diagnosis.evidence;
    for (const one of diagnosis.connections) {
      const seen = [...new Set(one.frames.map((frame) => store.connectionOf(frame)))].filter((id) => id !== none);
      const [id = none] = connections.sightsOf(seen[0] ?? none);
      const signature = signatures.get(id);
      if (signature !== undefined) connections.explain(id, one, signature, one.translated === null ? [] : seen);
    }
  }

  #caseOf(ids: readonly number[]): Case {
    const { store, connections, host, kernel, session, interfaces } = this.#sources;
    const sights = ids.flatMap((id) => connections.sightsOf(id));
    const frames = framesOfConnections(store, sights, (id) => connections.firstFrame(id));
    const { lines, isComplete } = kernel.between(frames[0]?.timeNs ?? 0n, frames.at(-1)?.timeNs ?? 0n);
    return {
      session: session(isComplete),
      // What goes to another thread is plain data.
      interfaces: interfaces().map(({ netns, device, linkType }) => ({ netns, device, linkType })),
      frames,
      snapshot: host.snapshot,
      kernelLines: lines,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    await this.#sources.diagnoser[Symbol.asyncDispose]();
  }
}
