/**
 * Live capture at a set of points: an engine's children, their frames in one bounded buffer, the links' outages.
 */

import type { FrameRecord } from '../capfile/capture-parser.ts';
import type { LinkOutage } from '../case/evidence.ts';
import { programIsThere } from '../host/environment.ts';
import { listWords } from '../host/word-list.ts';
import { capEngine, capIsBuilt } from './cap-engine.ts';
import type { CaptureEngine, CapturePoint, Pace } from './engine.ts';
import { type CapturedFrame, FrameBuffer } from './frame-buffer.ts';
import type { Guard } from './guard.ts';
import { LinkMonitor } from './link-monitor.ts';
import { SupervisedJob } from './supervisor.ts';
import { tcpdumpEngine } from './tcpdump.ts';

/** Frames kept in memory: enough for minutes of an outage, little on a host in trouble. */
const frameBoundBytes = 256 * 1024 * 1024;
/** The kernel's packet buffers of all capture points together. */
const bufferKilobytes = 65_536;
const ethernet = 1;
const nsPerSecond = 1_000_000_000n;

/** What may be asked for. */
export type WantedEngine = 'auto' | 'cap' | 'tcpdump';

/**
 * The engine to use. `auto` takes tcpdump, which has the kernel's own time stamps, and cap where it is missing. Where
 * what was asked for is not there, a sentence that says what to install.
 */
export function chooseEngine(wanted: WantedEngine): CaptureEngine | string {
  const tcpdump = programIsThere('tcpdump');
  const cap = capIsBuilt();
  if (wanted !== 'cap' && tcpdump) return tcpdumpEngine;
  if (wanted !== 'tcpdump' && cap) return capEngine;
  const lacks = {
    auto: 'neither tcpdump nor the cap module is there',
    tcpdump: 'tcpdump is not installed',
    cap: 'the cap module is not built',
  };
  return `cannot capture: ${lacks[wanted]}; bin/setup installs both (or: apt-get install tcpdump)`;
}

/** What was captured. */
export interface Captured {
  readonly frames: readonly CapturedFrame[];
  /** By capture point. */
  readonly linkTypes: readonly number[];
  readonly framesDropped: readonly (number | null)[];
  readonly outages: readonly LinkOutage[];
  /** One sentence each: what the capture lacks. */
  readonly missing: readonly string[];
}

/** How far a running capture is. */
export interface CaptureProgress {
  /** Frames that were seen, those among them that memory has no more room for. */
  readonly frames: number;
  /** Frames that the engine, the kernel or memory dropped, as far as they are known by now. */
  readonly dropped: number;
}

function placeOf({ namespace, device }: CapturePoint): string {
  return `${namespace.name}:${device}`;
}

function frameOf(pointIndex: number, record: FrameRecord): CapturedFrame {
  const { window, start, capturedLength, originalLength, seconds, nanoseconds } = record;
  const timeNs = BigInt(seconds) * nsPerSecond + BigInt(nanoseconds);
  return { pointIndex, timeNs, originalLength, bytes: window.bytes.slice(start, start + capturedLength) };
}

/** A running capture. */
export class Capture {
  readonly engine: CaptureEngine;
  readonly #points: readonly CapturePoint[];
  readonly #frames = new FrameBuffer(frameBoundBytes);
  readonly #linkTypes: number[];
  readonly #jobs: SupervisedJob[] = [];
  readonly #monitors: LinkMonitor[];

  /** Starts capturing at these points. */
  constructor(engine: CaptureEngine, points: readonly CapturePoint[], pace: Pace, guard: Guard) {
    this.engine = engine;
    const jobs = engine.jobs(points, { bufferKilobytes, filter: null, pace });
    this.#points = jobs.flatMap((job) => job.points);
    this.#linkTypes = this.#points.map(() => ethernet);
    let firstPoint = 0;
    for (const job of jobs) {
      const events = {
        onFrame: (pointIndex: number, record: FrameRecord) => this.#frames.add(frameOf(pointIndex, record)),
        onInterface: (pointIndex: number, linkType: number) => {
          this.#linkTypes[pointIndex] = linkType;
        },
      };
      this.#jobs.push(new SupervisedJob(engine, job, firstPoint, guard, events));
      firstPoint += job.points.length;
    }
    const namespaces = [...new Set(points.map((point) => point.namespace))];
    this.#monitors = namespaces.map(
      (namespace) =>
        new LinkMonitor(namespace, guard, (change) => {
          if (!change.usable) return;
          for (const job of this.#jobs) {
            if (job.points.some((point) => point.namespace === namespace && point.device === change.device))
              job.hurry();
          }
        }),
    );
  }

  /** The capture points, in the order in which frames name them. */
  get points(): readonly CapturePoint[] {
    return this.#points;
  }

  /** Resolves when every engine captures, or has ended trying. */
  async ready(): Promise<void> {
    await Promise.all(this.#jobs.map((job) => job.ready));
  }

  /** Frames that came by now, those among them that memory has no more room for. */
  get framesSeen(): number {
    return this.#frames.added;
  }

  /** How far it is. The engines' own counts are asked for here, and are known the next time. */
  progress(): CaptureProgress {
    for (const job of this.#jobs) job.askCounts();
    const dropped = this.#jobs.reduce((sum, job) => sum + (job.counts()?.dropped ?? 0), 0);
    return { frames: this.framesSeen, dropped: dropped + this.#frames.discarded };
  }

  /** Ends the capture and gives what was seen, frames in the order of time. */
  async stop(): Promise<Captured> {
    await Promise.all([...this.#jobs.map((job) => job.stop()), ...this.#monitors.map((monitor) => monitor.stop())]);
    const captured = (device: LinkOutage): boolean =>
      this.#points.some((point) => point.namespace.name === device.netns && point.device === device.device);
    const missing = this.#jobs.flatMap((job) => {
      const places = job.points.map(placeOf).join(', ');
      return [...new Set(job.ends)].map(
        (end) => `${this.engine.name} on ${places} ended and was started again: ${end}`,
      );
    });
    const down = this.#jobs.flatMap(({ points, downAtStart }) =>
      points.filter(({ device }) => downAtStart.has(device)).map(placeOf),
    );
    if (down.length > 0) {
      const [were, they] = down.length === 1 ? ['was', 'it'] : ['were', 'they'];
      missing.push(
        `${listWords(down)} ${were} down at the start: nothing could be captured there before ${they} came up.`,
      );
    }
    const lossy = this.#jobs.flatMap((job) => {
      const dropped = job.counts()?.dropped ?? 0;
      return dropped === 0 ? [] : [`${dropped} at ${job.points.map(placeOf).join(', ')}`];
    });
    if (lossy.length > 0) {
      missing.push(
        `The kernel dropped frames before ${this.engine.name} could read them, ${listWords(lossy)}: what was not seen there may have passed.`,
      );
    }
    if (this.#frames.discarded > 0) {
      missing.push(`the oldest ${this.#frames.discarded} frames went to keep the capture within 256 MB`);
    }
    return {
      frames: this.#frames.inOrder(),
      linkTypes: this.#linkTypes,
      framesDropped: this.#jobs.flatMap((job) => job.points.map(() => job.counts()?.dropped ?? null)),
      outages: this.#monitors.flatMap((monitor) => monitor.log.outages()).filter(captured),
      missing,
    };
  }
}
