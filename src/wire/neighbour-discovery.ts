/**
 * Neighbour Discovery in ICMPv6, RFC 4861; router preferences and routes RFC 4191, DNS configuration RFC 8106, NAT64
 * prefix RFC 8781, captive portal RFC 8910.
 */

import { ipv6Length, macLength, readIpv6, readIpv6Prefix, readMac } from './address.ts';
import { readText } from './bytes.ts';
import { type Header, named } from './decoder.ts';
import { icmpv6Type } from './icmpv6-names.ts';

const shortLength = 2;
const longLength = 4;
const solicitationLength = 8;
const advertisement = { hopLimit: 4, flags: 5, lifetime: 6, reachableTime: 8, retransmitTimer: 12 };
const advertisementLength = advertisement.retransmitTimer + longLength;
const neighbour = { flags: 4, target: 8 };
const neighbourLength = neighbour.target + ipv6Length;
const redirect = { target: 8, destination: 24 };
const redirectLength = redirect.destination + ipv6Length;

const routerMask = { managed: 0x80, other: 0x40, homeAgent: 0x20, preference: 0x18, proxy: 0x04 };
const neighbourMask = { router: 0x80, solicited: 0x40, override: 0x20 };
const preferences: ReadonlyMap<number, string> = new Map([
  [0, 'medium'],
  [1, 'high'],
  [2, 'reserved'],
  [3, 'low'],
]);

/** Within an option; its length counts 8-byte units. */
const option = { type: 0, length: 1, value: 2 };
const optionUnit = 8;
const optionType = {
  sourceLink: 1,
  targetLink: 2,
  prefix: 3,
  redirected: 4,
  mtu: 5,
  nonce: 14,
  route: 24,
  recursiveServers: 25,
  searchList: 31,
  captivePortal: 37,
  nat64Prefix: 38,
};
const optionNames: ReadonlyMap<number, string> = new Map([
  [optionType.sourceLink, 'source link-layer address'],
  [optionType.targetLink, 'target link-layer address'],
  [optionType.prefix, 'prefix information'],
  [optionType.redirected, 'redirected packet'],
  [optionType.mtu, 'MTU'],
  [7, 'advertisement interval'],
  [8, 'home agent information'],
  [11, 'CGA'],
  [12, 'RSA signature'],
  [13, 'timestamp'],
  [optionType.nonce, 'nonce'],
  [optionType.route, 'route information'],
  [optionType.recursiveServers, 'recursive DNS servers'],
  [26, 'flags extension'],
  [optionType.searchList, 'DNS search list'],
  [33, 'address registration'],
  [optionType.captivePortal, 'captive portal'],
  [optionType.nat64Prefix, 'NAT64 prefix'],
]);
const prefix = { length: 2, flags: 3, validLifetime: 4, preferredLifetime: 8, prefix: 16 };
const prefixMask = { onLink: 0x80, autonomous: 0x40, router: 0x20 };
const redirectedPacketAt = 8;
const mtuAt = 4;
const route = { prefixLength: 2, flags: 3, lifetime: 4, prefix: 8 };
const routePreferenceMask = 0x18;
const names = { lifetime: 4, list: 8 };
const nat64 = { lifetime: 2, prefix: 4 };
const nat64LifetimeMask = 0xfff8;
const nat64LifetimeUnit = 8;
const nat64PrefixLength = 12;

const infinite = 0xffffffff;

function secondsText(value: number): string {
  return value === infinite ? 'infinite' : `${value} s`;
}

function addPrefix(header: Header, place: number): void {
  header.number('icmpv6.opt.prefix.length', 'Prefix length', place + prefix.length, 1);
  const flag = (name: string, label: string, mask: number): boolean =>
    header.flag(`icmpv6.opt.prefix.flag.${name}`, label, place + prefix.flags, 1, mask);
  flag('l', 'On-link', prefixMask.onLink);
  flag('a', 'Autonomous address configuration', prefixMask.autonomous);
  flag('r', 'Router address', prefixMask.router);
  const lifetime = (name: string, label: string, at: number): number =>
    header.number(`icmpv6.opt.prefix.${name}_lifetime`, label, place + at, longLength, secondsText);
  lifetime('valid', 'Valid lifetime', prefix.validLifetime);
  lifetime('preferred', 'Preferred lifetime', prefix.preferredLifetime);
  header.address('icmpv6.opt.prefix', 'Prefix', place + prefix.prefix, ipv6Length, readIpv6);
}

function addRoute(header: Header, place: number, length: number): void {
  header.number('icmpv6.opt.prefix.length', 'Prefix length', place + route.prefixLength, 1);
  const flags = 'icmpv6.opt.route_info.flag.route_preference';
  header.bits(flags, 'Route preference', place + route.flags, 1, routePreferenceMask, named(preferences));
  header.number('icmpv6.opt.route_lifetime', 'Route lifetime', place + route.lifetime, longLength, secondsText);
  const size = Math.min(length - route.prefix, ipv6Length);
  header.address('icmpv6.opt.prefix', 'Prefix', place + route.prefix, size, (bytes, from) =>
    readIpv6Prefix(bytes, from, size),
  );
}

/** Adds the names of a search list: labels without compression, each name up to an empty label, then zeros. */
function addSearchList(header: Header, start: number, end: number): void {
  let nameStart = start;
  let labels: { readonly at: number; readonly length: number }[] = [];
  for (let place = start; place < end; ) {
    const length = header.peek(place, 1);
    place += 1 + length;
    if (length > 0) {
      labels.push({ at: place - length - nameStart, length });
      continue;
    }
    if (labels.length === 0) return;
    const parts = labels;
    header.address('icmpv6.opt.dnssl', 'Search domain', nameStart, place - nameStart, (bytes, from) =>
      parts.map((part) => readText(bytes, from + part.at, from + part.at + part.length)).join('.'),
    );
    nameStart = place;
    labels = [];
  }
}

function addOption(header: Header, type: number, place: number, length: number): void {
  const room = length - option.value;
  switch (type) {
    case optionType.sourceLink:
    case optionType.targetLink:
      if (length === optionUnit) {
        header.address('icmpv6.opt.linkaddr', 'Link-layer address', place + option.value, macLength, readMac);
      } else header.opaque('icmpv6.opt.linkaddr', 'Link-layer address', place + option.value, room);
      return;
    case optionType.prefix:
      if (length >= prefix.prefix + ipv6Length) addPrefix(header, place);
      return;
    case optionType.mtu:
      header.number('icmpv6.opt.mtu', 'MTU', place + mtuAt, longLength);
      return;
    case optionType.nonce:
      header.opaque('icmpv6.opt.nonce', 'Nonce', place + option.value, room);
      return;
    case optionType.route:
      addRoute(header, place, length);
      return;
    case optionType.recursiveServers:
      header.number('icmpv6.opt.rdnss.lifetime', 'Lifetime', place + names.lifetime, longLength, secondsText);
      for (let at = place + names.list; at + ipv6Length <= place + length; at += ipv6Length) {
        header.address('icmpv6.opt.rdnss', 'Recursive DNS server', at, ipv6Length, readIpv6);
      }
      return;
    case optionType.searchList:
      header.number('icmpv6.opt.dnssl.lifetime', 'Lifetime', place + names.lifetime, longLength, secondsText);
      addSearchList(header, place + names.list, place + length);
      return;
    case optionType.captivePortal:
      header.paddedText('icmpv6.opt.captive_portal', 'Captive portal', place + option.value, room);
      return;
    case optionType.nat64Prefix:
      header.bits(
        'icmpv6.opt.pref64.scaled_lifetime',
        'Lifetime',
        place + nat64.lifetime,
        shortLength,
        nat64LifetimeMask,
        (value) => secondsText(value * nat64LifetimeUnit),
      );
      header.address('icmpv6.opt.pref64.prefix', 'Prefix', place + nat64.prefix, nat64PrefixLength, (bytes, from) =>
        readIpv6Prefix(bytes, from, nat64PrefixLength),
      );
      return;
    default:
  }
}

/** A range of bytes, counted from the start of the message. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** Adds the options from `start` up to `end`; gives where a redirected packet stands, null without one. */
function addOptions(header: Header, start: number, end: number): Range | null {
  let redirected: Range | null = null;
  let place = start;
  while (place + option.value <= end && header.has(place + option.value)) {
    const type = header.peek(place + option.type, 1);
    const units = header.peek(place + option.length, 1);
    const length = units * optionUnit;
    // RFC 4861 section 4.6: an option of length 0 makes the packet invalid.
    if (length === 0 || place + length > end) break;
    header.number('icmpv6.opt.type', 'Option', place + option.type, 1, named(optionNames));
    header.add('icmpv6.opt.length', 'Option length', place + option.length, 1, units, `${length} bytes`);
    addOption(header, type, place, length);
    if (type === optionType.redirected) redirected ??= { start: place + redirectedPacketAt, end: place + length };
    place += length;
  }
  return redirected;
}

function addRouterAdvertisement(header: Header): void {
  header.number('icmpv6.nd.ra.cur_hop_limit', 'Hop limit', advertisement.hopLimit, 1);
  const flag = (name: string, label: string, mask: number): boolean =>
    header.flag(`icmpv6.nd.ra.flag.${name}`, label, advertisement.flags, 1, mask);
  flag('m', 'Managed address configuration', routerMask.managed);
  flag('o', 'Other configuration', routerMask.other);
  flag('h', 'Home agent', routerMask.homeAgent);
  const preference = named(preferences);
  header.bits('icmpv6.nd.ra.flag.prf', 'Preference', advertisement.flags, 1, routerMask.preference, preference);
  flag('p', 'Proxy', routerMask.proxy);
  const time = (name: string, label: string, at: number, length: number, unit: string): number =>
    header.number(`icmpv6.nd.ra.${name}`, label, at, length, (value) => `${value} ${unit}`);
  time('router_lifetime', 'Router lifetime', advertisement.lifetime, shortLength, 's');
  time('reachable_time', 'Reachable time', advertisement.reachableTime, longLength, 'ms');
  time('retrans_timer', 'Retransmission timer', advertisement.retransmitTimer, longLength, 'ms');
}

function addNeighbour(header: Header, type: number): void {
  if (type === icmpv6Type.neighbourSolicitation) {
    header.address('icmpv6.nd.ns.target_address', 'Target address', neighbour.target, ipv6Length, readIpv6);
    return;
  }
  header.flag('icmpv6.nd.na.flag.r', 'Router', neighbour.flags, 1, neighbourMask.router);
  header.flag('icmpv6.nd.na.flag.s', 'Solicited', neighbour.flags, 1, neighbourMask.solicited);
  header.flag('icmpv6.nd.na.flag.o', 'Override', neighbour.flags, 1, neighbourMask.override);
  header.address('icmpv6.nd.na.target_address', 'Target address', neighbour.target, ipv6Length, readIpv6);
}

/** Lengths of the messages of Neighbour Discovery, without options. */
const fixedLengths: ReadonlyMap<number, number> = new Map([
  [icmpv6Type.routerSolicitation, solicitationLength],
  [icmpv6Type.routerAdvertisement, advertisementLength],
  [icmpv6Type.neighbourSolicitation, neighbourLength],
  [icmpv6Type.neighbourAdvertisement, neighbourLength],
  [icmpv6Type.redirect, redirectLength],
]);

/** A message of Neighbour Discovery: the length that it needs, and the packet that a redirect quotes. */
export interface Discovery {
  readonly fixedLength: number;
  readonly redirected: Range | null;
}

/** Adds the fields of a message of Neighbour Discovery, its options up to `length`; null when it is of another kind. */
export function addDiscovery(header: Header, type: number, length: number): Discovery | null {
  const fixedLength = fixedLengths.get(type);
  if (fixedLength === undefined) return null;
  if (type === icmpv6Type.routerAdvertisement) addRouterAdvertisement(header);
  else if (type === icmpv6Type.redirect) {
    header.address('icmpv6.nd.rd.target_address', 'Better first hop', redirect.target, ipv6Length, readIpv6);
    const name = 'icmpv6.rd.na.destination_address';
    header.address(name, 'Destination', redirect.destination, ipv6Length, readIpv6);
  } else if (type !== icmpv6Type.routerSolicitation) addNeighbour(header, type);
  return { fixedLength, redirected: addOptions(header, fixedLength, length) };
}
