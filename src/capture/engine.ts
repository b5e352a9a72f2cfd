/**
 * What a capture engine is: a child a job that writes a pcap or pcapng stream to its standard output, so that one
 * streaming reader serves live capture, files, pipes and ssh alike.
 */

import type { NamespaceHandle } from '../host/namespaces.ts';

/** A device in a namespace to capture on. */
export interface CapturePoint {
  readonly namespace: NamespaceHandle;
  readonly device: string;
}

/** One child of an engine and the capture points that it serves. */
export interface CaptureJob {
  readonly namespace: NamespaceHandle;
  readonly points: readonly CapturePoint[];
  readonly command: readonly string[];
  /** How late a frame may come, in milliseconds. */
  readonly latencyMs: number;
  /** What its standard output is: Node's own socket, which is there at once, or a pipe of the kernel, which takes more. */
  readonly output: 'socket' | 'pipe';
}

/** Counts that an engine knows of itself. */
export interface EngineCounts {
  readonly captured: number;
  readonly received: number;
  readonly dropped: number;
}

/** What matters more: that a frame comes soon, or that none is lost. */
export type Pace = 'prompt' | 'bulk';

/** What an engine's children are to do. */
interface JobOptions {
  /** The kernel's packet buffers of all capture points together. */
  readonly bufferKilobytes: number;
  /** Only packets that this accepts, in libpcap's language; null: all. */
  readonly filter: string | null;
  /**
   * `prompt`: each frame comes at once, the longest not whole. `bulk`: frames of a quiet device come up to a second late,
   * and those of a busy one are never lost for it.
   */
  readonly pace: Pace;
}

/** One way to capture. */
export interface CaptureEngine {
  readonly name: 'tcpdump' | 'cap';
  readonly clock: 'kernel' | 'user-space';
  readonly promiscuous: boolean;
  /** Divides capture points into jobs. */
  jobs(points: readonly CapturePoint[], options: JobOptions): CaptureJob[];
  /** How late a frame may come, in milliseconds, at either pace. */
  readonly latencyMs: Readonly<Record<Pace, number>>;
  /** Signal that makes a child say its counts on standard error, or null when it has none. */
  readonly countsSignal: 'SIGUSR1' | null;
  /** True when what a child said on standard error shows that a signal will not end it any more. */
  hearsSignals(standardError: string): boolean;
  /** Reads the counts out of what it said, the latest, or null. */
  counts(standardError: string): EngineCounts | null;
}
