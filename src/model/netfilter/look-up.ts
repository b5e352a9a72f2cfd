/**
 * What rules look up in the routing tables: nft's `fib` (nft_fib_ipv4.c, nft_fib_ipv6.c) and iptables' `-m rpfilter`
 * (ipt_rpfilter.c, ip6t_rpfilter.c).
 */

import type { Operand, RuleTable } from '../../host/netfilter.ts';
import { ipProtocol } from '../../inet/protocol.ts';
import type { View } from './fields.ts';
import type { NetfilterPacket, RouteQuestion } from './packet.ts';
import { absent, known, type Reading, unknown } from './reading.ts';
import { isOfLink } from './route-question.ts';

type Fib = Extract<Operand, { kind: 'fib' }>;

type ReversePath = Extract<Operand, { kind: 'reverse-path' }>;

/** 224.0.0.0/24, as its bits above the last eight. */
const localMulticast4 = 0xe000_00n;

const everybody4 = 0xffff_ffffn;

/** A host that has no address yet asks its link for one: no route leads back, and none is asked for. */
function hasNoSourceYet({ family, protocol, source, destination }: NetfilterPacket): boolean {
  if (source !== 0n || destination === null) return false;
  if (family === 4) return destination === everybody4 || destination >> 8n === localMulticast4;
  return protocol === ipProtocol.icmpv6 && isOfLink(destination);
}

function question(
  { packet, place }: View,
  address: bigint,
  isSource: boolean,
  device: string,
  byMark: boolean,
): RouteQuestion {
  const { family, source, destination, protocol } = packet;
  // Of what is forwarded, nft asks as if the answer came in by the device that it leaves by (`nft_fib4_eval`).
  const isAnswered = place.hook === 'forward' && (family === 6 || device === place.input);
  return {
    family,
    address,
    from: isSource ? destination : source,
    protocol,
    mark: byMark ? packet.mark : 0n,
    cameBy: isSource && isAnswered ? place.output : '',
    on: device || place.input || place.output,
    device,
  };
}

/** A look-up that no device, or none that is known, can be named for. */
const notKnown = unknown('the route to the address is not known');

function readDevice(operand: Fib, view: View, address: bigint): Reading {
  const { packet, place, host } = view;
  const { hook, input, output } = place;
  const isComing = hook === 'prerouting' || hook === 'ingress' || hook === 'input';
  if (isComing && hasNoSourceYet(packet)) return known(input);
  const overLoopback = isComing && host.isLoopback(input);
  if (overLoopback && hook !== 'input') return known(input);
  const device = operand.device === null ? '' : operand.device === 'iif' ? input : output;
  const found = host.routeDevice(question(view, address, operand.address === 'saddr', device, operand.byMark));
  // nft_fib_can_skip, since Linux 6.15 and in some earlier ones: over loopback it asks no routes at input either.
  if (overLoopback && found !== input) return unknown('not every kernel asks the routes for what came over loopback');
  return found === null ? notKnown : known(found);
}

/** What `fib` gives, and `-m addrtype`: the type of an address, or the device of the route to it. */
export function readFib(operand: Fib, view: View, engine: RuleTable['engine']): Reading {
  const { packet, place, host } = view;
  if (packet.isArp) return absent;
  const { source, destination } = packet;
  const isSource = operand.address === 'saddr';
  const [address, other] = isSource ? [source, destination] : [destination, source];
  if (address === null) return unknown(`the ${isSource ? 'source' : 'destination'} is not known`);
  if (operand.result === 'device') return readDevice(operand, view, address);
  const device = operand.device === null ? null : operand.device === 'iif' ? place.input : place.output;
  const mark = operand.byMark ? packet.mark : 0n;
  // xt_addrtype asks for nobody's route in particular, nft's fib for one between both ends.
  const type = host.addressType(packet.family, address, engine === 'nft' ? other : null, device, mark);
  return type === null ? unknown('the type of the address is not known') : known(type);
}

/** 1 where a route leads back to the source, else 0 (`rpfilter_mt`). */
export function readReversePath({ loose, acceptsLocal, byMark }: ReversePath, view: View): Reading {
  const { packet, place, host } = view;
  const { family, source } = packet;
  if (host.isLoopback(place.input) || hasNoSourceYet(packet) || (family === 6 && source === 0n)) return known(1);
  if (source === null) return unknown('the source is not known');
  const found = host.hasReversePath(question(view, source, true, place.input, byMark), loose, acceptsLocal);
  return found === null ? notKnown : known(found ? 1 : 0);
}
