/**
 * A live capture from its beginning to its end: frames from all capture points into one store, connections followed as
 * they go, failed ones explained, and all of it as a view whenever something has changed.
 */

import { randomBytes } from 'node:crypto';
import type { CaptureEngine } from '../../capture/engine.ts';
import type { Guard } from '../../capture/guard.ts';
import type { KernelLine, Session } from '../../case/evidence.ts';
import type { ConnectionDiagnosis } from '../../diagnose/diagnosis.ts';
import { FrameStore, type ToldFrame } from '../../live/frame-store.ts';
import { FramesOfConnection } from '../../live/frames-of-connection.ts';
import { LiveConnections } from '../../live/live-connections.ts';
import { Tracker } from '../../live/tracker.ts';
import type { CaseView } from '../../ui/case-view.ts';
import { DiagnosisThread } from './diagnosis-thread.ts';
import { LiveExplainer } from './explainer.ts';
import { LiveFilters } from './filter.ts';
import { LiveHost } from './host.ts';
import { LiveKernel } from './kernel.ts';
import { LiveMeter } from './meter.ts';
import { LiveNotes } from './notes.ts';
import { LivePlaces, type PlaceChoice } from './places.ts';
import { LiveSave } from './save.ts';
import { LiveStreams } from './streams.ts';
import { liveView } from './view.ts';

/** What is to be captured, and how. */
export interface LiveSessionOptions {
  readonly engine: CaptureEngine;
  readonly kernel: boolean;
  /** Namespaces of these names are treated as being out of sight. */
  readonly isIgnored: (name: string) => boolean;
  /** Chooses where to capture; null: by what devices are. */
  readonly choose: PlaceChoice | null;
  /** What is captured, in libpcap's language; null: all. */
  readonly filter: string | null;
  readonly memoryBytes: number;
  /** The file that all of it is written to as it comes. */
  readonly save: { readonly path: string; readonly limitBytes: number } | null;
  /** What people are to know from the start, one sentence each. */
  readonly notes: readonly string[];
}

/** So much of the memory is taken at the beginning, a piece at a time: a flood fills it within a second. */
const prepared = { mostBytes: 256 * 1024 * 1024, pieceBytes: 8 * 1024 * 1024 } as const;
/** Frames are put in order so often, in milliseconds: in time, and before they have left the processor's cache. */
const orderMs = 20;
/** The screen changes no more often: ten times a second reads as at once, and under load timers come late. */
const showMs = 90;
const meterMs = 1000;
/** What the kernel says of a failure is read within this time. */
const kernelLatencyMs = 400;
const nsPerMs = 1_000_000;
const nsPerSecond = 1_000_000_000n;

/** See the file's head. What it started ends with `end`, or with the guard; the file that it created, when disposed of. */
export class LiveSession implements Disposable {
  readonly #options: LiveSessionOptions;
  readonly #guard: Guard;
  readonly #show: (view: CaseView) => void;
  readonly #notes: LiveNotes;
  readonly #save: LiveSave | null;
  readonly #places: LivePlaces;
  readonly #host: LiveHost;
  readonly #kernel: LiveKernel;
  readonly #meter: LiveMeter;
  readonly #tracker: Tracker;
  readonly #store: FrameStore;
  readonly #connections: LiveConnections;
  readonly #explainer: LiveExplainer;
  readonly #filters: LiveFilters;
  readonly #streams: LiveStreams;
  readonly #framesOf: FramesOfConnection;
  readonly #timers: NodeJS.Timeout[] = [];
  #shown: { readonly last: number; readonly list: readonly ConnectionDiagnosis[] } | null = null;
  #stopped = false;

  /**
   * @param show Is called with a new view: every `showMs` if anything was captured or became of a connection, every `meterMs`
   *   whatever happened, and when a place is switched on or off.
   * @throws UserError when the file cannot be made.
   */
  constructor(options: LiveSessionOptions, guard: Guard, show: (view: CaseView) => void) {
    this.#options = options;
    this.#guard = guard;
    this.#show = show;
    const notes = new LiveNotes(options.notes);
    this.#notes = notes;
    const { save, engine } = options;
    this.#save = save && new LiveSave(save.path, save.limitBytes, (sentence) => notes.happened(sentence));
    if (save !== null) notes.happened(`Everything is saved to ${save.path} as it comes.`);
    this.#kernel = new LiveKernel(notes);
    const places = new LivePlaces(options, options.choose, guard, notes, {
      open: () => this.#store.open(),
      close: (point) => this.#store.close(point),
      push: (point, record) => this.#store.push(point, record),
    });
    this.#places = places;
    this.#host = new LiveHost(guard, options.isIgnored, {
      changed: () => this.#hostChanged(),
      linkChanged: (namespace, change) => places.linkChanged({ namespace, device: change.device }, change.usable),
      gone: (namespace) => places.leave(namespace),
      note: (text) => notes.happened(text),
    });
    this.#meter = new LiveMeter(this.#host, places.capture);
    // A seed that nobody can guess: no traffic can be crafted so that its connections collide.
    this.#tracker = new Tracker(randomBytes(4).readInt32LE(), places.capture.linkTypes);
    const latencyMs = engine.latencyMs.bulk;
    const settleNs = Math.max(0, kernelLatencyMs - latencyMs) * nsPerMs;
    this.#store = new FrameStore(options.memoryBytes, latencyMs, (frame) => this.#take(frame));
    this.#connections = new LiveConnections(this.#tracker.table, settleNs);
    this.#framesOf = new FramesOfConnection(this.#store);
    this.#streams = new LiveStreams(this.#store, places.interfaces);
    this.#explainer = new LiveExplainer({
      store: this.#store,
      connections: this.#connections,
      host: this.#host,
      kernel: this.#kernel,
      diagnoser: new DiagnosisThread(),
      notes,
      session: (kernelComplete) => this.#session(kernelComplete),
      interfaces: () => places.interfaces,
    });
    this.#filters = new LiveFilters(this.#store, () => ({
      interfaces: places.interfaces,
      startNs: BigInt(this.#store.baseSecond) * nsPerSecond,
      connectionOf: ({ number }) => this.#connections.factsOf(this.#store.connectionOf(number)),
    }));
  }

  /** Finds the host's devices, and begins to capture. Rejects with what makes all of it impossible. */
  async begin(): Promise<void> {
    this.#timers.push(
      setInterval(() => {
        this.#store.advance(Date.now());
        if (this.#store.bytes < prepared.mostBytes) this.#store.prepare(prepared.pieceBytes);
      }, orderMs),
      setInterval(() => this.#look(), showMs),
      setInterval(() => this.#measure(), meterMs),
    );
    await Promise.all([this.#host.begin(), this.#kernel.open(this.#guard, this.#options.kernel)]);
  }

  /** The view as things stand. */
  view(): CaseView {
    const { engine } = this.#options;
    const { first, last } = this.#store;
    const { all, failed } = this.#connections.counts;
    const { snapshot } = this.#host;
    const nothingYet = {
      snapshot: snapshot !== null,
      kernelEvents: 0,
      ruleTrace: false,
      linkOutages: [],
      missing: [...this.#notes.standing, ...(snapshot?.missing ?? [])],
    };
    return liveView({
      store: this.#store,
      interfaces: this.#places.interfaces,
      diagnosis: {
        schema: 'nettrace.diagnosis/1',
        command: null,
        evidence: {
          ...(this.#explainer.evidence ?? nothingYet),
          frames: last - first + 1,
          engine: engine.name,
          clock: engine.clock,
          promiscuous: engine.promiscuous,
        },
        connections: this.#connections.list(this.#nowNs),
      },
      status: {
        ...this.#meter.status(),
        connections: all,
        failed,
        notes: this.#notes.all,
        isDone: (connection) => {
          const id = this.#connections.idOf(connection);
          return id !== null && this.#connections.isDone(id);
        },
        toggle: (place) => this.#toggle(place),
      },
      filters: this.#filters,
      streams: this.#streams,
      framesOf: this.#framesOf,
      idOf: (connection) => this.#connections.idOf(connection),
      sightsOf: (id) => this.#connections.sightsOf(id),
    });
  }

  /** Says which connection is looked at: it is explained, whatever became of it. */
  lookAt(connection: ConnectionDiagnosis | null): void {
    this.#explainer.lookAt(connection === null ? null : this.#connections.idOf(connection));
  }

  /** Ends everything that it started, and completes the file. */
  async end(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([
      this.#places.capture.stop(this.#save !== null),
      this.#host.stop(),
      this.#explainer[Symbol.asyncDispose](),
    ]);
    this.#store.finish();
    this.#finishSave(this.#kernel.stop());
  }

  /** The terminal is taken away: the file is completed at once, as far as it can be. */
  hurryEnd(): void {
    this.#stopped = true;
    try {
      this.#store.finish();
      this.#finishSave([]);
    } catch {
      // Nobody can be told any more.
    }
  }

  [Symbol.dispose](): void {
    this.#save?.[Symbol.dispose]();
  }

  /** Frames that were saved; null without a file. */
  get savedFrames(): number | null {
    return this.#save?.frames ?? null;
  }

  #take(frame: ToldFrame): number {
    const place = this.#places.interfaces[frame.point];
    if (place !== undefined) this.#save?.add(frame, place, this.#store.baseSecond);
    return this.#tracker.take(frame);
  }

  #finishSave(kernelLines: readonly KernelLine[]): void {
    this.#save?.finish({
      session: this.#session(this.#kernel.isComplete),
      snapshot: this.#host.snapshot,
      kernelLines,
    });
  }

  /** Nanoseconds as the store's, up to which everything has been told. */
  get #nowNs(): number {
    return (Date.now() - this.#options.engine.latencyMs.bulk - this.#store.baseSecond * 1000) * nsPerMs;
  }

  #hostChanged(): void {
    if (this.#stopped) return;
    this.#connections.nameOwners(this.#host.ownerOf);
    this.#places.follow(this.#host);
    this.#kernel.watch(this.#places.devices);
    this.#meter.read();
  }

  #toggle(place: string): void {
    this.#places.toggle(place, this.#host.namespaces);
    this.#kernel.watch(this.#places.devices);
    this.#meter.read();
    this.#show(this.view());
  }

  #look(): void {
    const nowNs = this.#nowNs;
    this.#connections.update(this.#tracker.takeChanged(), nowNs);
    if (!this.#explainer.isBusy) this.#makeRoom();
    void this.#explainer.explainDue(nowNs);
    const { last } = this.#store;
    const list = this.#connections.list(nowNs);
    if (last === this.#shown?.last && list === this.#shown.list) return;
    this.#shown = { last, list };
    this.#show(this.view());
  }

  /** A capture may go on for longer than all of its connections can be remembered. */
  #makeRoom(): void {
    const numbers = this.#connections.makeRoom((id) => this.#store.holds(id));
    if (numbers === null) return;
    this.#store.renumber(numbers);
    this.#framesOf.forget();
    this.#explainer.forget();
  }

  #measure(): void {
    this.#meter.read();
    this.#kernel.measure(this.#meter.status().framesPerSecond);
    this.#places.tellEnds();
    this.#save?.flush();
    this.#show(this.view());
  }

  #session(kernelComplete: boolean): Session {
    const { engine } = this.#options;
    const { interfaces, capture } = this.#places;
    const { late } = this.#store;
    const lateFrames = `${late} frames came too late to be put in the order of time.`;
    return {
      engine: engine.name,
      clock: engine.clock,
      promiscuous: engine.promiscuous,
      command: null,
      kernelEvents: this.#kernel.isOpen,
      kernelEventsLost: kernelComplete ? 0 : 1,
      linkOutages: this.#host.outages.filter(({ netns, device }) =>
        interfaces.some((one) => one.netns === netns && one.device === device),
      ),
      framesDropped: capture.points.map(({ dropped }) => dropped),
      missing: [...this.#notes.standing, ...(late === 0 ? [] : [lateFrames])],
    };
  }
}
