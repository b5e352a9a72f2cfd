/**
 * Domain Name System, RFC 1035; updates RFC 2136, EDNS RFC 6891, over TCP RFC 7766; multicast DNS RFC 6762; link-local
 * multicast name resolution RFC 4795.
 */

import { hex, readUint } from './bytes.ts';
import { type Context, type Decoded, type Decoder, Header, named } from './decoder.ts';
import { addRecordData } from './dns-data.ts';
import { readName, type Step } from './dns-name.ts';
import { opcodes, recordClasses, recordType, recordTypes, responseCodes, updateOpcode } from './dns-numbers.ts';
import type { DecodeError } from './layer.ts';

/** Within a message. */
const at = { id: 0, flags: 2, questions: 4, answers: 6, authorities: 8, additional: 10 };
const shortLength = 2;
const longLength = 4;
const headerLength = at.additional + shortLength;

const responseMask = 0x8000;
const opcodeShift = 11;
const opcodeMask = 0xf;
const rcodeMask = 0xf;

type Dialect = 'dns' | 'mdns' | 'llmnr';

interface Flag {
  readonly mask: number;
  readonly field: string;
  readonly label: string;
  /** Queries leave the bit without a meaning. */
  readonly ofResponse: boolean;
}

function flag(mask: number, field: string, label: string, ofResponse = false): Flag {
  return { mask, field: `dns.flags.${field}`, label, ofResponse };
}

const usualFlags: readonly Flag[] = [
  flag(0x400, 'authoritative', 'Authoritative', true),
  flag(0x200, 'truncated', 'Truncated'),
  flag(0x100, 'recdesired', 'Recursion desired'),
  flag(0x080, 'recavail', 'Recursion available', true),
  flag(0x040, 'z', 'Reserved'),
  flag(0x020, 'authenticated', 'Authenticated data'),
  flag(0x010, 'checkdisable', 'Checking disabled'),
];

const flagsOf: Readonly<Record<Dialect, readonly Flag[]>> = {
  dns: usualFlags,
  mdns: usualFlags,
  llmnr: [
    flag(0x400, 'conflict', 'Conflict'),
    flag(0x200, 'truncated', 'Truncated'),
    flag(0x100, 'tentative', 'Tentative'),
  ],
};

const titles: Readonly<Record<Dialect, string>> = {
  dns: 'Domain Name System',
  mdns: 'Multicast Domain Name System',
  llmnr: 'Link-local Multicast Name Resolution',
};

const sectionNames = [
  ['queries', 'Questions'],
  ['answers', 'Answers'],
  ['auth_rr', 'Authority records'],
  ['add_rr', 'Additional records'],
] as const;
const updateSectionNames = [
  ['zones', 'Zones'],
  ['prerequisites', 'Prerequisites'],
  ['updates', 'Updates'],
  ['add_rr', 'Additional records'],
] as const;

/** Multicast DNS: the top bit of a class asks for a unicast answer, or tells caches to forget (RFC 6762 section 18). */
const topClassBit = 0x8000;

/** Within a question or a record, after its name. */
const tail = { type: 0, class: 2, questionEnd: 4, ttl: 4, length: 8, data: 10 };
/** What an OPT record makes of class and time to live (RFC 6891 section 6.1.3). */
const optTail = { extendedCode: 4, version: 5, flags: 6 };
const dnssecOkMask = 0x8000;
const shortestQuestion = 1 + tail.questionEnd;
const shortestRecord = 1 + tail.data;

/** More than a datagram of 9000 bytes or a page of a zone transfer holds; the rest of a message is not read. */
const mostRecords = 1024;

interface Message {
  readonly header: Header;
  readonly context: Context;
  readonly dialect: Dialect;
  /** Where the message starts, counted like all places from the header's start. */
  readonly base: number;
}

function stop(error: DecodeError | null): Step {
  return { next: null, error };
}

/** Adds a class and, for multicast DNS, the bit on top of it. */
function addClass({ header, dialect }: Message, side: 'qry' | 'resp', place: number): void {
  if (dialect !== 'mdns') {
    header.number(`dns.${side}.class`, 'Class', place, shortLength, named(recordClasses, 4));
    return;
  }
  const value = header.peek(place, shortLength) & ~topClassBit;
  header.add(`dns.${side}.class`, 'Class', place, shortLength, value, named(recordClasses, 4)(value));
  const [field, label] = side === 'qry' ? ['dns.qry.qu', 'Unicast answer'] : ['dns.resp.cache_flush', 'Cache flush'];
  header.flag(field, label, place, shortLength, topClassBit);
}

function addQuestion(message: Message, place: number): Step {
  const { header, base, context } = message;
  const name = readName(header, base, place, context);
  if (name.text === null) return stop(name.error);
  header.add('dns.qry.name', 'Name', place, name.length, name.text);
  const after = place + name.length;
  header.number('dns.qry.type', 'Type', after + tail.type, shortLength, named(recordTypes, 4));
  addClass(message, 'qry', after + tail.class);
  const next = after + tail.questionEnd;
  return header.has(next) ? { next, error: null } : stop(header.shortage(next, context));
}

function addOptTail(header: Header, after: number): void {
  header.number('dns.rr.udp_payload_size', 'UDP payload size', after + tail.class, shortLength);
  header.number('dns.resp.ext_rcode', 'High bits of the response code', after + optTail.extendedCode, 1);
  header.number('dns.resp.edns0_version', 'EDNS version', after + optTail.version, 1);
  header.number('dns.resp.z', 'EDNS flags', after + optTail.flags, shortLength, (value) => hex(value, 4));
  header.flag('dns.resp.z.do', 'DNSSEC OK', after + optTail.flags, shortLength, dnssecOkMask);
}

function addRecord(message: Message, place: number): Step {
  const { header, base, context } = message;
  const name = readName(header, base, place, context);
  if (name.text === null) return stop(name.error);
  header.add('dns.resp.name', 'Name', place, name.length, name.text);
  const after = place + name.length;
  const type = header.number('dns.resp.type', 'Type', after + tail.type, shortLength, named(recordTypes, 4));
  if (type === recordType.opt) addOptTail(header, after);
  else {
    addClass(message, 'resp', after + tail.class);
    header.number('dns.resp.ttl', 'Time to live in seconds', after + tail.ttl, longLength);
  }
  const length = header.number('dns.resp.len', 'Data length', after + tail.length, shortLength);
  const start = after + tail.data;
  if (!header.has(start)) return stop(header.shortage(start, context));
  const next = start + length;
  const error = addRecordData(type, { header, context, base, start, end: next });
  if (error !== null) return stop(error);
  return header.has(next) ? { next, error: null } : stop(header.shortage(next, context));
}

/** Adds the fixed header and gives the counts of its sections. */
function addHeader({ header, dialect, base }: Message): readonly number[] {
  header.number('dns.id', 'Transaction', base + at.id, shortLength, (value) => hex(value, 4));
  const place = base + at.flags;
  const flags = header.number('dns.flags', 'Flags', place, shortLength, (value) => hex(value, 4));
  const response = header.flag('dns.flags.response', 'Response', place, shortLength, responseMask);
  const opcode = (flags >> opcodeShift) & opcodeMask;
  header.add('dns.flags.opcode', 'Operation', place, shortLength, opcode, named(opcodes)(opcode));
  for (const { mask, field, label, ofResponse } of flagsOf[dialect]) {
    if (response || !ofResponse) header.flag(field, label, place, shortLength, mask);
  }
  const rcode = flags & rcodeMask;
  if (response) {
    header.add('dns.flags.rcode', 'Response code', place, shortLength, rcode, named(responseCodes)(rcode));
  }
  return (opcode === updateOpcode ? updateSectionNames : sectionNames).map(([field, label], index) =>
    header.number(`dns.count.${field}`, label, base + at.questions + index * shortLength, shortLength),
  );
}

/** Adds the message and gives its first error. */
function addMessage(message: Message): DecodeError | null {
  const { header, base, context } = message;
  const [questions = 0, ...sections] = addHeader(message);
  const records = sections.reduce((sum, count) => sum + count, 0);
  if (!header.has(base + headerLength)) return header.shortage(base + headerLength, context);
  let place = base + headerLength;
  for (let index = 0; index < Math.min(questions + records, mostRecords); index++) {
    const { next, error } = index < questions ? addQuestion(message, place) : addRecord(message, place);
    if (next === null) return error;
    place = next;
  }
  return null;
}

function datagram(dialect: Dialect): Decoder {
  return (bytes, offset, end, context): Decoded => {
    const header = new Header(dialect, titles[dialect], bytes, offset, end);
    const error = addMessage({ header, context, dialect, base: 0 });
    return { layer: header.layer(end - offset), payload: null, error };
  };
}

/** Decodes a message in a datagram of port 53. */
export const decodeDns = datagram('dns');
/** Decodes a message of multicast DNS. */
export const decodeMdns = datagram('mdns');
/** Decodes a message of link-local multicast name resolution. */
export const decodeLlmnr = datagram('llmnr');

/**
 * Decodes a message in a TCP segment, after its length (RFC 1035 section 4.2.2); the next message in the segment is a
 * layer of its own. A message that goes on in another segment is read as far as it is here.
 */
export const decodeDnsOverTcp: Decoder = (bytes, offset, end, context): Decoded => {
  const messageEnd = offset + shortLength + readUint(bytes, offset, shortLength);
  const layerEnd = Math.min(messageEnd, end);
  const header = new Header('dns', titles.dns, bytes, offset, layerEnd);
  header.number('dns.length', 'Length', 0, shortLength);
  const limits = { limitedBy: 'dns.length', incomplete: context.incomplete || messageEnd > end };
  const error = addMessage({ header, context: limits, dialect: 'dns', base: shortLength });
  const layer = header.layer(layerEnd - offset);
  if (messageEnd >= end) return { layer, payload: null, error };
  const protocol = isDnsOverTcp(bytes, messageEnd, end) ? 'dns-tcp' : 'data';
  return { layer, payload: { ...context, protocol, offset: messageEnd, end }, error };
};

/** True for a payload that may be a message: it has a whole header. What else is wrong with it, its decoder says. */
export function isDns(_bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= headerLength;
}

/**
 * True for a segment that begins with a message and not amid one: the length has room for what the header counts, the
 * operation is known and the reserved bit is clear.
 */
export function isDnsOverTcp(bytes: Uint8Array, start: number, end: number): boolean {
  const message = start + shortLength;
  if (end - message < headerLength || bytes.length - message < headerLength) return false;
  const count = (place: number): number => readUint(bytes, message + place, shortLength);
  const records = count(at.answers) + count(at.authorities) + count(at.additional);
  const least = headerLength + count(at.questions) * shortestQuestion + records * shortestRecord;
  const reservedMask = 0x40;
  const flags = count(at.flags);
  const known = opcodes.has((flags >> opcodeShift) & opcodeMask) && (flags & reservedMask) === 0;
  return known && least <= readUint(bytes, start, shortLength);
}
