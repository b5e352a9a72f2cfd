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
}

/** Counts that an engine knows of itself. */
export interface EngineCounts {
  readonly captured: number;
  readonly received: number;
  readonly dropped: number;
}

/** One way to capture. */
export interface CaptureEngine {
  readonly name: 'tcpdump' | 'cap';
  readonly clock: 'kernel' | 'user-space';
  readonly promiscuous: boolean;
  /** Divides capture points into jobs. `bufferKilobytes` is the budget of all of them together. */
  jobs(points: readonly CapturePoint[], bufferKilobytes: number): CaptureJob[];
  /** Signal that makes a child say its counts on standard error, or null when it has none. */
  readonly countsSignal: 'SIGUSR1' | null;
  /** Reads the counts out of what it said, the latest, or null. */
  counts(standardError: string): EngineCounts | null;
}
