/** IPv4 options, RFC 791 section 3.1; router alert RFC 2113, MTU probes RFC 1063, traceroute RFC 1393, quick start RFC 4782. */

import { ipv4Length, readIpv4 } from './address.ts';
import { type Header, named } from './decoder.ts';

/** Within an option; a pointer counts from the option's first byte, which is 1. */
const option = { type: 0, length: 1, value: 2, pointer: 2, route: 3, overflow: 3, times: 4 };
const shortLength = 2;
const longLength = 4;

const type = {
  end: 0,
  noOperation: 1,
  recordRoute: 7,
  probeMtu: 11,
  replyMtu: 12,
  quickStart: 25,
  timestamps: 68,
  traceroute: 82,
  security: 130,
  looseRoute: 131,
  streamIdentifier: 136,
  strictRoute: 137,
  routerAlert: 148,
};
const types: ReadonlyMap<number, string> = new Map([
  [type.end, 'end of options'],
  [type.noOperation, 'no operation'],
  [type.recordRoute, 'record route'],
  [type.probeMtu, 'MTU probe'],
  [type.replyMtu, 'MTU reply'],
  [type.quickStart, 'quick start'],
  [type.timestamps, 'timestamps'],
  [type.traceroute, 'traceroute'],
  [type.security, 'security'],
  [type.looseRoute, 'loose source route'],
  [133, 'extended security'],
  [134, 'commercial security'],
  [type.streamIdentifier, 'stream identifier'],
  [type.strictRoute, 'strict source route'],
  [145, 'extended Internet protocol'],
  [type.routerAlert, 'router alert'],
  [149, 'selective directed broadcast'],
  [151, 'dynamic packet state'],
  [152, 'upstream multicast'],
]);

const overflowMask = 0xf0;
const timestampFlagMask = 0x0f;
const timestampFlags: ReadonlyMap<number, string> = new Map([
  [0, 'timestamps alone'],
  [1, 'addresses and timestamps'],
  [3, 'timestamps of given addresses'],
]);

const alertValues: ReadonlyMap<number, string> = new Map([[0, 'every router examines the packet']]);

/** Up to the pointer stands what was recorded; from it on, what a source route has yet to visit, or empty slots. */
function routeField(kind: number, isPast: boolean): readonly [name: string, label: string] {
  if (isPast) return ['ip.rec_rt', 'Recorded route'];
  return kind === type.recordRoute ? ['ip.empty_rt', 'Empty slot'] : ['ip.src_rt', 'Source route'];
}

function addRoute(header: Header, kind: number, place: number, length: number): void {
  const pointer = header.number('ip.opt.ptr', 'Pointer', place + option.pointer, 1) - 1;
  for (let at: number = option.route; at + ipv4Length <= length; at += ipv4Length) {
    const [name, label] = routeField(kind, at < pointer);
    header.address(name, label, place + at, ipv4Length, readIpv4);
  }
}

function addTimestamps(header: Header, place: number, length: number): void {
  header.number('ip.opt.ptr', 'Pointer', place + option.pointer, 1);
  header.bits('ip.opt.overflow', 'Overflow', place + option.overflow, 1, overflowMask);
  const flag = header.bits('ip.opt.flag', 'Flag', place + option.overflow, 1, timestampFlagMask, named(timestampFlags));
  const addressLength = flag === 0 ? 0 : ipv4Length;
  for (let at: number = option.times; at + addressLength + longLength <= length; at += addressLength + longLength) {
    if (addressLength > 0) {
      header.address('ip.opt.time_stamp_addr', 'Timestamp of', place + at, ipv4Length, readIpv4);
    }
    header.number('ip.opt.time_stamp', 'Timestamp', place + at + addressLength, longLength, (value) => `${value} ms`);
  }
}

function addTraceroute(header: Header, place: number): void {
  const value = place + option.value;
  header.number('ip.opt.id_number', 'Identifier', value, shortLength);
  header.number('ip.opt.ohc', 'Outbound hops', value + shortLength, shortLength);
  header.number('ip.opt.rhc', 'Return hops', value + longLength, shortLength);
  header.address('ip.opt.originator', 'Originator', value + longLength + shortLength, ipv4Length, readIpv4);
}

function addOption(header: Header, kind: number, place: number, length: number): void {
  const value = place + option.value;
  const isShort = length === option.value + shortLength;
  if (kind === type.recordRoute || kind === type.looseRoute || kind === type.strictRoute) {
    addRoute(header, kind, place, length);
  } else if (kind === type.timestamps) addTimestamps(header, place, length);
  else if (kind === type.traceroute) addTraceroute(header, place);
  else if (kind === type.routerAlert && isShort) {
    header.number('ip.opt.ra', 'Router alert', value, shortLength, named(alertValues, 4));
  } else if (kind === type.streamIdentifier && isShort) {
    header.number('ip.opt.sid', 'Stream', value, shortLength);
  } else if ((kind === type.probeMtu || kind === type.replyMtu) && isShort) {
    header.number('ip.opt.mtu', 'MTU', value, shortLength);
  } else if (kind === type.security) header.number('ip.opt.sec_rfc791_sec', 'Security', value, shortLength);
}

/** Adds the fields of the options from `start` up to `end`, and stops at the first that is damaged. */
export function addIpv4Options(header: Header, start: number, end: number): void {
  let place = start;
  while (place < end && header.has(place + 1)) {
    const kind = header.number('ip.opt.type', 'Option', place + option.type, 1, named(types));
    if (kind === type.end) return;
    if (kind === type.noOperation) {
      place += 1;
      continue;
    }
    const length = header.number('ip.opt.len', 'Option length', place + option.length, 1);
    if (length < option.value || place + length > end) return;
    addOption(header, kind, place, length);
    place += length;
  }
}
