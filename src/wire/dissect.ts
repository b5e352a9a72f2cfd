/**
 * The public door of this room: a frame's bytes become layers, from the outside in.
 */

import { decodeArp } from './arp.ts';
import { decodeCiscoMetadata, decodeCiscoMetadataInGre } from './cisco-metadata.ts';
import { decodeCookedV1, decodeCookedV2, decodeLoop, decodeNull, rawProtocol } from './cooked.ts';
import { dataLayer, decodeData } from './data.ts';
import type { Application, Decoder, Payload, Protocol } from './decoder.ts';
import { decodeDhcp } from './dhcp.ts';
import { decodeDhcpv6 } from './dhcpv6.ts';
import { decodeDns, decodeDnsOverTcp, decodeLlmnr, decodeMdns } from './dns.ts';
import { decodeErspan } from './erspan.ts';
import { decodeEthernet, withTrailer } from './ethernet.ts';
import { decodeGeneve } from './geneve.ts';
import { decodeGre } from './gre.ts';
import { decodeHttp } from './http.ts';
import { decodeIcmp } from './icmp.ts';
import { decodeIcmpv6 } from './icmpv6.ts';
import { decodeIgmp } from './igmp.ts';
import { decodeAuthenticationHeader, decodeEncapsulatedSecurity } from './ipsec.ts';
import { decodeIpv4 } from './ipv4.ts';
import { decodeIpv6 } from './ipv6.ts';
import { decodeL2tp } from './l2tp.ts';
import type { DecodeError, Dissection, Layer } from './layer.ts';
import { linkTypeDecoders, linkTypeText } from './link-types.ts';
import { decodeLlc } from './llc.ts';
import { decodeMpls, decodePseudowireControlWord } from './mpls.ts';
import { decodeNtp } from './ntp.ts';
import { decodeCiscoHdlc, decodePpp } from './ppp.ts';
import { decodePppoeDiscovery, decodePppoeSession } from './pppoe.ts';
import { decodeQuic } from './quic.ts';
import { decodeStp } from './stp.ts';
import { decodeTcp } from './tcp.ts';
import { decodeTls } from './tls.ts';
import { decodeUdp } from './udp.ts';
import { decodeServiceTag, decodeVlan } from './vlan.ts';
import { decodeVxlan } from './vxlan.ts';

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

/** Every decoder, by the name that outer layers hand their payload on with. */
export const decoders: Readonly<Record<Exclude<Protocol, 'raw'>, Decoder>> = {
  ...applications,
  eth: decodeEthernet,
  vlan: decodeVlan,
  ieee8021ad: decodeServiceTag,
  llc: decodeLlc,
  stp: decodeStp,
  sll: decodeCookedV1,
  sll2: decodeCookedV2,
  null: decodeNull,
  loop: decodeLoop,
  chdlc: decodeCiscoHdlc,
  ppp: decodePpp,
  pppoed: decodePppoeDiscovery,
  pppoes: decodePppoeSession,
  mpls: decodeMpls,
  pwethcw: decodePseudowireControlWord,
  cmd: decodeCiscoMetadata,
  'cmd-gre': decodeCiscoMetadataInGre,
  arp: decodeArp,
  ip: decodeIpv4,
  ipv6: decodeIpv6,
  ah: decodeAuthenticationHeader,
  esp: decodeEncapsulatedSecurity,
  gre: decodeGre,
  erspan: decodeErspan,
  vxlan: decodeVxlan,
  geneve: decodeGeneve,
  l2tp: decodeL2tp,
  tcp: decodeTcp,
  udp: decodeUdp,
  icmp: decodeIcmp,
  icmpv6: decodeIcmpv6,
  igmp: decodeIgmp,
  data: decodeData,
};

/** Layers that may stand between Ethernet and the packet that says how long it is. */
const unmeasured: ReadonlySet<string> = new Set(['eth', 'vlan', 'ieee8021ad', 'llc', 'mpls', 'pwethcw', 'cmd']);

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
  const first = linkTypeDecoders.get(linkType);
  if (first === undefined) {
    const title = `link type ${linkTypeText(linkType)} is not decoded`;
    return { layers: [dataLayer(bytes, 0, end, title)], error: null, truncated };
  }

  const layers: Layer[] = [];
  let error: DecodeError | null = null;
  let quoted = false;
  /** An Ethernet layer, and where its frame ends, while its packet has not yet said how long it is. */
  let frame: { readonly index: number; readonly end: number } | null = null;
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
    if (layer.protocol === 'eth' && layer.length > 0 && !quoted) frame = { index: layers.length - 1, end: next.end };
    if (frame !== null) {
      const reach: number = payload?.end ?? layer.offset + layer.length;
      const ethernet = layers[frame.index];
      if (found === null && reach < frame.end && ethernet !== undefined) {
        layers[frame.index] = withTrailer(ethernet, bytes, reach, frame.end);
        frame = null;
      } else if (found !== null || !unmeasured.has(layer.protocol)) frame = null;
    }
    error ??= found;
    next = payload;
  }
  return { layers, error, truncated };
}
