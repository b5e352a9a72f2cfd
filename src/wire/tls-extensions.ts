/** Extensions of TLS hellos: RFC 8446 section 4.2, RFC 6066 (server name, status request), RFC 7301 (ALPN), RFC 8449. */

import { named } from './decoder.ts';
import { extensionType, extensionTypes, groups, signatureSchemes, tlsVersions } from './tls-numbers.ts';
import { addNumbers, addVector, type Body, type Vector } from './tls-vector.ts';

const shortLength = 2;
const extension = { type: 0, length: shortLength };

const groupText = named(groups, 4);
const versionText = named(tlsVersions, 4);

const certificateStatusTypes: ReadonlyMap<number, string> = new Map([[1, 'ocsp']]);
const pointFormats: ReadonlyMap<number, string> = new Map([
  [0, 'uncompressed'],
  [1, 'ansiX962_compressed_prime'],
  [2, 'ansiX962_compressed_char2'],
]);
const pskModes: ReadonlyMap<number, string> = new Map([
  [0, 'psk_ke'],
  [1, 'psk_dhe_ke'],
]);

/** Fields of a server's hello differ from a client's: it picks one where the client offers a list. */
export type Side = 'client' | 'server';

function addServerNames(body: Body, { start }: Vector): void {
  const { header } = body;
  const list = addVector(
    body,
    'tls.handshake.extensions_server_name_list_len',
    'Server name list length',
    start,
    shortLength,
  );
  const inner = { ...body, end: list.end };
  for (let place = list.start; place < list.end && header.has(place + 1); ) {
    header.number('tls.handshake.extensions_server_name_type', 'Server name type', place, 1, (value) =>
      value === 0 ? 'host_name (0)' : String(value),
    );
    const length = 'tls.handshake.extensions_server_name_len';
    const name = addVector(inner, length, 'Server name length', place + 1, shortLength);
    header.text('tls.handshake.extensions_server_name', 'Server name', name.start, name.end - name.start);
    place = name.end;
  }
}

function addApplicationProtocols(body: Body, { start }: Vector): void {
  const { header } = body;
  const list = addVector(body, 'tls.handshake.extensions_alpn_len', 'ALPN length', start, shortLength);
  const inner = { ...body, end: list.end };
  for (let place = list.start; place < list.end && header.has(place + 1); ) {
    const name = addVector(inner, 'tls.handshake.extensions_alpn_str_len', 'ALPN string length', place, 1);
    header.text('tls.handshake.extensions_alpn_str', 'Application protocol', name.start, name.end - name.start);
    place = name.end;
  }
}

function addKeyShare(body: Body, place: number): number {
  body.header.number('tls.handshake.extensions_key_share_group', 'Key share group', place, shortLength, groupText);
  const length = 'tls.handshake.extensions_key_share_key_exchange_length';
  return addVector(body, length, 'Key exchange length', place + shortLength, shortLength).end;
}

function addKeyShares(body: Body, { start, end }: Vector, side: Side): void {
  const { header } = body;
  if (side === 'server' && end - start === shortLength) {
    const field = 'tls.handshake.extensions_key_share_selected_group';
    header.number(field, 'Group to retry with', start, shortLength, groupText);
  } else if (side === 'server') addKeyShare({ ...body, end }, start);
  else {
    const length = 'tls.handshake.extensions_key_share_client_length';
    const list = addVector({ ...body, end }, length, 'Key shares length', start, shortLength);
    for (let place = list.start; place < list.end && header.has(place + shortLength); ) {
      place = addKeyShare({ ...body, end: list.end }, place);
    }
  }
}

/** Lists of numbers after a length, and the length's bytes; all of clients' hellos, some of servers'. */
interface NumberList {
  readonly lengthField: string;
  readonly lengthSize: number;
  readonly field: string;
  readonly label: string;
  readonly size: number;
  readonly text: (value: number) => string;
}

const numberLists: ReadonlyMap<number, NumberList> = new Map([
  [
    extensionType.groups,
    {
      lengthField: 'tls.handshake.extensions_supported_groups_length',
      lengthSize: shortLength,
      field: 'tls.handshake.extensions_supported_group',
      label: 'Supported group',
      size: shortLength,
      text: groupText,
    },
  ],
  [
    extensionType.pointFormats,
    {
      lengthField: 'tls.handshake.extensions_ec_point_formats_length',
      lengthSize: 1,
      field: 'tls.handshake.extensions_ec_point_format',
      label: 'Point format',
      size: 1,
      text: named(pointFormats),
    },
  ],
  [
    extensionType.signatureAlgorithms,
    {
      lengthField: 'tls.handshake.sig_hash_alg_len',
      lengthSize: shortLength,
      field: 'tls.handshake.sig_hash_alg',
      label: 'Signature algorithm',
      size: shortLength,
      text: named(signatureSchemes, 4),
    },
  ],
  [
    extensionType.supportedVersions,
    {
      lengthField: 'tls.handshake.extensions.supported_versions_len',
      lengthSize: 1,
      field: 'tls.handshake.extensions.supported_version',
      label: 'Supported version',
      size: shortLength,
      text: versionText,
    },
  ],
  [
    extensionType.pskModes,
    {
      lengthField: 'tls.extension.psk_ke_modes_length',
      lengthSize: 1,
      field: 'tls.extension.psk_ke_mode',
      label: 'Key exchange mode with a shared key',
      size: 1,
      text: named(pskModes),
    },
  ],
]);

function addExtension(body: Body, type: number, value: Vector, side: Side): void {
  const { header } = body;
  // A server's server_name, and an empty status request, have no data.
  if (value.start === value.end) return;
  const inner = { ...body, end: value.end };
  const list = numberLists.get(type);
  if (type === extensionType.supportedVersions && side === 'server') {
    const field = 'tls.handshake.extensions.supported_version';
    header.number(field, 'Version', value.start, shortLength, versionText);
  } else if (list !== undefined) {
    const numbers = addVector(inner, list.lengthField, `${list.label} list length`, value.start, list.lengthSize);
    addNumbers(inner, list.field, list.label, numbers, list.size, list.text);
  } else if (type === extensionType.serverName) addServerNames(inner, value);
  else if (type === extensionType.applicationProtocols) addApplicationProtocols(inner, value);
  else if (type === extensionType.keyShare) addKeyShares(inner, value, side);
  else if (type === extensionType.recordSizeLimit) {
    header.number('tls.record_size_limit', 'Record size limit', value.start, shortLength);
  } else if (type === extensionType.statusRequest && side === 'client') {
    const field = 'tls.handshake.extensions_status_request_type';
    header.number(field, 'Certificate status type', value.start, 1, named(certificateStatusTypes));
  }
}

/** Adds the extensions at the end of a hello; hellos before TLS 1.2 may have none. */
export function addExtensions(body: Body, place: number, side: Side): void {
  const { header } = body;
  const all = addVector(body, 'tls.handshake.extensions_length', 'Extensions length', place, shortLength);
  const inner = { ...body, end: all.end };
  for (let at = all.start; at < all.end && header.has(at + extension.length); ) {
    const text = named(extensionTypes, 4);
    const type = header.number('tls.handshake.extension.type', 'Extension', at, shortLength, text);
    const field = 'tls.handshake.extension.len';
    const value = addVector(inner, field, 'Extension length', at + extension.length, shortLength);
    addExtension(inner, type, value, side);
    at = value.end;
  }
}
