/**
 * The public door of this room: a frame's bytes become layers, from the outside in.
 */

import { decodeArp } from './arp.ts';
import { decodeCookedV1, decodeCookedV2, decodeNull, rawProtocol } from './cooked.ts';
import { dataLayer, decodeData } from './data.ts';
import type { Application, Decoder, Payload, Protocol } from './decoder.ts';
import { decodeDhcp } from './dhcp.ts';
import { decodeDhcpv6 } from './dhcpv6.ts';
import { decodeDns, decodeDnsOverTcp, decodeLlmnr, decodeMdns } from './dns.ts';
import { decodeEthernet } from './ethernet.ts';
import { decodeHttp } from './http.ts';
import { decodeIcmp } from './icmp.ts';
import { decodeIcmpv6 } from './icmpv6.ts';
import { decodeIpv4 } from './ipv4.ts';
import { decodeIpv6 } from './ipv6.ts';
import type { DecodeError, Dissection, Layer } from './layer.ts';
import { decodeNtp } from './ntp.ts';
import { decodeQuic } from './quic.ts';
import { decodeTcp } from './tcp.ts';
import { decodeTls } from './tls.ts';
import { decodeUdp } from './udp.ts';
import { decodeServiceTag, decodeVlan } from './vlan.ts';

const applications: Readonly<Record<Application, Decoder>> = {
  dhcp: decodeDhcp,
  dhcpv6: decodeDhcpv6,
  dns: decodeDns,
  'dns-tcp': decodeDnsOverTcp,
  http: decodeHttp,
  llmnr: decodeLlmnr,
  mdns: decodeMdns,
  ntp: decodeNtp,
  quic: decodeQuic,
  tls: decodeTls,
};

const decoders: Readonly<Record<Exclude<Protocol, 'raw'>, Decoder>> = {
  ...applications,
  eth: decodeEthernet,
  vlan: decodeVlan,
  ieee8021ad: decodeServiceTag,
  sll: decodeCookedV1,
  sll2: decodeCookedV2,
  null: decodeNull,
  arp: decodeArp,
  ip: decodeIpv4,
  ipv6: decodeIpv6,
  tcp: decodeTcp,
  udp: decodeUdp,
  icmp: decodeIcmp,
  icmpv6: decodeIcmpv6,
  data: decodeData,
};

/** libpcap's link types that are decoded: https://www.tcpdump.org/linktypes.html. 12 and 14 are raw IP of some BSDs. */
const linkTypes: ReadonlyMap<number, Protocol> = new Map([
  [0, 'null'],
  [1, 'eth'],
  [12, 'raw'],
  [14, 'raw'],
  [101, 'raw'],
  [113, 'sll'],
  [228, 'ip'],
  [229, 'ipv6'],
  [276, 'sll2'],
]);

/** More layers than any real frame has; a frame of nothing but VLAN tags or tunnels ends here, as data. */
const mostLayers = 64;

/** What a quoted packet carries stays data: it is no message of this frame, and its start alone is there. */
function decoderOf(protocol: Protocol, quoted: boolean, depth: number): Decoder {
  if (protocol === 'raw' || depth >= mostLayers || (quoted && protocol in applications)) return decodeData;
  return decoders[protocol];
}

/**
 * Decodes a frame.
 *
 * @param bytes The captured bytes, borrowed for the call.
 * @param linkType libpcap's number: 1 is Ethernet.
 * @param originalLength Bytes on the wire; more than `bytes` holds when the capture was cut.
 * @returns All layers before the first error, and that error. Never throws.
 */
export function dissect(bytes: Uint8Array, linkType: number, originalLength: number): Dissection {
  const truncated = originalLength > bytes.length;
  const end = truncated ? originalLength : bytes.length;
  const first = linkTypes.get(linkType);
  if (first === undefined) {
    return { layers: [dataLayer(bytes, 0, end, `link type ${linkType} is not decoded`)], error: null, truncated };
  }

  const layers: Layer[] = [];
  let error: DecodeError | null = null;
  let quoted = false;
  let captured = bytes;
  let next: Payload | null = {
    protocol: first === 'raw' ? rawProtocol(bytes) : first,
    offset: 0,
    end,
    limitedBy: 'frame',
    incomplete: false,
  };
  while (next !== null) {
    if (next.quoted === true) {
      quoted = true;
      // What an ICMP error quotes ends with it, whatever lengths the quoted headers state.
      captured = captured.subarray(0, Math.max(0, next.end));
    }
    const decode = decoderOf(next.protocol, quoted, layers.length);
    const { layer, payload, error: found }: ReturnType<Decoder> = decode(captured, next.offset, next.end, next);
    if (layer.length > 0) layers.push(quoted ? { ...layer, quoted: true } : layer);
    error ??= found;
    next = payload;
  }
  return { layers, error, truncated };
}
