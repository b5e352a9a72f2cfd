/** Multicast Listener Discovery in ICMPv6: version 1 (RFC 2710) and 2 (RFC 3810). */

import { ipv6Length, readIpv6 } from './address.ts';
import { type Header, named } from './decoder.ts';
import { auxiliaryUnit, groupRecordTypes, robustnessMask, suppressMask } from './group-record.ts';
import { icmpv6Type } from './icmpv6-names.ts';

const at = { responseTime: 4, recordCount: 6, group: 8, robustness: 24, queryInterval: 25, sourceCount: 26 };
const shortLength = 2;
const groupEnd = at.group + ipv6Length;
const queryLength = at.sourceCount + shortLength;

/** Within an address record of a version 2 report. */
const record = { type: 0, auxiliaryLength: 1, sourceCount: 2, group: 4, sources: 4 + ipv6Length };
const firstRecord = 8;

/** Adds the addresses that are there, of `count`; gives where they end by that count. */
function addSources(header: Header, name: string, place: number, count: number): number {
  for (let index = 0; index < count && header.has(place + (index + 1) * ipv6Length); index++) {
    header.address(name, 'Source', place + index * ipv6Length, ipv6Length, readIpv6);
  }
  return place + count * ipv6Length;
}

function addReport(header: Header): number {
  const count = header.number('icmpv6.mldr.nb_mcast_records', 'Address records', at.recordCount, shortLength);
  let place = firstRecord;
  for (let index = 0; index < count; index++) {
    if (!header.has(place + record.sources)) return place + record.sources;
    const prefix = 'icmpv6.mldr.mar';
    header.number(`${prefix}.record_type`, 'Record type', place + record.type, 1, named(groupRecordTypes));
    const auxiliary = header.number(
      `${prefix}.aux_data_len`,
      'Auxiliary data length',
      place + record.auxiliaryLength,
      1,
    );
    const sources = header.number(`${prefix}.nb_sources`, 'Sources', place + record.sourceCount, shortLength);
    header.address(`${prefix}.multicast_address`, 'Group', place + record.group, ipv6Length, readIpv6);
    const end = addSources(header, `${prefix}.source_address`, place + record.sources, sources);
    place = end + auxiliary * auxiliaryUnit;
  }
  return place;
}

/** True for the messages that this file reads. */
export function isListenerMessage(type: number): boolean {
  const { listenerQuery, listenerReport, listenerDone, listenerReport2 } = icmpv6Type;
  return [listenerQuery, listenerReport, listenerDone, listenerReport2].includes(type);
}

/** Adds the fields of a listener message of `length` bytes; gives the length that it needs. */
export function addListenerMessage(header: Header, type: number, length: number): number {
  if (type === icmpv6Type.listenerReport2) return addReport(header);
  // RFC 3810 section 8.1: a longer query is of version 2.
  const second = type === icmpv6Type.listenerQuery && length >= queryLength;
  const delay = second ? 'icmpv6.mld.maximum_response_code' : 'icmpv6.mld.maximum_response_delay';
  header.number(
    delay,
    'Maximum response time',
    at.responseTime,
    shortLength,
    second ? String : (value) => `${value} ms`,
  );
  header.address('icmpv6.mld.multicast_address', 'Group', at.group, ipv6Length, readIpv6);
  if (!second) return groupEnd;
  header.flag('icmpv6.mld.flag.s', 'Suppress router-side processing', at.robustness, 1, suppressMask);
  header.bits('icmpv6.mld.flag.qrv', 'Robustness', at.robustness, 1, robustnessMask);
  header.number('icmpv6.mld.qqi', 'Query interval code', at.queryInterval, 1);
  const count = header.number('icmpv6.mld.nb_sources', 'Sources', at.sourceCount, shortLength);
  return addSources(header, 'icmpv6.mld.source_address', queryLength, count);
}
