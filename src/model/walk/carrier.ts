/** The packets of tunnels: each has a way of its own, through the hosts between the tunnel's ends. */

import { end } from '../transmit.ts';
import type { Carry } from '../vxlan.ts';
import { Walk } from './walk.ts';

/** Sends what carries a frame on behalf of the packet in it. */
export function carrier(asker: Walk): Carry {
  return (underlay, device, packet) => {
    const { question } = asker;
    if (question.tunnels.has(device)) {
      const reason = `the packets of ${device.name} would go by ${device.name} itself`;
      return { steps: [], ...end('dropped', reason), arrived: packet, isOpen: false };
    }
    const walk = new Walk({
      ...question,
      packet,
      awaited: null,
      learnt: [...question.learnt, ...asker.learnt],
      tracked: [],
      attached: null,
      straight: null,
      doubted: new Set(),
      forks: 0,
      tunnels: new Set([...question.tunnels, device]),
    });
    const reached = walk.run({ namespace: underlay, device: null, port: null });
    asker.learnt.push(...walk.learnt);
    asker.assumptions.push(...walk.assumptions);
    return { steps: walk.steps, end: reached, arrived: walk.packet, isOpen: walk.alternatives.length > 0 };
  };
}
