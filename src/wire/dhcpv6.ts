/** DHCP for IPv6, RFC 8415; DNS options RFC 3646, client FQDN RFC 4704. */

import { ipv6Length, macLength, readIpv6, readMac } from './address.ts';
import { hex, readHex } from './bytes.ts';
import { type Context, type Decoded, type Decoder, Header, named } from './decoder.ts';
import { code, codeNames, identifierTypes, messageTypes, statuses } from './dhcpv6-numbers.ts';
import { readName } from './dns-name.ts';
import { numberOf, valuesOf } from './fields.ts';
import type { DecodeError, Layer } from './layer.ts';

/** Of a message between client and server. */
const at = { type: 0, transaction: 1, options: 4 };
const transactionLength = 3;
/** Of a message between relay agents and servers, RFC 8415 section 9. */
const relayAt = { hops: 1, link: 2, peer: 18, options: 34 };
/** Within an option. */
const option = { code: 0, length: 2, value: 4 };
const shortLength = 2;
const longLength = 4;
const millisecondsPerUnit = 10;

const relayTypes: ReadonlySet<number> = new Set([12, 13]);

/** DUID-LLT and DUID-LL, by where their address starts; the hardware type is Ethernet's (RFC 8415 section 11). */
const linkAddressAt: ReadonlyMap<number, number> = new Map([
  [1, 8],
  [3, 4],
]);

/** Options of options of messages in messages: an honest reply through eight relays (RFC 8415's limit) is as deep. */
const mostDepth = 24;

interface Place {
  readonly header: Header;
  readonly context: Context;
  readonly depth: number;
}

function addIdentifier(header: Header, place: number, length: number): void {
  header.opaque('dhcpv6.duid.bytes', 'DUID', place, length);
  if (length < shortLength) return;
  const type = header.number('dhcpv6.duid.type', 'DUID type', place, shortLength, named(identifierTypes));
  const address = linkAddressAt.get(type);
  if (address === undefined || address >= length) return;
  const [prefix, size] = [type === 1 ? 'duidllt' : 'duidll', length - address];
  header.number(`dhcpv6.${prefix}.hwtype`, 'Hardware type', place + shortLength, shortLength);
  header.address(`dhcpv6.${prefix}.link_layer_addr`, 'Link-layer address', place + address, size, (bytes, offset) =>
    size === macLength ? readMac(bytes, offset) : readHex(bytes, offset, offset + size),
  );
}

function addAddresses(header: Header, field: string, label: string, place: number, length: number): void {
  for (let from = place; from + ipv6Length <= place + length; from += ipv6Length) {
    header.address(field, label, from, ipv6Length, readIpv6);
  }
}

function addNames(where: Place, field: string, label: string, place: number, end: number): void {
  const { header, context } = where;
  for (let from = place; from < end; ) {
    const name = readName(header, place, from, context);
    // RFC 3646 section 4 forbids compression, and a name that reaches beyond its option is none.
    if (name.text === null || from + name.length > end) return;
    header.add(field, label, from, name.length, name.text);
    from += name.length;
  }
}

/** Wireshark's field is in milliseconds; the option counts hundredths of a second. */
function addElapsed(header: Header, place: number): void {
  const elapsedMs = header.peek(place, shortLength) * millisecondsPerUnit;
  header.add('dhcpv6.elapsed_time', 'Elapsed time', place, shortLength, elapsedMs, `${elapsedMs} ms`);
}

/** The fixed parts of options that hold options; a shorter option is damaged. */
const fixedLength = { nonTemporary: 12, temporary: 4, address: 24, prefix: 25 };

function addAssociation(
  { header, context, depth }: Place,
  found: number,
  place: number,
  end: number,
): DecodeError | null {
  const field = found === code.temporary ? 'dhcpv6.iata' : 'dhcpv6.iaid';
  header.opaque(field, 'Identity association', place, longLength);
  if (found === code.temporary) {
    return addOptions({ header, context, depth }, place + fixedLength.temporary, end);
  }
  header.number('dhcpv6.iaid.t1', 'Renew after seconds', place + longLength, longLength);
  header.number('dhcpv6.iaid.t2', 'Rebind after seconds', place + 2 * longLength, longLength);
  return addOptions({ header, context, depth }, place + fixedLength.nonTemporary, end);
}

function addAddress({ header, context, depth }: Place, place: number, end: number): DecodeError | null {
  header.address('dhcpv6.iaaddr.ip', 'Address', place, ipv6Length, readIpv6);
  const preferred = place + ipv6Length;
  header.number('dhcpv6.iaaddr.pref_lifetime', 'Preferred lifetime in seconds', preferred, longLength);
  header.number('dhcpv6.iaaddr.valid_lifetime', 'Valid lifetime in seconds', preferred + longLength, longLength);
  return addOptions({ header, context, depth }, place + fixedLength.address, end);
}

function addPrefix({ header, context, depth }: Place, place: number, end: number): DecodeError | null {
  header.number('dhcpv6.iaprefix.pref_lifetime', 'Preferred lifetime in seconds', place, longLength);
  header.number('dhcpv6.iaprefix.valid_lifetime', 'Valid lifetime in seconds', place + longLength, longLength);
  const length = place + 2 * longLength;
  header.number('dhcpv6.iaprefix.pref_len', 'Prefix length', length, 1);
  header.address('dhcpv6.iaprefix.pref_addr', 'Prefix', length + 1, ipv6Length, readIpv6);
  return addOptions({ header, context, depth }, place + fixedLength.prefix, end);
}

const leastLengths: ReadonlyMap<number, number> = new Map([
  [code.nonTemporary, fixedLength.nonTemporary],
  [code.temporary, fixedLength.temporary],
  [code.delegation, fixedLength.nonTemporary],
  [code.address, fixedLength.address],
  [code.prefix, fixedLength.prefix],
  [code.preference, 1],
  [code.elapsed, shortLength],
  [code.status, shortLength],
  [code.unicast, ipv6Length],
  [code.refreshTime, longLength],
]);

/** Adds an option's value; gives the first error among the options inside it. */
function addValue(where: Place, found: number, place: number, length: number): DecodeError | null {
  const { header } = where;
  const end = place + length;
  const least = leastLengths.get(found) ?? 0;
  if (length < least) return header.badValue('dhcpv6.option.length', least, length);
  switch (found) {
    case code.clientId:
    case code.serverId:
      addIdentifier(header, place, length);
      return null;
    case code.nonTemporary:
    case code.temporary:
    case code.delegation:
      return addAssociation(where, found, place, end);
    case code.address:
      return addAddress(where, place, end);
    case code.prefix:
      return addPrefix(where, place, end);
    case code.requested:
      for (let from = place; from + shortLength <= end; from += shortLength) {
        header.number('dhcpv6.requested_option_code', 'Requested option', from, shortLength, named(codeNames));
      }
      return null;
    case code.preference:
      header.number('dhcpv6.option_preference', 'Preference', place, 1);
      return null;
    case code.elapsed:
      addElapsed(header, place);
      return null;
    case code.relayMessage:
      return addMessage(where, place, end);
    case code.unicast:
      header.address('dhcpv6.unicast', 'Server address', place, ipv6Length, readIpv6);
      return null;
    case code.status:
      header.number('dhcpv6.status_code', 'Status', place, shortLength, named(statuses));
      if (length > shortLength) header.text('dhcpv6.status_msg', 'Message', place + shortLength, length - shortLength);
      return null;
    case code.interfaceId:
      header.opaque('dhcpv6.interface_id', 'Interface', place, length);
      return null;
    case code.dnsServers:
      addAddresses(header, 'dhcpv6.dns_server', 'DNS server', place, length);
      return null;
    case code.domainList:
      addNames(where, 'dhcpv6.search_list_entry', 'Search domain', place, end);
      return null;
    case code.sntpServers:
      addAddresses(header, 'dhcpv6.sntp_server', 'SNTP server', place, length);
      return null;
    case code.refreshTime:
      header.number('dhcpv6.lifetime', 'Refresh time in seconds', place, longLength);
      return null;
    case code.clientName:
      addNames(where, 'dhcpv6.client_domain', 'Client name', place + 1, end);
      return null;
    default:
      return null;
  }
}

function addOptions({ header, context, depth }: Place, start: number, end: number): DecodeError | null {
  if (depth >= mostDepth) return null;
  let place = start;
  while (place < end) {
    const value = place + option.value;
    const found = header.number('dhcpv6.option.type', 'Option', place, shortLength, named(codeNames));
    const length = header.number('dhcpv6.option.length', 'Option length', place + option.length, shortLength);
    if (!header.has(value)) return header.shortage(value, context);
    const next = value + length;
    if (next > end) return context.incomplete ? null : header.excess('dhcpv6.option.length', end - value, length);
    const error = addValue({ header, context, depth: depth + 1 }, found, value, length);
    if (error !== null) return error;
    place = next;
  }
  return null;
}

function addMessage({ header, context, depth }: Place, start: number, end: number): DecodeError | null {
  const type = header.number('dhcpv6.msgtype', 'Message type', start + at.type, 1, named(messageTypes));
  const relayed = relayTypes.has(type);
  const options = start + (relayed ? relayAt.options : at.options);
  if (relayed) {
    header.number('dhcpv6.hopcount', 'Hops', start + relayAt.hops, 1);
    header.address('dhcpv6.linkaddr', 'Link address', start + relayAt.link, ipv6Length, readIpv6);
    header.address('dhcpv6.peeraddr', 'Peer address', start + relayAt.peer, ipv6Length, readIpv6);
  } else {
    header.number('dhcpv6.xid', 'Transaction', start + at.transaction, transactionLength, (value) => hex(value, 6));
  }
  if (options > end) return header.shortage(options, context);
  return addOptions({ header, context, depth: depth + 1 }, options, end);
}

/** Decodes a message, and those that relay agents have wrapped into it. */
export const decodeDhcpv6: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('dhcpv6', 'DHCPv6', bytes, offset, end);
  const error = addMessage({ header, context, depth: 0 }, 0, end - offset);
  return { layer: header.layer(end - offset), payload: null, error };
};

/** True for a payload of a message type that exists. */
export function isDhcpv6(bytes: Uint8Array, start: number, end: number): boolean {
  return end > start && messageTypes.has(bytes[start] ?? 0);
}

const success = 0;

/** One line about a message: `DHCPv6 Reply 0x9a0006 fd00::5`; within relay agents' messages the innermost one too. */
export function dhcpv6Summary(layer: Layer): string {
  const types = valuesOf(layer, 'dhcpv6.msgtype').map((type) => messageTypes.get(Number(type)) ?? `type ${type}`);
  const transaction = numberOf(layer, 'dhcpv6.xid');
  const failures = valuesOf(layer, 'dhcpv6.status_code').filter((status) => status !== success);
  const words = [
    ...types,
    ...(transaction === null ? [] : [hex(transaction, 6)]),
    ...valuesOf(layer, 'dhcpv6.iaaddr.ip'),
    ...failures.map((status) => statuses.get(Number(status)) ?? `status ${status}`),
  ];
  return `DHCPv6 ${words.join(' ')}`;
}
