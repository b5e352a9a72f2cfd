/**
 * Negated comparisons of fields that are side by side in a header (`tcp sport != 1 tcp dport != 2`). nft makes one of them
 * (up to 1.0.9: `payload_do_merge`), and iptables on nft of two ports (1.8.8 to 1.8.10: `add_nft_tcpudp`), which is not the
 * same; both list them apart again, side by side and in the header's order.
 */

import type { Expression, Match } from '../../netfilter.ts';
import { lookUp } from './symbols.ts';
import type { Extension } from './xtables-options.ts';

/** One of them, with its field in nft's words. */
export interface NegatedMatch {
  readonly field: string;
  readonly match: Match;
}

/** Where a field stands: its header, the first bit there, and how many. */
type Place = readonly [header: 'link' | 'network' | 'transport', start: number, bits: number];

/** Ports stand at the beginning of every header that has some. */
const ports = Object.fromEntries(
  ['tcp', 'udp', 'udplite', 'sctp', 'dccp', 'th'].flatMap((protocol): [string, Place][] => [
    [`${protocol} sport`, ['transport', 0, 16]],
    [`${protocol} dport`, ['transport', 16, 16]],
  ]),
);

/** Ethernet, RFC 826, RFC 791, RFC 8200, RFC 792 and RFC 4443: fields of whole bytes, as nft knows them (src/proto.c). */
const places: Readonly<Record<string, Place>> = {
  ...ports,
  'ether daddr': ['link', 0, 48],
  'ether saddr': ['link', 48, 48],
  'ether type': ['link', 96, 16],
  'arp htype': ['network', 0, 16],
  'arp ptype': ['network', 16, 16],
  'arp hlen': ['network', 32, 8],
  'arp plen': ['network', 40, 8],
  'arp operation': ['network', 48, 16],
  'arp saddr ether': ['network', 64, 48],
  'arp saddr ip': ['network', 112, 32],
  'arp daddr ether': ['network', 144, 48],
  'arp daddr ip': ['network', 192, 32],
  'ip length': ['network', 16, 16],
  'ip id': ['network', 32, 16],
  'ip frag-off': ['network', 48, 16],
  'ip ttl': ['network', 64, 8],
  'ip protocol': ['network', 72, 8],
  'ip checksum': ['network', 80, 16],
  'ip saddr': ['network', 96, 32],
  'ip daddr': ['network', 128, 32],
  'ip6 length': ['network', 32, 16],
  'ip6 nexthdr': ['network', 48, 8],
  'ip6 hoplimit': ['network', 56, 8],
  'ip6 saddr': ['network', 64, 128],
  'ip6 daddr': ['network', 192, 128],
  'tcp sequence': ['transport', 32, 32],
  'tcp ackseq': ['transport', 64, 32],
  'tcp flags': ['transport', 104, 8],
  'tcp window': ['transport', 112, 16],
  'tcp checksum': ['transport', 128, 16],
  'udp length': ['transport', 32, 16],
  'udp checksum': ['transport', 48, 16],
  'icmp type': ['transport', 0, 8],
  'icmp code': ['transport', 8, 8],
  'icmp checksum': ['transport', 16, 16],
  'icmp id': ['transport', 32, 16],
  'icmp sequence': ['transport', 48, 16],
  'icmpv6 type': ['transport', 0, 8],
  'icmpv6 code': ['transport', 8, 8],
  'icmpv6 checksum': ['transport', 16, 16],
  'icmpv6 id': ['transport', 32, 16],
  'icmpv6 sequence': ['transport', 48, 16],
};

/** What the kernel compares at once (NFT_REG_SIZE). */
const widest = 128;

/** True when a comparison may be one with those before it: its field follows on theirs (`payload_can_merge`). */
export function areNeighbours(before: readonly NegatedMatch[], { field }: NegatedMatch): boolean {
  const [first, last] = [before[0], before.at(-1)].map((one) => lookUp(places, one?.field ?? ''));
  const place = lookUp(places, field);
  if (first === undefined || last === undefined || place === undefined) return false;
  const [header, start, bits] = place;
  return header === last[0] && start === last[1] + last[2] && start + bits - first[1] <= widest;
}

/** Comparisons that may be one. */
export function joined(neighbours: readonly NegatedMatch[]): Expression[] {
  const matches = neighbours.map(({ match }) => match);
  return matches.length > 1 ? [{ kind: 'merged', matches }] : matches;
}

/** What `-m tcp` or `-m udp` asks: of `! --sport 1 ! --dport 2` iptables on nft may have made one comparison. */
export function joinedPorts({ name, options }: Extension, expressions: readonly Expression[]): readonly Expression[] {
  const areSingle = options.every(
    (option) => option.negated && /^--[sd]port$/.test(option.name) && option.values[0]?.includes(':') === false,
  );
  const matches = expressions.filter((one) => one.kind === 'match');
  const mayBeOne = (name === 'tcp' || name === 'udp') && areSingle && matches.length > 1;
  return mayBeOne ? [{ kind: 'merged', matches }] : expressions;
}
