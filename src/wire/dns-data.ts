/**
 * The data of DNS resource records: RFC 1035 section 3.3, AAAA RFC 3596, SRV RFC 2782, NAPTR RFC 3403, OPT RFC 6891,
 * DNSSEC RFC 4034, SSHFP RFC 4255, TLSA RFC 6698, CAA RFC 8659, SVCB and HTTPS RFC 9460.
 */

import { ipv4Length, ipv6Length, readIpv4, readIpv6 } from './address.ts';
import { type Context, type Header, named } from './decoder.ts';
import { type Item, item, layouts, number } from './dns-layouts.ts';
import { readName, type Step } from './dns-name.ts';
import { optionCodes, recordType, serviceKeys } from './dns-numbers.ts';
import type { DecodeError } from './layer.ts';

const shortLength = 2;
const longLength = 4;
const millisecondsPerSecond = 1000;

function timeText(seconds: number): string {
  return new Date(seconds * millisecondsPerSecond).toISOString();
}

/** Where a record's data stands. All places count from the header's start. */
export interface RecordData {
  readonly header: Header;
  readonly context: Context;
  /** Where the message starts. */
  readonly base: number;
  readonly start: number;
  readonly end: number;
}

/** Items whose length their kind sets. */
const fixedLengths: ReadonlyMap<Item['kind'], number> = new Map([
  ['time', longLength],
  ['ipv4', ipv4Length],
  ['ipv6', ipv6Length],
]);

/** Bytes of an item that is no name. */
function itemLength({ header, end }: RecordData, one: Item, place: number): number {
  if (one.kind === 'number') return one.length;
  if (one.kind === 'string') return 1 + header.peek(place, 1);
  return fixedLengths.get(one.kind) ?? end - place;
}

function addValue(header: Header, one: Item, place: number, length: number): void {
  const { field, label } = one;
  if (one.kind === 'ipv4') header.address(field, label, place, length, readIpv4);
  else if (one.kind === 'ipv6') header.address(field, label, place, length, readIpv6);
  else if (one.kind === 'string') header.text(field, label, place + 1, length - 1);
  else if (one.kind === 'number') header.number(field, label, place, length, one.names && named(one.names));
  else if (one.kind === 'time') header.number(field, label, place, length, timeText);
  else header.opaque(field, label, place, length);
}

/** Adds an item at `place`; one that goes beyond the data is the record's error. */
function addItem(data: RecordData, one: Item, place: number): Step {
  const { header, base, context, start, end } = data;
  const name = one.kind === 'name' ? readName(header, base, place, context) : null;
  if (name !== null && name.text === null) return { next: null, error: name.error };
  const next = place + (name?.length ?? itemLength(data, one, place));
  if (next > end) return { next: null, error: header.badValue('dns.resp.len', next - start, end - start) };
  if (name === null) addValue(header, one, place, next - place);
  else header.add(one.field, one.label, place, next - place, name.text ?? '');
  return { next, error: null };
}

/** RFC 1035 section 3.3.14: one or more strings, each after its length. */
function addTexts({ header, start, end }: RecordData): void {
  let place = start;
  while (place < end && header.has(place + 1)) {
    const length = Math.min(header.number('dns.txt.length', 'Text length', place, 1), end - place - 1);
    header.text('dns.txt', 'Text', place + 1, length);
    place += 1 + length;
  }
}

const issuerCritical = 0x80;
const authorizationTags: ReadonlySet<string> = new Set(['issue', 'issuewild', 'iodef']);

function addAuthorization({ header, start, end }: RecordData): void {
  const [flags, tagLength, tag] = [start, start + 1, start + shortLength];
  if (tag > end) return;
  header.number('dns.caa.flags', 'Flags', flags, 1);
  header.flag('dns.caa.flags.issuer_critical', 'Issuer critical', flags, 1, issuerCritical);
  const length = Math.min(header.number('dns.caa.tag_length', 'Tag length', tagLength, 1), end - tag);
  const name = header.text('dns.caa.tag', 'Tag', tag, length);
  const field = authorizationTags.has(name) ? `dns.caa.${name}` : 'dns.caa.unknown';
  header.text(field, 'Value', tag + length, end - tag - length);
}

/** Within an option of OPT, a parameter of SVCB. */
const option = { code: 0, length: shortLength, value: 2 * shortLength };

/** Calls `add` for each option or parameter between two places, as far as they fit. */
function eachOption(
  header: Header,
  start: number,
  end: number,
  add: (code: number, place: number, length: number) => void,
): void {
  let place = start;
  while (place + option.value <= end && header.has(place + option.value)) {
    const length = header.peek(place + option.length, shortLength);
    if (place + option.value + length > end) return;
    add(header.peek(place + option.code, shortLength), place, length);
    place += option.value + length;
  }
}

function addOptions({ header, start, end }: RecordData): void {
  eachOption(header, start, end, (_code, place, length) => {
    header.number('dns.opt.code', 'Option', place + option.code, shortLength, named(optionCodes));
    header.number('dns.opt.len', 'Option length', place + option.length, shortLength);
    header.opaque('dns.opt.data', 'Option data', place + option.value, length);
  });
}

const serviceKey = { alpn: 1, port: 3, ipv4Hint: 4, ipv6Hint: 6 };

function addService(data: RecordData): DecodeError | null {
  const { header, start, end } = data;
  const priority = addItem(data, number('dns.svcb.svcpriority', 'Priority', shortLength), start);
  if (priority.next === null) return priority.error;
  const target = addItem(data, item('name', 'dns.svcb.targetname', 'Target'), priority.next);
  if (target.next === null) return target.error;
  eachOption(header, target.next, end, (key, place, length) => {
    header.number('dns.svcb.svcparam.key', 'Parameter', place + option.code, shortLength, named(serviceKeys));
    header.number('dns.svcb.svcparam.value.length', 'Parameter length', place + option.length, shortLength);
    const value = place + option.value;
    const after = value + length;
    if (key === serviceKey.alpn) {
      for (let at = value; at < after; at += 1 + header.peek(at, 1)) {
        const room = Math.min(header.peek(at, 1), after - at - 1);
        header.text('dns.svcb.svcparam.alpn', 'Application protocol', at + 1, room);
      }
    } else if (key === serviceKey.port && length === shortLength) {
      header.number('dns.svcb.svcparam.port', 'Port', value, shortLength);
    } else if (key === serviceKey.ipv4Hint) {
      for (let at = value; at + ipv4Length <= after; at += ipv4Length) {
        header.address('dns.svcb.svcparam.ipv4hint.ip', 'Address hint', at, ipv4Length, readIpv4);
      }
    } else if (key === serviceKey.ipv6Hint) {
      for (let at = value; at + ipv6Length <= after; at += ipv6Length) {
        header.address('dns.svcb.svcparam.ipv6hint.ip', 'Address hint', at, ipv6Length, readIpv6);
      }
    } else header.opaque('dns.svcb.svcparam.value', 'Parameter value', value, length);
  });
  return null;
}

/** Adds the fields of a record's data; types without a decoder are hex. Gives the first error in it. */
export function addRecordData(type: number, data: RecordData): DecodeError | null {
  const { header, start, end } = data;
  // An update's deletions and prerequisites have no data (RFC 2136 section 2.4).
  if (start === end) return null;
  const layout = layouts.get(type);
  if (layout !== undefined) {
    let place = start;
    for (const one of layout) {
      const { next, error } = addItem(data, one, place);
      if (next === null) return error;
      place = next;
    }
    return null;
  }
  switch (type) {
    case recordType.txt:
      addTexts(data);
      return null;
    case recordType.caa:
      addAuthorization(data);
      return null;
    case recordType.opt:
      addOptions(data);
      return null;
    case recordType.svcb:
    case recordType.https:
      return addService(data);
    default:
      header.opaque('dns.data', 'Data', start, end - start);
      return null;
  }
}
