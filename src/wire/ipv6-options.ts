/**
 * Options of IPv6's hop-by-hop and destination options headers, RFC 8200 section 4.2; jumbo payload RFC 2675, router
 * alert RFC 2711, tunnel encapsulation limit RFC 2473, home address RFC 6275 and path MTU RFC 9268.
 */

import { ipv6Length, readIpv6 } from './address.ts';
import { type Header, named } from './decoder.ts';

/** Within an option; its length counts the value alone. */
const option = { type: 0, length: 1, value: 2 };
const shortLength = 2;
const longLength = 4;

const type = {
  pad1: 0x00,
  padN: 0x01,
  encapsulationLimit: 0x04,
  routerAlert: 0x05,
  pathMtu: 0x30,
  jumbo: 0xc2,
  homeAddress: 0xc9,
};
const types: ReadonlyMap<number, string> = new Map([
  [type.pad1, 'Pad1'],
  [type.padN, 'PadN'],
  [type.encapsulationLimit, 'tunnel encapsulation limit'],
  [type.routerAlert, 'router alert'],
  [0x07, 'CALIPSO'],
  [0x08, 'SMF duplicate detection'],
  [0x0f, 'performance and diagnostic metrics'],
  [0x11, 'in-situ OAM'],
  [0x23, 'RPL'],
  [0x26, 'quick start'],
  [type.pathMtu, 'minimum path MTU'],
  [0x31, 'in-situ OAM'],
  [0x63, 'RPL (old)'],
  [0x6d, 'MPL'],
  [0x8b, 'ILNP nonce'],
  [0x8c, 'line identification'],
  [type.jumbo, 'jumbo payload'],
  [type.homeAddress, 'home address'],
  [0xee, 'DFF'],
]);

/** IANA's router alert values. */
const alertValues: ReadonlyMap<number, string> = new Map([
  [0, 'MLD'],
  [1, 'RSVP'],
  [2, 'active networks'],
]);

/** The last bit of the path MTU option says whether the return value is there; the values are even (RFC 9268). */
const pathMtuMask = { value: 0xfffe, returned: 0x0001 };

/** Gives the payload length of a jumbogram, for its option; null for any other. */
function addOption(header: Header, kind: number, value: number, length: number): number | null {
  if (kind === type.routerAlert && length === shortLength) {
    header.number('ipv6.opt.router_alert', 'Router alert', value, shortLength, named(alertValues, 4));
  } else if (kind === type.jumbo && length === longLength) {
    return header.number('ipv6.opt.jumbo', 'Jumbo payload length', value, longLength);
  } else if (kind === type.encapsulationLimit && length === 1) {
    header.number('ipv6.opt.tel', 'Tunnel encapsulation limit', value, 1);
  } else if (kind === type.homeAddress && length === ipv6Length) {
    header.address('ipv6.opt.mipv6.home_address', 'Home address', value, ipv6Length, readIpv6);
  } else if (kind === type.pathMtu && length === longLength) {
    header.number('ipv6.opt.pmtu.min', 'Minimum path MTU', value, shortLength);
    const returned = header.peek(value + shortLength, shortLength) & pathMtuMask.value;
    header.add('ipv6.opt.pmtu.rtn', 'Returned path MTU', value + shortLength, shortLength, returned);
    header.flag('ipv6.opt.pmtu.r_flag', 'Return', value + shortLength, shortLength, pathMtuMask.returned);
  }
  return null;
}

/**
 * Adds the fields of the options from `start` up to `end`, and stops at the first that runs past it.
 *
 * @returns The payload length that a jumbo payload option states; null without one.
 */
export function addIpv6Options(header: Header, start: number, end: number): number | null {
  let jumbo: number | null = null;
  let place = start;
  while (place < end && header.has(place + 1)) {
    const kind = header.number('ipv6.opt.type', 'Option', place + option.type, 1, named(types));
    if (kind === type.pad1) {
      place += 1;
      continue;
    }
    const length = header.number('ipv6.opt.length', 'Option length', place + option.length, 1);
    const next = place + option.value + length;
    if (next > end) break;
    jumbo ??= addOption(header, kind, place + option.value, length);
    place = next;
  }
  return jumbo;
}
