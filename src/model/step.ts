/** The words of a journey: what the model says becomes of a packet, stage by stage. */

import type { Listener, Quote } from '../host/state.ts';

/** A stage of the path through a host. */
export type Stage =
  | 'send'
  | 'output'
  | 'ingress'
  | 'bridge'
  | 'prerouting'
  | 'route'
  | 'input'
  | 'forward'
  | 'postrouting'
  | 'neighbour'
  | 'egress'
  | 'socket'
  | 'application'
  | 'remote';

/** What becomes of the packet at a stage. */
export type StepVerdict =
  | 'passed'
  | 'translated'
  | 'delivered'
  | 'dropped'
  | 'rejected'
  | 'refused'
  | 'failed'
  | 'not-reached'
  | 'unknown';

/** The packet whose way is asked for: the first one of a connection. */
export interface ModelPacket {
  readonly protocol: 'tcp' | 'udp';
  readonly family: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
}

/** One stage at one place. */
export interface Step {
  readonly netns: string;
  readonly device: string | null;
  readonly stage: Stage;
  readonly verdict: StepVerdict;
  /** One clause that says why. */
  readonly detail: string;
  /** The state that decides it. */
  readonly quotes: readonly Quote[];
}

/**
 * How a journey ends: exactly one of these.
 * - `accepted`: a listener takes it;
 * - `refused`: it is delivered, and no socket takes it (`samePort`: the listeners that have the port all the same);
 * - `unroutable`: no route, or one that says no;
 * - `dropped`: a host swallows it;
 * - `unanswered`: nobody has the next hop's address;
 * - `leaves-view`: it goes where the snapshot does not reach;
 * - `undetermined`: the model does not know, and says what it lacks.
 */
export type JourneyEnd =
  | { readonly kind: 'accepted'; readonly listener: Listener }
  | { readonly kind: 'refused'; readonly samePort: readonly Listener[] }
  | {
      readonly kind: 'unroutable' | 'dropped' | 'unanswered' | 'leaves-view' | 'undetermined';
      readonly reason: string;
    };

/** The way of one packet in one direction. */
export interface Journey {
  readonly steps: readonly Step[];
  readonly end: JourneyEnd;
  /** Steps that the model could not evaluate and took as passed: what it assumed, one sentence each. */
  readonly assumptions: readonly string[];
  /** Rules on the way may give the packet another destination, and the model took it that they do not. */
  readonly mayBeRedirected: boolean;
}
