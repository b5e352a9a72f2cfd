/** DHCP options: RFC 2132, RFC 3046 (82), RFC 3397 (119), RFC 3442 (121), and the IANA list of BOOTP and DHCP options. */

import { ipv4Length, readIpv4 } from './address.ts';
import { type Context, type Header, named } from './decoder.ts';
import { readName } from './dns-name.ts';
import type { DecodeError } from './layer.ts';

/** How an option's value is read; `addresses`, `codes` and `names` are lists. */
type Kind = 'addresses' | 'text' | 'number' | 'signed' | 'flag' | 'codes' | 'names' | 'routes' | 'message' | 'hex';

interface OptionRow {
  readonly field: string;
  readonly label: string;
  readonly kind: Kind;
}

const code = { pad: 0, overload: 52, messageType: 53, end: 255 };

/** Names of the message types, RFC 2132 section 9.6 and the IANA list. */
export const dhcpMessageTypes: ReadonlyMap<number, string> = new Map([
  [1, 'Discover'],
  [2, 'Offer'],
  [3, 'Request'],
  [4, 'Decline'],
  [5, 'ACK'],
  [6, 'NAK'],
  [7, 'Release'],
  [8, 'Inform'],
  [9, 'Force Renew'],
  [10, 'Lease Query'],
  [11, 'Lease Unassigned'],
  [12, 'Lease Unknown'],
  [13, 'Lease Active'],
]);

/** Options by code: Wireshark's field, what a person calls it, and how its value reads. */
const rows: readonly (readonly [number, string, string, Kind])[] = [
  [1, 'option.subnet_mask', 'Subnet mask', 'addresses'],
  [2, 'option.time_offset', 'Time offset in seconds', 'signed'],
  [3, 'option.router', 'Router', 'addresses'],
  [4, 'option.time_server', 'Time server', 'addresses'],
  [5, 'option.name_server', 'Name server (IEN 116)', 'addresses'],
  [6, 'option.domain_name_server', 'DNS server', 'addresses'],
  [7, 'option.log_server', 'Log server', 'addresses'],
  [9, 'option.lpr_server', 'Print server', 'addresses'],
  [12, 'option.hostname', 'Host name', 'text'],
  [13, 'option.boot_file_size', 'Boot file size in blocks of 512 bytes', 'number'],
  [15, 'option.domain_name', 'Domain name', 'text'],
  [16, 'option.swap_server', 'Swap server', 'addresses'],
  [17, 'option.root_path', 'Root path', 'text'],
  [18, 'option.extension_path', 'Extensions path', 'text'],
  [19, 'option.ip_forwarding', 'IP forwarding', 'flag'],
  [22, 'option.max_datagram_reassembly_size', 'Maximum datagram reassembly size', 'number'],
  [23, 'option.default_ip_ttl', 'Default time to live', 'number'],
  [26, 'option.interface_mtu', 'Interface MTU', 'number'],
  [27, 'option.all_subnets_are_local', 'All subnets are local', 'flag'],
  [28, 'option.broadcast_address', 'Broadcast address', 'addresses'],
  [29, 'option.perform_mask_discovery', 'Perform mask discovery', 'flag'],
  [30, 'option.mask_supplier', 'Mask supplier', 'flag'],
  [31, 'option.perform_router_discover', 'Perform router discovery', 'flag'],
  [32, 'option.router_solicitation_address', 'Router solicitation address', 'addresses'],
  [35, 'option.arp_cache_timeout', 'ARP cache timeout in seconds', 'number'],
  [37, 'option.tcp_default_ttl', 'Default time to live of TCP', 'number'],
  [38, 'option.tcp_keepalive_interval', 'TCP keepalive interval in seconds', 'number'],
  [40, 'option.nis_domain', 'NIS domain', 'text'],
  [41, 'option.nis_server', 'NIS server', 'addresses'],
  [42, 'option.ntp_server', 'NTP server', 'addresses'],
  [43, 'vendor_specific_options', 'Vendor-specific options', 'hex'],
  [44, 'option.netbios_over_tcpip_name_server', 'NetBIOS name server', 'addresses'],
  [46, 'option.netbios_over_tcpip_node_type', 'NetBIOS node type', 'number'],
  [47, 'option.netbios_over_tcpip_scope', 'NetBIOS scope', 'text'],
  [50, 'option.requested_ip_address', 'Requested address', 'addresses'],
  [51, 'option.ip_address_lease_time', 'Lease time in seconds', 'number'],
  [code.overload, 'option.option_overload', 'Option overload', 'number'],
  [code.messageType, 'option.dhcp', 'Message type', 'message'],
  [54, 'option.dhcp_server_id', 'Server', 'addresses'],
  [55, 'option.request_list_item', 'Requested option', 'codes'],
  [56, 'option.message', 'Message', 'text'],
  [57, 'option.dhcp_max_message_size', 'Maximum message size', 'number'],
  [58, 'option.renewal_time_value', 'Renewal time in seconds', 'number'],
  [59, 'option.rebinding_time_value', 'Rebinding time in seconds', 'number'],
  [60, 'option.vendor_class_id', 'Vendor class', 'text'],
  [61, 'client_id', 'Client', 'hex'],
  [64, 'option.nis_plus_domain', 'NIS+ domain', 'text'],
  [65, 'option.nis_plus_server', 'NIS+ server', 'addresses'],
  [66, 'option.tftp_server_name', 'TFTP server', 'text'],
  [67, 'option.bootfile_name', 'Boot file', 'text'],
  [69, 'option.smtp_server', 'SMTP server', 'addresses'],
  [77, 'option.user_class.data', 'User class', 'hex'],
  [82, 'option.agent_information_option', 'Relay agent information', 'hex'],
  [93, 'option.client_system_architecture', 'Client architecture', 'number'],
  [114, 'option.captive_portal', 'Captive portal', 'text'],
  [116, 'option.dhcp_auto_configuration', 'Auto-configuration', 'number'],
  [118, 'option.subnet_selection_option', 'Subnet selection', 'addresses'],
  [119, 'option.dhcp_dns_domain_search_list_fqdn', 'Search domain', 'names'],
  [121, 'option.classless_static_route', 'Classless static route', 'routes'],
  [150, 'option.tftp_server_address', 'TFTP server', 'addresses'],
  [252, 'option.private_proxy_autodiscovery', 'Proxy auto-discovery', 'text'],
];

const options: ReadonlyMap<number, OptionRow> = new Map(
  rows.map(([number, field, label, kind]) => [number, { field: `dhcp.${field}`, label, kind }]),
);

const optionNames: ReadonlyMap<number, string> = new Map([
  [code.pad, 'padding'],
  ...rows.map(([number, , label]) => [number, label] as const),
  [80, 'Rapid commit'],
  [81, 'Client FQDN'],
  [code.end, 'end'],
]);
const optionText = named(optionNames);

const bitsPerByte = 8;
const mostPrefixBits = 32;
/** Numbers of options are this long at most. */
const longestNumber = 4;

/** RFC 3442: a prefix length, as many bytes of the prefix as that needs, a router. */
function addRoutes(header: Header, row: OptionRow, start: number, end: number): void {
  let place = start;
  while (place < end && header.has(end)) {
    const bits = header.peek(place, 1);
    const size = Math.ceil(bits / bitsPerByte);
    const length = 1 + size + ipv4Length;
    if (bits > mostPrefixBits || place + length > end) return;
    const prefix = Array.from({ length: ipv4Length }, (_, index) =>
      index < size ? header.peek(place + 1 + index, 1) : 0,
    );
    header.address(row.field, row.label, place, length, (bytes, offset) => {
      return `${prefix.join('.')}/${bits} via ${readIpv4(bytes, offset + 1 + size)}`;
    });
    place += length;
  }
}

function addValue(header: Header, row: OptionRow, place: number, length: number, context: Context): void {
  const { field, label, kind } = row;
  const end = place + length;
  switch (kind) {
    case 'addresses':
      for (let at = place; at + ipv4Length <= end; at += ipv4Length) {
        header.address(field, label, at, ipv4Length, readIpv4);
      }
      return;
    case 'text':
      header.text(field, label, place, length);
      return;
    case 'number':
    case 'message':
      if (length === 0 || length > longestNumber) return;
      header.number(field, label, place, length, kind === 'message' ? named(dhcpMessageTypes) : String);
      return;
    case 'signed':
      if (length === longestNumber) header.add(field, label, place, length, header.peek(place, length) | 0);
      return;
    case 'flag':
      if (length === 1) header.add(field, label, place, length, header.peek(place, 1) !== 0);
      return;
    case 'codes':
      for (let at = place; at < end; at++) header.number(field, label, at, 1, optionText);
      return;
    case 'names':
      for (let at = place; at < end; ) {
        const name = readName(header, place, at, context);
        if (name.text === null || at + name.length > end) return;
        header.add(field, label, at, name.length, name.text);
        at += name.length;
      }
      return;
    case 'routes':
      addRoutes(header, row, place, end);
      return;
    case 'hex':
      header.opaque(field, label, place, length);
  }
}

/** What options say about the message itself. */
export interface OptionsReading {
  /** Which of `file` (1) and `sname` (2) hold options as well (RFC 2132 section 9.3); 0 for neither. */
  readonly overload: number;
  readonly error: DecodeError | null;
}

/** Adds the options between two places, up to the end option, the end, or the first that runs past it. */
export function addDhcpOptions(header: Header, start: number, end: number, context: Context): OptionsReading {
  let overload = 0;
  let place = start;
  while (place < end && header.has(place + 1)) {
    const found = header.peek(place, 1);
    if (found === code.pad) {
      place += 1;
      continue;
    }
    header.add('dhcp.option.type', 'Option', place, 1, found, optionText(found));
    if (found === code.end) return { overload, error: null };
    const value = place + 2;
    const length = header.number('dhcp.option.length', 'Option length', place + 1, 1);
    if (value + length > end) return { overload, error: header.shortage(value + length, context) };
    const row = options.get(found);
    if (row !== undefined) addValue(header, row, value, length, context);
    if (found === code.overload) overload = header.peek(value, 1);
    place = value + length;
  }
  return { overload, error: null };
}
