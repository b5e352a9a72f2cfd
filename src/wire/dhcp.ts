/** Dynamic Host Configuration Protocol, RFC 2131, and BOOTP, RFC 951, whose layout it has. */

import { ipv4Length, macLength, readIpv4, readMac } from './address.ts';
import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { addDhcpOptions, dhcpMessageTypes } from './dhcp-options.ts';
import { fieldValue, numberOf } from './fields.ts';
import type { Layer } from './layer.ts';

const at = {
  operation: 0,
  hardwareType: 1,
  hardwareLength: 2,
  hops: 3,
  transaction: 4,
  seconds: 8,
  flags: 10,
  client: 12,
  yours: 16,
  server: 20,
  relay: 24,
  hardwareAddress: 28,
  serverName: 44,
  file: 108,
  cookie: 236,
  options: 240,
};
const shortLength = 2;
const longLength = 4;
const hardwareAddressRoom = 16;

const ethernet = 1;
const broadcastMask = 0x8000;
/** RFC 2131 section 3: what follows are options. */
const magicCookie = 0x63825363;
const overloadMask = { file: 1, serverName: 2 };

const operations: ReadonlyMap<number, string> = new Map([
  [1, 'request'],
  [2, 'reply'],
]);
const hardwareTypes: ReadonlyMap<number, string> = new Map([[ethernet, 'Ethernet']]);

/** Adds a text that zeros fill up to its room, unless it is empty. */
function addPadded(header: Header, field: string, label: string, place: number, room: number): void {
  const text = header.peekText(place, room);
  const length = text.indexOf('\0');
  const value = length < 0 ? text : text.slice(0, length);
  if (value !== '') header.add(field, label, place, room, value);
}

/** Decodes a message; the options that `file` and `sname` may hold are read after the others. */
export const decodeDhcp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('dhcp', 'Dynamic Host Configuration Protocol', bytes, offset, end);
  const whole = end - offset;
  header.number('dhcp.type', 'Operation', at.operation, 1, named(operations));
  const type = header.number('dhcp.hw.type', 'Hardware type', at.hardwareType, 1, named(hardwareTypes));
  const size = header.number('dhcp.hw.len', 'Hardware address length', at.hardwareLength, 1);
  header.number('dhcp.hops', 'Hops', at.hops, 1);
  header.number('dhcp.id', 'Transaction', at.transaction, longLength, (value) => hex(value, 8));
  header.number('dhcp.secs', 'Seconds elapsed', at.seconds, shortLength);
  header.number('dhcp.flags', 'Flags', at.flags, shortLength, (value) => hex(value, 4));
  header.flag('dhcp.flags.bc', 'Broadcast', at.flags, shortLength, broadcastMask);
  header.address('dhcp.ip.client', 'Client address', at.client, ipv4Length, readIpv4);
  header.address('dhcp.ip.your', 'Your address', at.yours, ipv4Length, readIpv4);
  header.address('dhcp.ip.server', 'Next server', at.server, ipv4Length, readIpv4);
  header.address('dhcp.ip.relay', 'Relay agent', at.relay, ipv4Length, readIpv4);
  if (type === ethernet && size === macLength) {
    header.address('dhcp.hw.mac_addr', 'Client MAC address', at.hardwareAddress, macLength, readMac);
  } else if (size > 0) {
    const length = Math.min(size, hardwareAddressRoom);
    header.opaque('dhcp.hw.addr', 'Client hardware address', at.hardwareAddress, length);
  }

  const hasOptions = header.has(at.options) && header.peek(at.cookie, longLength) === magicCookie;
  const { overload, error } = hasOptions
    ? addDhcpOptions(header, at.options, whole, context)
    : { overload: 0, error: header.shortage(at.cookie, context) };
  let failed = error;
  const room = { serverName: at.file - at.serverName, file: at.cookie - at.file };
  if ((overload & overloadMask.file) === 0) addPadded(header, 'dhcp.file', 'Boot file', at.file, room.file);
  else failed ??= addDhcpOptions(header, at.file, at.cookie, context).error;
  if ((overload & overloadMask.serverName) === 0) {
    addPadded(header, 'dhcp.server', 'Server name', at.serverName, room.serverName);
  } else failed ??= addDhcpOptions(header, at.serverName, at.file, context).error;
  return { layer: header.layer(whole), payload: null, error: failed };
};

/** True for a payload of an operation that exists. */
export function isDhcp(bytes: Uint8Array, start: number, end: number): boolean {
  return end > start && operations.has(bytes[start] ?? 0);
}

const noAddress = '0.0.0.0';

/** One line about a message: `DHCP Offer 10.88.0.5 for 02:42:0a:58:00:05`; the address is the one it is about. */
export function dhcpSummary(layer: Layer): string {
  const type = numberOf(layer, 'dhcp.option.dhcp');
  const operation = operations.get(numberOf(layer, 'dhcp.type') ?? 0) ?? 'message';
  const said = type === null ? `BOOTP ${operation}` : `DHCP ${dhcpMessageTypes.get(type) ?? `type ${type}`}`;
  const address = ['dhcp.ip.your', 'dhcp.option.requested_ip_address', 'dhcp.ip.client']
    .map((name) => fieldValue(layer, name))
    .find((value) => value !== null && value !== noAddress);
  const client = fieldValue(layer, 'dhcp.hw.mac_addr');
  const reason = fieldValue(layer, 'dhcp.option.message');
  const about = address === undefined || address === null ? '' : ` ${address}`;
  return `${said}${about}${client === null ? '' : ` for ${client}`}${reason === null ? '' : ` "${reason}"`}`;
}
