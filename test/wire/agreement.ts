/** What `dissect` says of a frame, in the numbers of the fast path: the two must agree. */
import { formatIpv4, formatIpv6Words } from '../../src/inet/address.ts';
import { dissect } from '../../src/wire/dissect.ts';
import { fieldValue } from '../../src/wire/fields.ts';
import { fragmentState, Headers } from '../../src/wire/headers.ts';
import type { Layer } from '../../src/wire/layer.ts';

/** Undefined stands for what is not there, or was not captured. */
type Reading = Readonly<Record<string, number | string | undefined>>;

const linkLayers = new Set(['eth', 'vlan', 'ieee8021ad', 'sll', 'null']);
const networks = new Set(['ip', 'ipv6']);

function numberOf(layer: Layer | undefined, name: string): number | undefined {
  const value = layer === undefined ? null : fieldValue(layer, name);
  return typeof value === 'number' ? value : undefined;
}

/** The payload of an IP layer is read where its decoder went on; a layer that stopped has nothing after it. */
function transportOf(layers: readonly Layer[], network: Layer, protocol: string): Layer | undefined {
  const next = layers[layers.indexOf(network) + 1];
  return next?.protocol === protocol && next.quoted !== true ? next : undefined;
}

/** The reading of `dissect`: null when there is no IP packet in it. */
export function readByDissect(bytes: Uint8Array, linkType: number, originalLength: number): Reading | null {
  const { layers, error } = dissect(bytes, linkType, originalLength);
  const at = layers.findIndex(({ protocol }) => !linkLayers.has(protocol));
  const network = layers[at];
  if (network === undefined || !networks.has(network.protocol)) return null;
  const six = network.protocol === 'ipv6';
  const source = fieldValue(network, `${network.protocol}.src`);
  const destination = fieldValue(network, `${network.protocol}.dst`);
  // A header that was cut, or whose own lengths are wrong, is no packet.
  const headerStops =
    error?.offset === network.offset && ['ip.version', 'ip.hdr_len', 'ipv6.version'].includes(error.limitedBy);
  const headerLength = numberOf(network, 'ip.hdr_len') ?? 40;
  const end = Math.max(originalLength, bytes.length);
  const totalLength = numberOf(network, 'ip.len') ?? 0;
  const isShort = !six && (network.offset + headerLength > end || (totalLength !== 0 && totalLength < headerLength));
  if (destination === null || headerStops || isShort) return null;

  const payloadLength = numberOf(network, 'ipv6.plen') ?? 0;
  const declared = six
    ? network.offset + 40 + (payloadLength === 0 ? Number.POSITIVE_INFINITY : payloadLength)
    : network.offset + (totalLength === 0 ? Number.POSITIVE_INFINITY : totalLength);
  const packetEnd = Math.min(end, declared);
  const tcp = transportOf(layers, network, 'tcp');
  const udp = transportOf(layers, network, 'udp');
  const icmp =
    transportOf(layers, network, six ? 'icmpv6' : 'icmp') ?? transportOf(layers, network, six ? 'icmp' : 'icmpv6');
  const transport = tcp ?? udp ?? icmp;
  const offset = numberOf(network, six ? 'ipv6.fraghdr.offset' : 'ip.frag_offset') ?? 0;
  const more = fieldValue(network, six ? 'ipv6.fraghdr.more' : 'ip.flags.mf') === true;
  const udpLength = numberOf(udp, 'udp.length');
  // A datagram shorter than its header; 0 leaves the length to IP. An error further out is the one that is told.
  const udpFault = udpLength !== undefined && udpLength > 0 && udpLength < 8;
  const segment = tcp !== undefined && numberOf(tcp, 'tcp.len') !== undefined;
  // Timestamps and the like have an identifier too; connections are made of echoes alone.
  const isEcho = [0, 8].includes(numberOf(icmp, 'icmp.type') ?? 0);
  const echo = isEcho ? (numberOf(icmp, 'icmp.ident') ?? numberOf(icmp, 'icmpv6.echo.identifier')) : undefined;
  const hasIcmp = icmp !== undefined && icmp.offset + 8 <= Math.min(packetEnd, bytes.length);
  const datagram = udp !== undefined && udp.length === 8 && !udpFault;
  const portsThere = transport !== undefined && transport.offset + 4 <= Math.min(packetEnd, bytes.length);
  const ports = (name: string): number | undefined => (portsThere ? numberOf(tcp ?? udp, name) : undefined);
  return {
    source: String(source),
    destination: String(destination),
    fragment: offset > 0 ? fragmentState.later : more ? fragmentState.first : fragmentState.whole,
    sourcePort: ports('tcp.srcport') ?? ports('udp.srcport') ?? (hasIcmp ? echo : undefined),
    destinationPort: ports('tcp.dstport') ?? ports('udp.dstport') ?? (hasIcmp ? echo : undefined),
    sequence: segment ? numberOf(tcp, 'tcp.seq_raw') : undefined,
    acknowledgement: segment ? numberOf(tcp, 'tcp.ack_raw') : undefined,
    flags: segment ? (numberOf(tcp, 'tcp.flags') ?? 0) & 0xff : undefined,
    window: segment ? numberOf(tcp, 'tcp.window_size_value') : undefined,
    payloadLength: segment
      ? numberOf(tcp, 'tcp.len')
      : datagram
        ? (udpLength === 0 ? packetEnd - udp.offset : (udpLength ?? 0)) - 8
        : undefined,
    icmpType: hasIcmp ? (numberOf(icmp, 'icmp.type') ?? numberOf(icmp, 'icmpv6.type')) : undefined,
    icmpCode: hasIcmp ? (numberOf(icmp, 'icmp.code') ?? numberOf(icmp, 'icmpv6.code')) : undefined,
    echoSequence:
      hasIcmp && isEcho ? (numberOf(icmp, 'icmp.seq') ?? numberOf(icmp, 'icmpv6.echo.sequence_number')) : undefined,
  };
}

const around = 7;
const headers = new Headers();

/** The reading of the fast path, of a frame that lies within other bytes. */
export function readByHeaders(bytes: Uint8Array, linkType: number, originalLength: number): Reading | null {
  const room = new Uint8Array(bytes.length + 2 * around).fill(0xa5);
  room.set(bytes, around);
  if (!headers.read(new DataView(room.buffer), around, bytes.length, originalLength, linkType)) return null;
  const { addresses, family, protocol, hasTransport, hasPorts } = headers;
  const address = (from: number): string =>
    family === 4 ? formatIpv4(addresses[from + 3] ?? 0) : formatIpv6Words(addresses.subarray(from, from + 4));
  const isTcp = hasTransport && protocol === 6;
  const isIcmp = hasTransport && (protocol === 1 || protocol === 58);
  const isEcho = isIcmp && hasPorts;
  return {
    source: address(0),
    destination: address(4),
    fragment: headers.fragment,
    sourcePort: hasPorts ? headers.sourcePort : undefined,
    destinationPort: hasPorts ? headers.destinationPort : undefined,
    sequence: isTcp ? headers.sequence >>> 0 : undefined,
    acknowledgement: isTcp ? headers.acknowledgement >>> 0 : undefined,
    flags: isTcp ? headers.flags : undefined,
    window: isTcp ? headers.window : undefined,
    payloadLength: hasTransport && !isIcmp ? headers.payloadLength : undefined,
    icmpType: isIcmp ? headers.icmpType : undefined,
    icmpCode: isIcmp ? headers.icmpCode : undefined,
    echoSequence: isEcho ? headers.echoSequence : undefined,
  };
}
