/** Network Time Protocol, RFC 5905; control messages (RFC 9327) and private ones are named only. */

import { readIpv4 } from './address.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { numberOf } from './fields.ts';
import type { Layer } from './layer.ts';

const at = {
  flags: 0,
  stratum: 1,
  poll: 2,
  precision: 3,
  rootDelay: 4,
  rootDispersion: 8,
  reference: 12,
  referenceTime: 16,
  originTime: 24,
  receiveTime: 32,
  transmitTime: 40,
};
const longLength = 4;
const timeLength = 8;
const headerLength = at.transmitTime + timeLength;

const leapShift = 6;
const versionShift = 3;
const threeBits = 0x07;
const lastVersion = 4;

const leaps: ReadonlyMap<number, string> = new Map([
  [0, 'no warning'],
  [1, 'last minute has 61 seconds'],
  [2, 'last minute has 59 seconds'],
  [3, 'clock not synchronised'],
]);

const mode = { control: 6, private: 7 };
const modes: ReadonlyMap<number, string> = new Map([
  [1, 'symmetric active'],
  [2, 'symmetric passive'],
  [3, 'client'],
  [4, 'server'],
  [5, 'broadcast'],
  [mode.control, 'control'],
  [mode.private, 'private'],
]);

/** From this stratum on the reference is an address, below it a name of four letters. */
const firstSecondary = 2;
const strata: ReadonlyMap<number, string> = new Map([
  [0, 'unspecified'],
  [1, 'primary'],
  [16, 'not synchronised'],
]);

/** Fixed point with 16 bits of fraction, in seconds. */
const shortFraction = 0x1_0000;
const longFraction = 0x1_0000_0000;
/** From 1900, where era 0 begins, to 1970. */
const unixEpoch = 2_208_988_800;
const topBit = 0x8000_0000;
const millisecondsPerSecond = 1000;
const nanosecondsPerSecond = 1_000_000_000;

function seconds(value: number): string {
  return `${(value / shortFraction).toFixed(6)} seconds`;
}

/** `2026-11-21T14:36:55.123456789Z`. A clear top bit means era 1, from 2036 on (RFC 4330 section 3). */
function timeText(whole: number, fraction: number): string {
  if (whole === 0 && fraction === 0) return 'not set';
  const era = whole < topBit ? longFraction : 0;
  const date = new Date((whole + era - unixEpoch) * millisecondsPerSecond).toISOString().slice(0, -'.000Z'.length);
  const nanoseconds = Math.floor((fraction / longFraction) * nanosecondsPerSecond);
  return `${date}.${String(nanoseconds).padStart(9, '0')}Z`;
}

function addTime(header: Header, field: string, label: string, place: number): void {
  const text = timeText(header.peek(place, longLength), header.peek(place + longLength, longLength));
  header.add(field, label, place, timeLength, text);
}

/** Decodes a message; times are text in UTC, delays are in units of 2^-16 seconds. */
export const decodeNtp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('ntp', 'Network Time Protocol', bytes, offset, end);
  const flags = header.peek(at.flags, 1);
  header.add('ntp.flags.li', 'Leap indicator', at.flags, 1, flags >> leapShift, named(leaps)(flags >> leapShift));
  header.add('ntp.flags.vn', 'Version', at.flags, 1, (flags >> versionShift) & threeBits);
  const found = flags & threeBits;
  header.add('ntp.flags.mode', 'Mode', at.flags, 1, found, named(modes)(found));
  if (found === mode.control || found === mode.private) {
    return { layer: header.layer(end - offset), payload: null, error: null };
  }
  const stratum = header.number('ntp.stratum', 'Stratum', at.stratum, 1, named(strata));
  header.number('ntp.ppoll', 'Poll interval', at.poll, 1, (value) => `2^${value} seconds`);
  const precision = (header.peek(at.precision, 1) << 24) >> 24;
  header.add('ntp.precision', 'Precision', at.precision, 1, precision, `2^${precision} seconds`);
  header.number('ntp.rootdelay', 'Root delay', at.rootDelay, longLength, seconds);
  header.number('ntp.rootdispersion', 'Root dispersion', at.rootDispersion, longLength, seconds);
  if (stratum >= firstSecondary) header.address('ntp.refid', 'Reference', at.reference, longLength, readIpv4);
  else {
    const name = header.peekText(at.reference, longLength).replace(/\0+$/, '');
    header.add('ntp.refid', 'Reference', at.reference, longLength, name);
  }
  addTime(header, 'ntp.reftime', 'Reference time', at.referenceTime);
  addTime(header, 'ntp.org', 'Origin time', at.originTime);
  addTime(header, 'ntp.rec', 'Receive time', at.receiveTime);
  addTime(header, 'ntp.xmt', 'Transmit time', at.transmitTime);
  return { layer: header.layer(end - offset), payload: null, error: header.shortage(headerLength, context) };
};

/** True for a payload of a version and a mode that exist. */
export function isNtp(bytes: Uint8Array, start: number, end: number): boolean {
  const flags = bytes[start] ?? 0;
  const version = (flags >> versionShift) & threeBits;
  return end > start && version >= 1 && version <= lastVersion && (flags & threeBits) !== 0;
}

/** One line about a message: `NTP server version 4 stratum 2`. */
export function ntpSummary(layer: Layer): string {
  const stratum = numberOf(layer, 'ntp.stratum');
  const from = modes.get(numberOf(layer, 'ntp.flags.mode') ?? 0) ?? 'message';
  const version = numberOf(layer, 'ntp.flags.vn') ?? '?';
  return `NTP ${from} version ${version}${stratum === null || stratum === 0 ? '' : ` stratum ${stratum}`}`;
}
