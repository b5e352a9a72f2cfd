/** How tunnels are named in a line about the packet inside them. */

import { erspanText } from './erspan.ts';
import { geneveText } from './geneve.ts';
import { greText } from './gre.ts';
import { l2tpText } from './l2tp.ts';
import type { Layer } from './layer.ts';
import { mplsText } from './mpls.ts';
import { pppoeText } from './pppoe.ts';
import { vxlanText } from './vxlan.ts';

const texts: ReadonlyMap<string, (layer: Layer) => string> = new Map([
  ['mpls', mplsText],
  ['pppoes', pppoeText],
  ['gre', greText],
  ['erspan', erspanText],
  ['vxlan', vxlanText],
  ['geneve', geneveText],
  ['l2tp', l2tpText],
]);

/** IP directly within IP: the outer protocol, then the inner one. */
const nested: ReadonlyMap<string, string> = new Map([
  ['ip ip', 'IP-in-IP'],
  ['ip ipv6', '6in4'],
  ['ipv6 ip', '4in6'],
  ['ipv6 ipv6', '6in6'],
]);

/** The tunnels around the packet at `index`, the innermost first: ` in VXLAN 42 in MPLS 16001`; empty without one. */
export function tunnelsAround(layers: readonly Layer[], index: number): string {
  const names: string[] = [];
  for (const [place, layer] of layers.slice(0, index).entries()) {
    const name = texts.get(layer.protocol)?.(layer) ?? nested.get(`${layer.protocol} ${layers[place + 1]?.protocol}`);
    if (name !== undefined) names.push(` in ${name}`);
  }
  return names.toReversed().join('');
}
