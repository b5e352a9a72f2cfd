/** The matches of ip6tables that look at IPv6's extension headers: iptables-extensions(8). */

import type { Expression } from '../../netfilter.ts';
import { constant, equals, field } from './build.ts';
import { lookUp } from './symbols.ts';
import type { Extension } from './xtables-options.ts';

/** Those that match no packet without their header, inverted ones neither (`rt_mt6`, `frag_mt6`, `hbh_mt6`). */
const ofOneHeader: ReadonlySet<string> = new Set(['rt', 'frag', 'hbh', 'dst']);

/** MASK_* of linux/netfilter_ipv6/ip6t_ipv6header.h, by the names of libip6t_ipv6header.c and of /etc/protocols. */
const headerBits: Readonly<Record<string, number>> = {
  'hop-by-hop': 128,
  hop: 128,
  hopopt: 128,
  'ipv6-opts': 64,
  dst: 64,
  'ipv6-route': 32,
  route: 32,
  'ipv6-frag': 16,
  frag: 16,
  ah: 8,
  auth: 8,
  esp: 4,
  'ipv6-nonxt': 2,
  none: 2,
  protocol: 1,
  prot: 1,
  proto: 1,
};

/** A packet of the model: nothing but a protocol that is no extension header. */
const plain = headerBits['protocol'] ?? 1;

/** `ipv6header_mt6`: with `--soft` the named headers are to be there, without it they alone. */
function headersMatch({ options }: Extension): Expression | null {
  const header = options.find(({ name }) => name === '--header');
  let wanted = 0;
  for (const name of (header?.values[0] ?? '').split(',')) {
    const bit = lookUp(headerBits, name);
    if (bit === undefined) return null;
    wanted |= bit;
  }
  const isInverted = header?.negated === true;
  const isSoft = options.some(({ name }) => name === '--soft');
  // Inverted and soft: none of them.
  const matches = isSoft ? (plain & wanted) === (isInverted ? 0 : wanted) : (plain === wanted) !== isInverted;
  return equals(constant(matches ? 1n : 0n), 1n);
}

/** What such a match says of a packet without extension headers; null: not understood, undefined: it is another one. */
export function extensionHeaderMatch(extension: Extension): Expression | null | undefined {
  if (extension.name === 'ipv6header') return headersMatch(extension);
  return ofOneHeader.has(extension.name) ? equals(field('exthdr field'), 1n) : undefined;
}
