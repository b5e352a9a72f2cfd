/** Internet Group Management Protocol: versions 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 3376). */

import { ipv4Length, readIpv4 } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { fieldValue, numberOf } from './fields.ts';
import { auxiliaryUnit, groupRecordTypes, robustnessMask, suppressMask } from './group-record.ts';
import type { Layer } from './layer.ts';

const at = {
  type: 0,
  responseTime: 1,
  checksum: 2,
  group: 4,
  recordCount: 6,
  robustness: 8,
  queryInterval: 9,
  sourceCount: 10,
};
const shortLength = 2;
const headerLength = at.group + ipv4Length;
const queryLength = at.sourceCount + shortLength;

const type = { query: 0x11, report1: 0x12, report2: 0x16, leave: 0x17, report3: 0x22 };
const types: ReadonlyMap<number, string> = new Map([
  [type.query, 'membership query'],
  [type.report1, 'v1 membership report'],
  [0x13, 'DVMRP'],
  [0x14, 'PIM v1'],
  [type.report2, 'v2 membership report'],
  [type.leave, 'leave group'],
  [0x1e, 'multicast traceroute response'],
  [0x1f, 'multicast traceroute'],
  [type.report3, 'v3 membership report'],
]);

/** Within a group record of a version 3 report. */
const record = { type: 0, auxiliaryLength: 1, sourceCount: 2, group: 4, sources: 8 };

/** Codes from 128 on are a small floating-point number (RFC 3376 section 4.1.1). */
const floatFrom = 0x80;
const mantissaMask = 0x0f;
const exponentMask = 0x07;
const exponentShift = 4;
const hiddenBit = 0x10;
const exponentBias = 3;

function codeValue(code: number): number {
  if (code < floatFrom) return code;
  return ((code & mantissaMask) | hiddenBit) << (((code >> exponentShift) & exponentMask) + exponentBias);
}

/** Adds the addresses that are there, of `count`; gives where they end by that count. */
function addSources(header: Header, place: number, count: number): number {
  for (let index = 0; index < count && header.has(place + (index + 1) * ipv4Length); index++) {
    header.address('igmp.saddr', 'Source', place + index * ipv4Length, ipv4Length, readIpv4);
  }
  return place + count * ipv4Length;
}

function addQuery(header: Header, length: number): number {
  const response = codeValue(header.peek(at.responseTime, 1));
  header.add('igmp.max_resp', 'Maximum response time', at.responseTime, 1, response, `${response / 10} s`);
  header.address('igmp.maddr', 'Group', at.group, ipv4Length, readIpv4);
  // RFC 3376 section 7.1: a longer query is of version 3.
  if (length < queryLength) return headerLength;
  header.flag('igmp.s', 'Suppress router-side processing', at.robustness, 1, suppressMask);
  header.bits('igmp.qrv', 'Robustness', at.robustness, 1, robustnessMask);
  header.number('igmp.qqic', 'Query interval', at.queryInterval, 1, (code) => `${codeValue(code)} s`);
  const count = header.number('igmp.num_src', 'Sources', at.sourceCount, shortLength);
  return addSources(header, queryLength, count);
}

function addReport(header: Header): number {
  const count = header.number('igmp.num_grp_recs', 'Group records', at.recordCount, shortLength);
  let place = headerLength;
  for (let index = 0; index < count; index++) {
    if (!header.has(place + record.sources)) return place + record.sources;
    header.number('igmp.record_type', 'Record type', place + record.type, 1, named(groupRecordTypes));
    const auxiliary = header.number('igmp.aux_data_len', 'Auxiliary data length', place + record.auxiliaryLength, 1);
    const sources = header.number('igmp.num_src', 'Sources', place + record.sourceCount, shortLength);
    header.address('igmp.maddr', 'Group', place + record.group, ipv4Length, readIpv4);
    place = addSources(header, place + record.sources, sources) + auxiliary * auxiliaryUnit;
  }
  return place;
}

/** Decodes an IGMP message. */
export const decodeIgmp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('igmp', 'Internet Group Management Protocol', bytes, offset, end);
  const kind = header.number('igmp.type', 'Type', at.type, 1, named(types));
  header.number('igmp.checksum', 'Checksum', at.checksum, shortLength, (value) => hex(value, 4));
  if (kind === type.query) return header.decoded(addQuery(header, end - offset), context, null);
  if (kind === type.report3) return header.decoded(addReport(header), context, null);
  if (kind === type.report1 || kind === type.report2 || kind === type.leave) {
    header.address('igmp.maddr', 'Group', at.group, ipv4Length, readIpv4);
    return header.decoded(headerLength, context, null);
  }
  return header.decoded(at.group, context, header.rest(at.group, 'data', context));
};

/** `IGMP v3 membership report 10.0.0.1 > 224.0.0.22 group 239.1.1.1`. */
export function summarizeIgmp(layer: Layer, ends: string): string {
  const kind = numberOf(layer, 'igmp.type') ?? 0;
  const group = fieldValue(layer, 'igmp.maddr');
  const text = `IGMP ${types.get(kind) ?? `type ${hex(kind, 2)}`} ${ends}`;
  return group === null || group === '0.0.0.0' ? text : `${text} group ${group}`;
}
