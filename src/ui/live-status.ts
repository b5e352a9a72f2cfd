/** What the terminal UI is told of a capture that goes on, beside its connections and frames. */

import type { ConnectionDiagnosis } from '../diagnose/diagnosis.ts';

/** A device in a namespace, captured or not. Texts are raw. */
export interface LiveInterface {
  /** `NETNS:DEVICE`: its identity. */
  readonly place: string;
  /** `bridge`, `veth`, `device` for hardware, … */
  readonly kind: string;
  readonly state: 'up' | 'down';
  /** What it is connected to: the other end, the bridge that it is a port of, where it leads. */
  readonly connectedTo: readonly string[];
  /** The container in whose namespace it is. */
  readonly container: string | null;
  readonly addresses: readonly string[];
  /** Its frames are captured. */
  readonly captured: boolean;
  /** Packets and bytes a second that the device counts; null where its counters are not known. */
  readonly packetsPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  /** Frames that were captured, and those that the engine or the kernel dropped; null: it cannot tell. */
  readonly frames: number;
  readonly dropped: number | null;
}

/** How the capture goes. */
export interface LiveStatus {
  readonly seconds: number;
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Of all capture points. */
  readonly dropped: number;
  /** Connections, listed or not, and those among them that failed. */
  readonly connections: number;
  readonly failed: number;
  readonly interfaces: readonly LiveInterface[];
  /** One sentence each: what is left out, what came and went, where frames are saved. The latest last. */
  readonly notes: readonly string[];
  /** Nothing more is being worked out about a connection: it was explained, or could not be. */
  isDone(connection: ConnectionDiagnosis): boolean;
  /** Begins or ends the capture at a place. */
  toggle(place: string): void;
}
