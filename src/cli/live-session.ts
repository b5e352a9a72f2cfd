/**
 * A live capture from its beginning to its end: frames from all capture points into one store, connections followed as
 * they go, failed ones explained, and all of it as a view whenever something has changed.
 */

import { randomBytes } from 'node:crypto';
import type { CaptureEngine, CapturePoint } from '../capture/engine.ts';
import type { Guard } from '../capture/guard.ts';
import { LiveCapture } from '../capture/live-capture.ts';
import { livePoints } from '../capture/live-points.ts';
import type { PointName } from '../capture/points.ts';
import type { CaptureInterface, Case, KernelLine, Session } from '../case/evidence.ts';
import type { ConnectionDiagnosis, Diagnosis } from '../diagnose/diagnosis.ts';
import type { NamespaceHandle } from '../host/namespaces.ts';
import { Tracer } from '../kernel/tracefs.ts';
import { FrameStore, type ToldFrame } from '../live/frame-store.ts';
import { FramesOfConnection } from '../live/frames-of-connection.ts';
import { LiveConnections } from '../live/live-connections.ts';
import { framesOfConnections } from '../live/live-evidence.ts';
import { Tracker } from '../live/tracker.ts';
import type { CaseView } from '../ui/case-view.ts';
import { Diagnoser } from './diagnoser.ts';
import { errorText } from './errors.ts';
import { LiveFilters } from './live-filter.ts';
import { LiveHost } from './live-host.ts';
import { LiveMeter } from './live-meter.ts';
import { LiveSave } from './live-save.ts';
import { liveView } from './live-view.ts';

/** What is to be captured, and how. */
export interface LiveSessionOptions {
  readonly engine: CaptureEngine;
  readonly kernel: boolean;
  /** Namespaces of these names are treated as being out of sight. */
  readonly isIgnored: (name: string) => boolean;
  /** Chooses where to capture, each time that the host's wiring has changed; null: by what devices are. */
  readonly choose: ((host: LiveHost) => readonly PointName[]) | null;
  /** What is captured, in libpcap's language; null: all. */
  readonly filter: string | null;
  readonly memoryBytes: number;
  /** The file that all of it is written to as it comes. */
  readonly save: { readonly path: string; readonly limitBytes: number } | null;
  /** What people are to know from the start, one sentence each. */
  readonly notes: readonly string[];
}

/** Frames are put in order so often, in milliseconds: in time, and before they have left the processor's cache. */
const orderMs = 20;
/** The screen changes no more often than this; ten times a second reads as at once. */
const showMs = 100;
const meterMs = 1000;
/** Connections that are diagnosed together. */
const mostTogether = 8;
/** Above so many frames a second the kernel is no longer asked about each packet; below the other it is. */
const mostTraced = 20_000;
const tracedAgain = 5000;
/** What the kernel says of a failure is read within this time. */
const kernelLatencyMs = 400;
/** The kernel speaks of a connection within this time before its first frame and after its last. */
const kernelMarginNs = 1_000_000_000n;
/** Of a long connection, its beginning is left to its frames. */
const longestKernelNs = 20_000_000_000n;
const nsPerMs = 1_000_000;
const nsPerSecond = 1_000_000_000n;
const mostNotes = 200;

const placeOf = ({ netns, device }: PointName): string => `${netns}:${device}`;

/** Which namespace owns each address, where it is one alone. */
function ownersOf({ topology }: LiveHost): (address: string) => string | null {
  const owners = new Map<string, string | null>();
  for (const { name, devices } of topology.namespaces) {
    for (const { addresses } of devices) {
      for (const text of addresses) {
        const [address = ''] = text.split('/');
        const known = owners.get(address);
        owners.set(address, known === undefined || known === name ? name : null);
      }
    }
  }
  return (address) => owners.get(address) ?? null;
}

/** See the file's head. What it started ends with `end`, or with the guard. */
export class LiveSession {
  readonly #options: LiveSessionOptions;
  readonly #guard: Guard;
  readonly #show: (view: CaseView) => void;
  readonly #store: FrameStore;
  readonly #tracker: Tracker;
  readonly #connections: LiveConnections;
  readonly #capture: LiveCapture;
  readonly #host: LiveHost;
  readonly #meter: LiveMeter;
  readonly #filters: LiveFilters;
  readonly #framesOf: FramesOfConnection;
  readonly #diagnoser = new Diagnoser();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #interfaces: CaptureInterface[] = [];
  /** Places that the user chose, and whether to capture there. */
  readonly #chosen = new Map<string, boolean>();
  readonly #notes: string[];
  /** Captured places whose links are down. */
  readonly #down = new Set<string>();
  #tracer: Tracer | null = null;
  #kernelAsked = true;
  /** When a line of the kernel's was last lost, or left out; nanoseconds since 1970. */
  #kernelLostNs = 0n;
  #kernelLost = 0;
  #diagnosing = false;
  #wanted: { readonly id: number; readonly signature: number } | null = null;
  #evidence: Diagnosis['evidence'];
  readonly #save: LiveSave | null;
  #stopped = false;
  #shownLast = -1;
  #shownList: readonly ConnectionDiagnosis[] | null = null;

  /**
   * @param show Is called with a new view at most every 100 ms.
   * @throws UserError when the file cannot be made.
   */
  constructor(options: LiveSessionOptions, guard: Guard, show: (view: CaseView) => void) {
    this.#options = options;
    this.#guard = guard;
    this.#show = show;
    this.#notes = [...options.notes];
    const { save } = options;
    this.#save = save && new LiveSave(save.path, save.limitBytes, (sentence) => this.#note(sentence));
    if (save !== null) this.#notes.push(`Everything is saved to ${save.path}.`);
    const latencyMs = options.engine.latencyMs.bulk;
    const capture = new LiveCapture(options, guard, {
      open: () => this.#store.open(),
      close: (point) => this.#store.close(point),
      push: (point, record) => this.#store.push(point, record),
    });
    this.#capture = capture;
    // A seed that nobody can guess: no traffic can be crafted so that its connections collide.
    this.#tracker = new Tracker(randomBytes(4).readInt32LE(), capture.linkTypes);
    this.#store = new FrameStore(options.memoryBytes, latencyMs, (frame) => this.#take(frame));
    this.#connections = new LiveConnections(this.#tracker.table, Math.max(0, kernelLatencyMs - latencyMs) * nsPerMs);
    this.#framesOf = new FramesOfConnection(this.#store);
    this.#host = new LiveHost(guard, options.isIgnored, {
      changed: () => this.#hostChanged(),
      linkChanged: (namespace, change) => this.#linkChanged({ namespace, device: change.device }, change.usable),
      gone: (namespace) => this.#namespaceGone(namespace),
      note: (text) => this.#note(text),
      ownPids: () => capture.pids,
    });
    this.#meter = new LiveMeter(this.#host, capture);
    this.#filters = new LiveFilters(this.#store, () => ({
      interfaces: this.#interfaces,
      startNs: BigInt(this.#store.baseSecond) * nsPerSecond,
      connectionOf: ({ number }) => this.#connections.factsOf(this.#store.connectionOf(number)),
    }));
    const { engine } = options;
    this.#evidence = {
      frames: 0,
      engine: engine.name,
      clock: engine.clock,
      promiscuous: engine.promiscuous,
      snapshot: false,
      kernelEvents: 0,
      ruleTrace: false,
      linkOutages: [],
      missing: [],
    };
  }

  /** The view as things stand. */
  view(): CaseView {
    const connections = this.#connections.list(this.#nowNs);
    const { counts } = this.#connections;
    const { first, last } = this.#store;
    return liveView({
      store: this.#store,
      interfaces: this.#interfaces,
      diagnosis: {
        schema: 'nettrace.diagnosis/1',
        command: null,
        evidence: { ...this.#evidence, frames: last - first + 1 },
        connections,
      },
      status: {
        ...this.#meter.status(),
        connections: counts.all,
        failed: counts.failed,
        notes: this.#notes,
        toggle: (place) => this.#toggle(place),
      },
      filter: (text) => this.#filters.ask(text),
      framesOf: (connection) => {
        const id = this.#connections.idOf(connection);
        return id === null ? [] : this.#framesOf.of(id);
      },
    });
  }

  /** Finds the host's devices, and begins to capture. Rejects with what makes all of it impossible. */
  async begin(): Promise<void> {
    this.#timers.push(
      setInterval(() => this.#store.advance(Date.now()), orderMs),
      setInterval(() => this.#tick(), showMs),
      setInterval(() => this.#measure(), meterMs),
    );
    await Promise.all([this.#host.begin(), this.#openTracer()]);
  }

  #take(frame: ToldFrame): number {
    const place = this.#interfaces[frame.point];
    if (place !== undefined) this.#save?.add(frame, place, this.#store.baseSecond);
    return this.#tracker.take(frame);
  }

  /** Says which connection is looked at: it is explained, whatever became of it. */
  lookAt(connection: ConnectionDiagnosis | null): void {
    const id = connection === null ? null : this.#connections.idOf(connection);
    if (id === null || this.#connections.isExplained(id)) return;
    const signature = this.#connections.signature(id);
    if (this.#wanted?.id === id && this.#wanted.signature === signature) return;
    this.#wanted = { id, signature };
    this.#connections.plan.want(id);
  }

  /** Ends everything that it started. */
  async end(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all([
      this.#capture.stop(this.#save !== null),
      this.#host.stop(),
      this.#diagnoser[Symbol.asyncDispose](),
    ]);
    this.#store.finish();
    const kernelLines = this.#tracer?.stop() ?? [];
    this.#finishSave(kernelLines);
  }

  /** The host is taken away: what is saved by now is made whole, at once. */
  hurryEnd(): void {
    this.#stopped = true;
    this.#finishSave([]);
  }

  /** Frames that were saved; null without a file. */
  get savedFrames(): number | null {
    return this.#save?.frames ?? null;
  }

  #finishSave(kernelLines: readonly KernelLine[]): void {
    const lost = this.#kernelLostNs > 0n;
    this.#save?.finish({ session: this.#session(lost), snapshot: this.#host.snapshot, kernelLines });
  }

  #note(text: string): void {
    const time = new Date().toTimeString().slice(0, 8);
    this.#notes.push(`${time} ${text}`);
    if (this.#notes.length > mostNotes) this.#notes.splice(this.#options.notes.length, 1);
  }

  async #openTracer(): Promise<void> {
    if (!this.#options.kernel) {
      this.#notes.push('Kernel events are left out (--no-kernel): nothing is proven without them.');
      return;
    }
    try {
      this.#tracer = await Tracer.open(this.#guard, 'latest');
      this.#traceDevices();
    } catch (error) {
      this.#notes.push(`Kernel events cannot be had: ${errorText(error)}.`);
    }
  }

  #traceDevices(): void {
    const devices = this.#capture.points.filter(({ active }) => active).map(({ point }) => point.device);
    this.#tracer?.watch(devices);
  }

  #hostChanged(): void {
    if (this.#stopped) return;
    const { topology, namespaces } = this.#host;
    this.#connections.nameOwners(ownersOf(this.#host));
    const there = new Set(
      topology.namespaces.flatMap(({ name, devices }) =>
        devices.map((device) => placeOf({ netns: name, device: device.name })),
      ),
    );
    for (const { point, active } of this.#capture.points) {
      const place = placeOf({ netns: point.namespace.name, device: point.device });
      if (!active || there.has(place)) continue;
      this.#down.delete(place);
      this.#note(`${place} is gone.`);
      void this.#capture.remove(point);
    }
    const chosen = this.#options.choose?.(this.#host) ?? livePoints(topology);
    const own = chosen.filter((point) => this.#chosen.get(placeOf(point)) ?? true);
    const points = own.flatMap(({ netns, device }): CapturePoint[] => {
      const namespace = namespaces.find(({ name }) => name === netns);
      return namespace === undefined ? [] : [{ namespace, device }];
    });
    for (const point of points) this.#add(point, points.length);
    this.#traceDevices();
    this.#meter.read();
  }

  #add(point: CapturePoint, among: number): void {
    if (this.#capture.has(point)) return;
    this.#capture.add(point, among);
    const number = this.#capture.linkTypes.length - 1;
    const { linkTypes } = this.#capture;
    this.#interfaces[number] = {
      netns: point.namespace.name,
      device: point.device,
      // Told by the engine's stream, a moment after it has begun.
      get linkType() {
        return linkTypes[number] ?? 1;
      },
    };
  }

  #linkChanged(point: CapturePoint, usable: boolean): void {
    const place = placeOf({ netns: point.namespace.name, device: point.device });
    if (usable) this.#capture.hurry(point);
    if (usable === !this.#down.has(place) || !(this.#capture.has(point) || usable)) return;
    if (usable) this.#down.delete(place);
    else this.#down.add(place);
    this.#note(usable ? `${place} is up again.` : `${place} went down.`);
  }

  async #namespaceGone({ inode }: NamespaceHandle): Promise<void> {
    const points = this.#capture.points.filter(({ active, point }) => active && point.namespace.inode === inode);
    await Promise.all(points.map(({ point }) => this.#capture.remove(point)));
  }

  #toggle(place: string): void {
    const colon = place.lastIndexOf(':');
    const namespace = this.#host.namespaces.find(({ name }) => name === place.slice(0, colon));
    if (namespace === undefined) return;
    const point = { namespace, device: place.slice(colon + 1) };
    const has = this.#capture.has(point);
    this.#chosen.set(place, !has);
    this.#note(has ? `${place} is no longer captured.` : `${place} is captured from here on.`);
    if (has) void this.#capture.remove(point);
    else this.#add(point, this.#capture.points.filter(({ active }) => active).length + 1);
    this.#traceDevices();
    this.#meter.read();
    this.#show(this.view());
  }

  /** Nanoseconds as the store's, up to which everything has been told. */
  get #nowNs(): number {
    return (Date.now() - this.#options.engine.latencyMs.bulk - this.#store.baseSecond * 1000) * nsPerMs;
  }

  #tick(): void {
    this.#connections.update(this.#tracker.takeChanged(), this.#nowNs);
    if (!this.#diagnosing) this.#makeRoom();
    void this.#diagnoseDue();
    const list = this.#connections.list(this.#nowNs);
    if (this.#store.last === this.#shownLast && list === this.#shownList) return;
    this.#shownLast = this.#store.last;
    this.#shownList = list;
    this.#show(this.view());
  }

  /** A capture may go on for longer than all of its connections can be remembered. */
  #makeRoom(): void {
    const numbers = this.#connections.makeRoom((id) => this.#store.holds(id));
    if (numbers === null) return;
    this.#store.renumber(numbers);
    this.#framesOf.forget();
    this.#wanted = null;
  }

  #measure(): void {
    this.#meter.read();
    const { framesPerSecond } = this.#meter.status();
    if (this.#tracer !== null) {
      if (this.#tracer.asksAll && framesPerSecond > mostTraced) this.#tracer.askLess();
      else if (!this.#tracer.asksAll && framesPerSecond < tracedAgain) this.#tracer.askAll();
      if (this.#kernelAsked !== this.#tracer.asksAll) {
        this.#kernelAsked = this.#tracer.asksAll;
        this.#note(
          this.#kernelAsked
            ? 'The kernel tells everything again.'
            : 'There are too many packets for the kernel to tell of each: what it would prove is not proven for now.',
        );
      }
      if (!this.#kernelAsked || this.#tracer.lost > this.#kernelLost) {
        this.#kernelLost = this.#tracer.lost;
        this.#kernelLostNs = BigInt(Date.now()) * BigInt(nsPerMs);
      }
    }
    this.#show(this.view());
  }

  async #diagnoseDue(): Promise<void> {
    if (this.#diagnosing || this.#stopped || this.#host.snapshot === null) return;
    const ids = this.#connections.plan.take(this.#nowNs, mostTogether);
    if (ids.length === 0) return;
    this.#diagnosing = true;
    try {
      if (this.#host.mayRefresh) await this.#host.refresh();
      await this.#diagnose(ids);
    } catch (error) {
      if (!this.#stopped) this.#note(`A connection could not be explained: ${errorText(error)}.`);
    } finally {
      this.#diagnosing = false;
    }
  }

  async #diagnose(ids: readonly number[]): Promise<void> {
    const signatures = new Map(ids.map((id) => [id, this.#connections.signature(id)]));
    const diagnosis = await this.#diagnoser.diagnose(this.#caseOf(ids));
    this.#evidence = diagnosis.evidence;
    for (const one of diagnosis.connections) {
      const id = this.#store.connectionOf(one.frames[0] ?? 0);
      const signature = signatures.get(id);
      if (signature !== undefined) this.#connections.explain(id, one, signature);
    }
  }

  #caseOf(ids: readonly number[]): Case {
    const frames = framesOfConnections(this.#store, ids);
    const fromNs = (frames[0]?.timeNs ?? 0n) - kernelMarginNs;
    const toNs = (frames.at(-1)?.timeNs ?? 0n) + kernelMarginNs;
    const kernelFromNs = fromNs < toNs - longestKernelNs ? toNs - longestKernelNs : fromNs;
    const kernelLines = this.#tracer?.between(kernelFromNs, toNs) ?? [];
    return {
      session: this.#session(this.#kernelLostNs >= kernelFromNs),
      interfaces: this.#interfaces.map(({ netns, device, linkType }) => ({ netns, device, linkType })),
      frames,
      snapshot: this.#host.snapshot,
      kernelLines,
    };
  }

  #session(kernelLost: boolean): Session {
    const { engine } = this.#options;
    return {
      engine: engine.name,
      clock: engine.clock,
      promiscuous: engine.promiscuous,
      command: null,
      kernelEvents: this.#tracer !== null,
      kernelEventsLost: kernelLost ? 1 : 0,
      linkOutages: this.#host.outages.filter(({ netns, device }) =>
        this.#interfaces.some((one) => one.netns === netns && one.device === device),
      ),
      framesDropped: this.#capture.points.map(({ dropped }) => dropped),
      missing: this.#options.notes,
    };
  }
}
