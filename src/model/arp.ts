/**
 * ARP before the rules of family `arp`: at output of the host that sends a question or an answer (`arp_xmit`), at input of
 * the one that it comes to (`arp_rcv`). Bridges show it to none of them.
 */

import type { Link, NamespaceState, Quote } from '../host/state.ts';
import type { Frame, Way } from './frame.ts';
import { type Content, isJudgedAt, passFrame } from './frame-hook.ts';

/** A host at a device. */
interface Seat {
  readonly namespace: NamespaceState;
  readonly link: Link;
}

/** Who asks for the link-layer address of whom, and what for. */
interface Search {
  readonly asker: Seat & { readonly address: string };
  readonly owner: Seat;
  readonly target: string;
  readonly content: Omit<Content, 'sender'>;
}

/** What the rules do to the two messages: why they stop one, null where they do not, and what is not known. */
interface ArpJudgement {
  readonly stop: { readonly why: string; readonly quotes: readonly Quote[] } | null;
  readonly doubts: readonly string[];
}

const start: Way = { steps: [], obstacle: null };

function judgedAt(hook: 'input' | 'output', { namespace, link }: Seat, frame: Frame, content: Content): Way {
  const device = hook === 'input' ? { input: link.name } : { output: link.name };
  const visit = { namespace, layer: 'arp', hook, ...device } as const;
  return isJudgedAt(visit) ? passFrame(visit, start, frame, content) : start;
}

/** The way on of a question that a host is about to send by a device, or of what is no ARP. */
export function arpSent(seat: Seat, frame: Frame, content: Omit<Content, 'sender'>): Way {
  if (frame.discovery === null || frame.nextHop.includes(':')) return start;
  return judgedAt('output', seat, frame, { ...content, sender: seat.link.mac });
}

/** What becomes of a question at the host that hears it, and of the answer, by the rules of the two hosts. */
export function judgeArp({ asker, owner, target, content }: Search): ArpJudgement {
  const common = { nextHop: target, length: null } as const;
  const question: Frame = {
    ...common,
    discovery: { kind: 'question', asker: asker.address },
    to: 'all',
    mac: null,
    justLearnt: false,
  };
  const answer: Frame = {
    ...common,
    discovery: { kind: 'answer', asker: asker.address },
    to: 'one',
    mac: asker.link.mac,
    justLearnt: true,
  };
  const doubts: string[] = [];
  for (const [hook, seat, frame, from] of [
    ['input', owner, question, asker],
    ['output', owner, answer, owner],
    ['input', asker, answer, owner],
  ] as const) {
    const { obstacle, steps } = judgedAt(hook, seat, frame, { ...content, sender: from.link.mac });
    const { name } = seat.namespace;
    if (obstacle !== null) {
      const why = `the rules of ${name} stop the ${frame === question ? 'question' : 'answer'}: ${obstacle}`;
      return { stop: { why, quotes: steps.flatMap(({ quotes }) => quotes) }, doubts: [] };
    }
    doubts.push(...steps.map(({ detail }) => `${name}, ARP, of who has the next hop: ${detail}`));
  }
  return { stop: null, doubts };
}
