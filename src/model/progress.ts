/** How far a packet has come: into a host, or to its end. */

import type { NamespaceState } from '../host/state.ts';
import type { Answer, JourneyEnd } from './step.ts';

/** Where the packet is: in a namespace, by the device that it came in on (null: sent by a program there). */
export interface Position {
  readonly namespace: NamespaceState;
  readonly device: string | null;
  /** The port by which it came to that device, where that is a bridge. */
  readonly port: string | null;
  /** The mark that it has from the packet of a tunnel. */
  readonly mark?: number | null;
}

/** The next host, or the journey's end. */
export type Progress = { readonly to: Position } | { readonly end: JourneyEnd };

/** An end without a socket. */
export function end(
  kind: Exclude<JourneyEnd['kind'], 'accepted' | 'refused' | 'returned' | 'rejected'>,
  reason: string,
  answer: Answer | null = null,
): { readonly end: JourneyEnd } {
  return { end: { kind, reason, answer } };
}
