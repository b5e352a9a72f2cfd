/** Live capture at points that come and go, each with a child of its own. Frames are handed on as they come. */

import { freemem } from 'node:os';
import type { FrameRecord } from '../capfile/capture-parser.ts';
import type { CaptureEngine, CapturePoint } from './engine.ts';
import type { Guard } from './guard.ts';
import { SupervisedJob } from './supervisor.ts';

/**
 * The kernel's packet buffers of all capture points together: at 200,000 packets a second at two of them a whole second,
 * which the program takes to be as quick as it gets (docs/performance.md). Of a small host's memory no more than a part.
 */
const mostKilobytes = { together: 262_144, each: 131_072 } as const;
const memoryShare = 1 / 16;

function kilobytesEach(points: number): number {
  const together = Math.min(mostKilobytes.together, (freemem() / 1024) * memoryShare);
  return Math.min(mostKilobytes.each, Math.floor(together / Math.max(1, points)));
}

const ethernet = 1;

/** Takes the frames of all points. */
export interface FrameSink {
  /** A capture point begins; gives its number. */
  open(): number;
  /** No frame of it will come any more. */
  close(point: number): void;
  /** A frame, borrowed until the call returns. */
  push(point: number, record: FrameRecord): void;
}

/** A capture point of a live capture; it stays in the list when its capture has ended. */
export interface LivePoint {
  readonly point: CapturePoint;
  /** The sink's number of it. */
  readonly number: number;
  readonly active: boolean;
  /** Frames that it gave. */
  readonly frames: number;
  /** Frames that the engine or the kernel dropped; null when it cannot tell. */
  readonly dropped: number | null;
  /** Why children ended before they were told to. */
  readonly ends: readonly string[];
}

interface RunningPoint {
  readonly point: CapturePoint;
  readonly number: number;
  readonly job: SupervisedJob;
  active: boolean;
  frames: number;
}

/** What it captures with. */
export interface LiveCaptureOptions {
  readonly engine: CaptureEngine;
  /** In libpcap's language; null: all packets. */
  readonly filter: string | null;
}

/** See the file's head. */
export class LiveCapture {
  readonly #options: LiveCaptureOptions;
  readonly #guard: Guard;
  readonly #sink: FrameSink;
  readonly #points: RunningPoint[] = [];
  /** By the sink's numbers: libpcap's link type of each point. */
  readonly linkTypes: number[] = [];

  constructor(options: LiveCaptureOptions, guard: Guard, sink: FrameSink) {
    this.#options = options;
    this.#guard = guard;
    this.#sink = sink;
  }

  /** All points, those that have ended too, by the sink's numbers. */
  get points(): readonly LivePoint[] {
    return this.#points.map(({ point, number, job, active, frames }) => ({
      point,
      number,
      active,
      frames,
      dropped: job.counts()?.dropped ?? null,
      ends: job.ends,
    }));
  }

  /** Begins to capture at a point where it does not; `among` is how many points there are to be in all. */
  add(point: CapturePoint, among: number): void {
    if (this.#active(point) !== undefined) return;
    const { engine, filter } = this.#options;
    const [described] = engine.jobs([point], { bufferKilobytes: kilobytesEach(among), filter, pace: 'bulk' });
    if (described === undefined) return;
    const number = this.#sink.open();
    this.linkTypes[number] = ethernet;
    const running: Omit<RunningPoint, 'job'> = { point, number, active: true, frames: 0 };
    const job = new SupervisedJob(engine, described, number, this.#guard, {
      onFrame: (_point, record) => {
        running.frames += 1;
        this.#sink.push(number, record);
      },
      onInterface: (_point, linkType) => {
        this.linkTypes[number] = linkType;
      },
    });
    this.#points.push(Object.assign(running, { job }));
  }

  /** Ends the capture at a point; resolves when its child is gone. With `drains`, the last frames are waited for. */
  async remove(point: CapturePoint, drains = false): Promise<void> {
    const running = this.#active(point);
    if (running === undefined) return;
    running.active = false;
    await running.job.stop(drains);
    this.#sink.close(running.number);
  }

  /** True where it captures. */
  has(point: CapturePoint): boolean {
    return this.#active(point) !== undefined;
  }

  /** Has a point tried again at once, as its link came up. */
  hurry(point: CapturePoint): void {
    this.#active(point)?.job.hurry();
  }

  /** Has the engine count; the counts are known a moment later. */
  askCounts(): void {
    for (const { job, active } of this.#points) if (active) job.askCounts();
  }

  /** Ends the capture everywhere. With `drains`, the last frames are waited for. */
  async stop(drains: boolean): Promise<void> {
    await Promise.all(this.#points.filter(({ active }) => active).map(({ point }) => this.remove(point, drains)));
  }

  #active({ namespace, device }: CapturePoint): RunningPoint | undefined {
    return this.#points.find(
      (one) => one.active && one.point.namespace.inode === namespace.inode && one.point.device === device,
    );
  }
}
