/**
 * Runs an engine's children: reads their streams, notices when one ends, starts it again with growing pauses, and ends
 * them without losing what they have queued.
 */

import { closeSync } from 'node:fs';
import type { FrameRecord } from '../capfile/capture-parser.ts';
import { RecordReader } from '../capfile/record-reader.ts';
import { childFailure } from '../host/child-failure.ts';
import { startStreaming, startStreamingTo } from '../host/gate.ts';
import { inNamespace } from '../host/namespaces.ts';
import type { CaptureEngine, CaptureJob, CapturePoint, EngineCounts } from './engine.ts';
import type { Guard } from './guard.ts';
import { type KernelPipe, openKernelPipe, readKernelPipe } from './kernel-pipe.ts';

const firstPauseMs = 100;
const longestPauseMs = 2000;
/** How long the queues may take to empty at the end at least. */
const drainLimitMs = 250;
const countsIntervalMs = 15;
/** Kept of a child's standard error: its last words and its counts. */
const standardErrorBound = 8192;

/** What a supervised job tells. */
export interface SupervisorEvents {
  /** A frame of a capture point, borrowed until the call returns. */
  onFrame(pointIndex: number, record: FrameRecord): void;
  /** The link type of a capture point, once its stream has said it. */
  onInterface(pointIndex: number, linkType: number): void;
}

const notUpPattern = /^\w+: (\S+): That device is not up$/gm;

/** The devices of which an engine has said that they are down: both write libpcap's words behind their own name. */
export function devicesDown(standardError: string): string[] {
  return [...standardError.matchAll(notUpPattern)].map(([, device = '']) => device);
}

/** What an engine says while all is well. */
const chatter = /^(?:Warning: |\S+: listening on |(?:\S+: )?\d+ packets? )/;

/** Why an engine ended, in its own words; empty where it said nothing of it. */
export function lastWords(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !chatter.test(line));
  return lines.at(-1)?.trim() ?? '';
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One job: a child, or the next one after it, until it is stopped. */
export class SupervisedJob {
  readonly #engine: CaptureEngine;
  readonly #job: CaptureJob;
  readonly #firstPoint: number;
  readonly #guard: Guard;
  readonly #events: SupervisorEvents;
  readonly ready: Promise<void>;
  #markReady: () => void = () => {};
  #child: ReturnType<typeof startStreaming | typeof startStreamingTo> | null = null;
  /** Resolves when everything that the present child wrote is read. */
  #read: Promise<void> = Promise.resolve();
  #standardError = '';
  #stopping = false;
  #pauseMs = firstPauseMs;
  #timer: NodeJS.Timeout | undefined;
  /** Why children ended before they were told to, in the order of time; not of devices that are down. */
  readonly ends: string[] = [];
  #firstChild = true;
  /** The present child has begun to capture, and hears signals. */
  #capturing = false;
  readonly #downAtStart = new Set<string>();

  /** Starts the first child. `firstPoint` is the index of the job's first capture point; the others follow it. */
  constructor(engine: CaptureEngine, job: CaptureJob, firstPoint: number, guard: Guard, events: SupervisorEvents) {
    this.#engine = engine;
    this.#job = job;
    this.#firstPoint = firstPoint;
    this.#guard = guard;
    this.#events = events;
    this.ready = new Promise((resolve) => {
      this.#markReady = resolve;
    });
    void this.#start();
  }

  get points(): readonly CapturePoint[] {
    return this.#job.points;
  }

  /** The devices that were down when the first child began. */
  get downAtStart(): ReadonlySet<string> {
    return this.#downAtStart;
  }

  /** The engine's latest counts, null when it has none. */
  counts(): EngineCounts | null {
    return this.#engine.counts(this.#standardError);
  }

  /** Has the engine say its counts. One that does not hear signals yet would be ended by this one, so it is spared. */
  askCounts(): void {
    const signal = this.#engine.countsSignal;
    if (signal !== null && this.#capturing) this.#child?.kill(signal);
  }

  /** A link of this job came up: a child that waits to be started again need wait no longer. */
  hurry(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    void this.#start();
  }

  /** Ends the child, and waits until it is gone; before, where that is wanted, it lets the queues run empty. */
  async stop(drains = true): Promise<void> {
    if (drains) await this.#drain();
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#child?.kill('SIGTERM');
    await Promise.all([this.#child, this.#read]);
  }

  async #start(): Promise<void> {
    this.#timer = undefined;
    const pipe = this.#job.output === 'pipe' ? await openKernelPipe(this.#guard) : null;
    if (this.#stopping) {
      if (pipe !== null) for (const end of [pipe.readEnd, pipe.writeEnd]) closeSync(end);
      return;
    }
    let interfaces = 0;
    this.#standardError = '';
    const noteReady = (): void => {
      const isReady = interfaces >= this.#job.points.length && this.#engine.hearsSignals(this.#standardError);
      if (this.#capturing || !isReady) return;
      this.#capturing = true;
      this.#markReady();
    };
    const reader = new RecordReader({
      section: () => undefined,
      interface: (_name, linkType) => {
        this.#events.onInterface(this.#firstPoint + interfaces, linkType);
        interfaces += 1;
        noteReady();
      },
      frame: (record) => {
        this.#pauseMs = firstPauseMs;
        this.#events.onFrame(this.#firstPoint + record.interfaceIndex, record);
      },
      block: () => undefined,
    });
    const { child, read } = this.#begin(pipe, (bytes) => reader.push(bytes));
    this.#child = child;
    this.#read = read;
    child.stderr.on('data', (chunk: Buffer) => {
      this.#standardError = (this.#standardError + chunk.toString('utf8')).slice(-standardErrorBound);
      noteReady();
      if (this.#firstChild) for (const device of devicesDown(this.#standardError)) this.#downAtStart.add(device);
    });
    const [result] = await Promise.all([child, this.#read]);
    this.#ended(childFailure(result, lastWords(this.#standardError)), child.pid !== undefined);
  }

  /** Starts a child; `read` resolves when all of it was given that came by a pipe. */
  #begin(pipe: KernelPipe | null, take: (bytes: Uint8Array) => void) {
    const command = inNamespace(this.#job.namespace, this.#job.command);
    const gate = { watcher: this.#guard.watchProcess };
    if (pipe === null) {
      const child = startStreaming(command, gate);
      child.stdout.on('data', take);
      return { child, read: Promise.resolve() };
    }
    const child = startStreamingTo(pipe.writeEnd, command, gate);
    closeSync(pipe.writeEnd);
    return { child, read: readKernelPipe(pipe, take) };
  }

  /** `hadStarted`: there was a child at all. */
  #ended(reason: string, hadStarted: boolean): void {
    this.#child = null;
    this.#capturing = false;
    this.#firstChild = false;
    // Whoever waits for readiness is not to wait for a child that cannot start.
    this.#markReady();
    if (this.#stopping) return;
    if (devicesDown(reason).length === 0) this.ends.push(reason);
    if (!hadStarted) return;
    this.#timer = setTimeout(() => void this.#start(), this.#pauseMs);
    this.#timer.unref();
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  // tcpdump tells what the kernel gave it and what it took: equal counts mean an empty queue. One that was started again a
  // moment ago has a queue before it tells. An engine without counts empties its queue by itself when it is told to end.
  async #drain(): Promise<void> {
    const signal = this.#engine.countsSignal;
    if (signal === null) return;
    // On a busy host everything takes longer; where it does not, the counts are equal long before.
    const untilMs = performance.now() + drainLimitMs + 2 * this.#job.latencyMs;
    while (this.#child !== null && performance.now() < untilMs) {
      if (this.#capturing) {
        this.#standardError = '';
        this.#child.kill(signal);
      }
      await delay(countsIntervalMs);
      const counts = this.counts();
      if (counts !== null && counts.captured + counts.dropped >= counts.received) return;
    }
  }
}
