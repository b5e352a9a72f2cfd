/** One line about a DNS message. */

import { hex } from './bytes.ts';
import { opcodes, recordTypes, responseCodes } from './dns-numbers.ts';
import { fieldValue, numberOf, valuesOf } from './fields.ts';
import type { Layer } from './layer.ts';

/** The field that says most about a record, in types that people look at. */
const tellingFields: ReadonlySet<string> = new Set([
  'dns.a',
  'dns.aaaa',
  'dns.cname',
  'dns.dname',
  'dns.mx.mail_exchange',
  'dns.ns',
  'dns.ptr.domain_name',
  'dns.soa.mname',
  'dns.srv.target',
  'dns.svcb.targetname',
  'dns.txt',
]);

/** Questions and answers in the line; a count stands for the others. */
const mostShown = 4;

const names: ReadonlyMap<string, string> = new Map([
  ['mdns', 'mDNS'],
  ['llmnr', 'LLMNR'],
]);

function typeName(type: number): string {
  return recordTypes.get(type) ?? `TYPE${type}`;
}

function bounded(items: readonly string[]): string {
  const shown = items.slice(0, mostShown).join(', ');
  return items.length > mostShown ? `${shown} and ${items.length - mostShown} more` : shown;
}

/** What a message asks for, or answers; names are raw. */
export function dnsQuestions(layer: Layer): readonly { readonly type: string; readonly name: string }[] {
  const types = valuesOf(layer, 'dns.qry.type');
  return valuesOf(layer, 'dns.qry.name').map((name, index) => ({
    type: typeName(Number(types[index] ?? 0)),
    name: String(name),
  }));
}

/** `A www.example.org` a question. */
function questions(layer: Layer): readonly string[] {
  return dnsQuestions(layer).map(({ type, name }) => `${type} ${name}`);
}

/** `CNAME b.example.org`, `A 10.0.0.1`, `10.0.0.2` for the records of the answer section; names are raw. */
export function dnsAnswers(layer: Layer): readonly string[] {
  const count = numberOf(layer, 'dns.count.answers') ?? 0;
  const said: string[] = [];
  let record = 0;
  let type = 0;
  let lastType = 0;
  for (const { name, value } of layer.fields) {
    if (name === 'dns.resp.name') record += 1;
    if (record > count) break;
    if (name === 'dns.resp.type') type = Number(value);
    if (!tellingFields.has(name)) continue;
    const text = value === '' ? '""' : String(value);
    said.push(type === lastType ? text : `${typeName(type)} ${text}`);
    lastType = type;
  }
  return said;
}

/** The response code: one above 15 has its high bits in an OPT record (RFC 6891 section 6.1.3). */
export function dnsResponseCode(layer: Layer): number {
  const codeBits = 4;
  const high = numberOf(layer, 'dns.resp.ext_rcode') ?? 0;
  return (high << codeBits) | (numberOf(layer, 'dns.flags.rcode') ?? 0);
}

function answerText(layer: Layer): string {
  const asked = bounded(questions(layer));
  const code = dnsResponseCode(layer);
  const name = fieldValue(layer, 'dns.qry.name') ?? fieldValue(layer, 'dns.resp.name') ?? '?';
  if (code !== 0) return `${responseCodes.get(code) ?? `rcode ${code}`} ${name}`;
  const records = dnsAnswers(layer);
  if (records.length > 0) return `${name} ${bounded(records)}`;
  if (fieldValue(layer, 'dns.flags.truncated') === true || (numberOf(layer, 'dns.count.answers') ?? 0) > 0)
    return asked;
  // RFC 2308 section 2.2: a referral names other servers, and has no SOA record.
  const referral = fieldValue(layer, 'dns.ns') !== null && fieldValue(layer, 'dns.soa.mname') === null;
  return `${referral ? 'referral' : 'NODATA'} ${asked}`;
}

/** `DNS query 0x1a2b A www.example.org`, `DNS answer 0x1a2b NXDOMAIN www.example.org`. Names are raw. */
export function dnsSummary(layer: Layer): string {
  const response = fieldValue(layer, 'dns.flags.response') === true;
  const opcode = numberOf(layer, 'dns.flags.opcode') ?? 0;
  const id = numberOf(layer, 'dns.id') ?? 0;
  const words = [
    names.get(layer.protocol) ?? 'DNS',
    ...(opcode === 0 ? [] : [opcodes.get(opcode) ?? `opcode ${opcode}`]),
    ...(opcode === 0 && !response ? ['query'] : []),
    ...(response ? ['answer'] : []),
    // Multicast DNS matches nothing by it, and sends 0 (RFC 6762 section 18.1).
    ...(layer.protocol === 'mdns' && id === 0 ? [] : [hex(id, 4)]),
    response ? answerText(layer) : bounded(questions(layer)),
    ...(fieldValue(layer, 'dns.flags.truncated') === true ? ['truncated'] : []),
  ];
  return words.filter((word) => word !== '').join(' ');
}
