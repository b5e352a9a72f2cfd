/** What a port says about the payload. */

import type { Protocol } from './decoder.ts';

/** UDP ports of protocols that are decoded. 8472 is VXLAN's on Linux, from before it had one of its own. */
const udpPorts: ReadonlyMap<number, Protocol> = new Map([
  [1701, 'l2tp'],
  [4789, 'vxlan'],
  [6081, 'geneve'],
  [8472, 'vxlan'],
]);

/** The decoder of a datagram's payload, by the port that it goes to, else by the one that it comes from; else `data`. */
export function udpPayloadDecoder(sourcePort: number, destinationPort: number): Protocol {
  return udpPorts.get(destinationPort) ?? udpPorts.get(sourcePort) ?? 'data';
}
