/** PPP over Ethernet: discovery and session stage, RFC 2516; PPP-Max-Payload RFC 4638. */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { numberOf } from './fields.ts';
import type { Layer } from './layer.ts';

const at = { versionAndType: 0, code: 1, session: 2, length: 4 };
const shortLength = 2;
const headerLength = at.length + shortLength;
const versionMask = 0xf0;
const typeMask = 0x0f;

const codes: ReadonlyMap<number, string> = new Map([
  [0x00, 'session data'],
  [0x07, 'PADO'],
  [0x09, 'PADI'],
  [0x19, 'PADR'],
  [0x65, 'PADS'],
  [0xa7, 'PADT'],
]);

/** Within a tag. */
const tag = { type: 0, length: 2, value: 4 };
const endOfList = 0x0000;
const tags: ReadonlyMap<number, { readonly field: string; readonly label: string; readonly kind: 'text' | 'opaque' }> =
  new Map([
    [0x0101, { field: 'service_name', label: 'Service name', kind: 'text' }],
    [0x0102, { field: 'ac_name', label: 'Access concentrator', kind: 'text' }],
    [0x0103, { field: 'host_uniq', label: 'Host-Uniq', kind: 'opaque' }],
    [0x0104, { field: 'ac_cookie', label: 'Access concentrator cookie', kind: 'opaque' }],
    [0x0110, { field: 'relay_session_id', label: 'Relay session', kind: 'opaque' }],
    [0x0120, { field: 'max_payload', label: 'PPP maximum payload', kind: 'opaque' }],
    [0x0201, { field: 'service_name_error', label: 'Service name error', kind: 'text' }],
    [0x0202, { field: 'ac_system_error', label: 'Access concentrator error', kind: 'text' }],
    [0x0203, { field: 'generic_error', label: 'Error', kind: 'text' }],
  ]);

/** Reads tags up to the first that does not fit. */
function addTags(header: Header, length: number): void {
  let place = headerLength;
  while (place + tag.value <= length) {
    const type = header.peek(place + tag.type, shortLength);
    const size = header.peek(place + tag.length, shortLength);
    if (type === endOfList || place + tag.value + size > length) return;
    const known = tags.get(type);
    if (known !== undefined) {
      header[known.kind](`pppoed.tags.${known.field}`, known.label, place + tag.value, size);
    }
    place += tag.value + size;
  }
}

function addHeader(header: Header): number {
  header.bits('pppoe.version', 'Version', at.versionAndType, 1, versionMask);
  header.bits('pppoe.type', 'Type', at.versionAndType, 1, typeMask);
  header.number('pppoe.code', 'Code', at.code, 1, named(codes));
  header.number('pppoe.session_id', 'Session', at.session, shortLength, (value) => hex(value, 4));
  return header.number('pppoe.payload_length', 'Payload length', at.length, shortLength);
}

/** Decodes a message of the discovery stage with its tags. */
export const decodePppoeDiscovery: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('pppoed', 'PPP over Ethernet Discovery', bytes, offset, end);
  const length = headerLength + addHeader(header);
  addTags(header, Math.min(length, end - offset));
  return header.decoded(length, context, null);
};

/** Decodes the header of the session stage; PPP follows without address and control. */
export const decodePppoeSession: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('pppoes', 'PPP over Ethernet Session', bytes, offset, end);
  const length = headerLength + addHeader(header);
  const rest = header.rest(headerLength, 'ppp', context);
  const payload = offset + length <= end ? { ...rest, end: offset + length, limitedBy: 'pppoe.payload_length' } : rest;
  const decoded = header.decoded(headerLength, context, payload);
  return { ...decoded, error: header.shortage(length, context) };
};

/** `PPPoE PADI`, `PPPoE session 0x0011`. */
export function pppoeText(layer: Layer): string {
  const code = numberOf(layer, 'pppoe.code') ?? 0;
  const session = numberOf(layer, 'pppoe.session_id') ?? 0;
  const name = code === 0 ? 'session' : (codes.get(code) ?? `code ${hex(code, 2)}`);
  return session === 0 ? `PPPoE ${name}` : `PPPoE ${name} ${hex(session, 4)}`;
}
