/** A frame on its way over links and bridges. */

import type { Link, LinkProgram } from '../host/state.ts';
import type { JourneyEnd, Step } from './step.ts';
import type { Traveller } from './traveller.ts';

/** A frame on its way. */
export interface Frame {
  /** The question for a neighbour, or the answer to that, and from which address it is asked; null: the packet in question. */
  readonly discovery: { readonly kind: 'question' | 'answer'; readonly asker: string } | null;
  /** Everyone, a multicast group, or one address. */
  readonly to: 'all' | 'group' | 'one';
  /** The address that is looked for, or was found: what the frame is for. */
  readonly nextHop: string;
  /** Null for all and groups, and where it is not known: then every device may be meant. */
  readonly mac: string | null;
  /** The one has just answered: the bridges on the way have learnt where it is. */
  readonly justLearnt: boolean;
  /** Bytes of the IP packet in it, null when it is small enough for every link. */
  readonly length: number | null;
}

/** How far a frame has come. */
export interface Way {
  readonly steps: readonly Step[];
  /** Why it comes no further than the last step; what it would meet beyond is told all the same. */
  readonly obstacle: string | null;
  /** The end that a firewall on the way gives it, where that is more than a loss. */
  readonly end?: JourneyEnd;
  /** What the model took for granted of tunnels' packets. */
  readonly assumptions?: readonly string[];
  /** Of what came out of a tunnel, or was marked on a bridge: the mark that it has. */
  readonly mark?: number | null;
  /** What is in it, where the rules of a bridge on the way have translated or stopped that. */
  readonly traveller?: Traveller;
}

/** Why a device takes no frames, null when it does. */
export function unusableReason(link: Link): string | null {
  if (!link.up) return 'is down';
  if (link.carrier) return null;
  return link.kind === 'veth' ? 'has no carrier: its other end is down' : 'has no carrier';
}

/** A step at a device; what a program there does with the packet, the model does not know. */
export function doubted(step: Step, { name, programs }: Link, direction: LinkProgram['direction']): Step {
  const asked = programs.filter((program) => program.direction === direction);
  if (asked.length === 0 || step.verdict !== 'passed') return step;
  const whats = asked.map(({ what }) => what).join(' and ');
  const detail = `${step.detail}; ${whats} at ${name} may drop it, change it or send it elsewhere`;
  const quotes = [...step.quotes, ...asked.map(({ source }) => source)];
  return { ...step, verdict: 'unknown', detail, quotes, asksProgram: true };
}

/** One step further; behind an obstacle there are none. */
export function passed(way: Way, step: Step): Way {
  return way.obstacle === null ? { ...way, steps: [...way.steps, step] } : way;
}

/** The step at which it ends; the first such counts. */
export function blocked(way: Way, step: Step, reason: string): Way {
  return way.obstacle === null ? { ...way, steps: [...way.steps, step], obstacle: reason } : way;
}
