/** The packets of tunnels: each has a way of its own, through the hosts between the tunnel's ends. */

import { end } from '../progress.ts';
import type { Carry } from '../vxlan.ts';
import { assumptionOf, Walk } from './walk.ts';

/** Tunnels in each other; the kernel itself does not go much deeper (XMIT_RECURSION_LIMIT). */
const deepest = 4;

/** Sends what carries a frame on behalf of the packet in it. */
export function carrier(asker: Walk): Carry {
  return (underlay, device, packet) => {
    const { question } = asker;
    const unfollowed = { steps: [], arrived: packet, isOpen: false, assumptions: [] };
    if (question.tunnels.has(device)) {
      return { ...unfollowed, ...end('dropped', `the packets of ${device.name} would go by ${device.name} itself`) };
    }
    question.carries.left -= 1;
    if (question.tunnels.size === deepest || question.carries.left < 0) {
      return { ...unfollowed, ...end('undetermined', 'there are more tunnels on the way than the model follows') };
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
    const told = new Set(walk.steps.map(assumptionOf));
    const assumptions = walk.assumptions.filter((one) => !told.has(one));
    const isOpen = walk.alternatives.length > 0;
    return { steps: walk.steps, end: reached, arrived: walk.packet, isOpen, assumptions };
  };
}
