/**
 * The fast path: the few header numbers that index, connections and filters need, read from a frame into one reused
 * object, without allocating. It agrees with `dissect` on every frame, broken ones included.
 *
 * The outermost IP packet is what is read: of a tunnel (IP in IP, VXLAN) the packet that carries it. RFC 791 (IPv4),
 * RFC 8200 (IPv6), RFC 9293 (TCP), RFC 768 (UDP), RFC 792 and RFC 4443 (echo).
 */

import { echoType } from '../inet/icmp.ts';
import { ipProtocol } from '../inet/protocol.ts';

/** 32-bit words of an address; an IPv4 address stands in the last one. */
const addressWords = 4;

const linkType = { null: 0, ethernet: 1, rawBsd: 12, rawOpenBsd: 14, raw: 101, cookedV1: 113, ipv4: 228, ipv6: 229 };
const linkTypeCookedV2 = 276;

const etherType = { ipv4: 0x0800, vlan: 0x8100, ipv6: 0x86dd, service: 0x88a8 };
const ethernet = { type: 12, length: 14 };
const vlanTag = { type: 2, length: 4 };
const cookedV1 = { packetType: 0, protocol: 14, length: 16 };
const cookedV2 = { protocol: 0, interface: 4, length: 20 };
const sentByThisHost = 4;
/** AF_INET, and AF_INET6 of Linux, the BSDs and macOS. */
const family = { ipv4: 2, ipv6Linux: 10, ipv6NetBsd: 24, ipv6FreeBsd: 28, ipv6Darwin: 30, length: 4 };

/** `dissect` reads no more layers than this: deeper ones stay unread here too. */
const mostLayers = 64;

const ipv4 = {
  totalLength: 2,
  identification: 4,
  fragment: 6,
  protocol: 9,
  source: 12,
  destination: 16,
  shortest: 20,
};
const moreFragments = 0x2000;
const fragmentOffset = 0x1fff;

const ipv6 = { payloadLength: 4, nextHeader: 6, source: 8, destination: 24, length: 40 };
const extension = { fragment: 44, authentication: 51 };
/** Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, Shim6. */
const extensions: ReadonlySet<number> = new Set([0, 43, 44, 51, 60, 135, 139, 140]);
/** The Authentication Header counts 4-byte units, less two (RFC 4302, section 2.2). */
const authenticationUnit = 4;
const extensionUnit = 8;
const extensionLength = 1;
const fragmentHeader = { offset: 2, offsetShift: 3, more: 1, identification: 4 };

const tcp = { sequence: 4, acknowledgement: 8, dataOffset: 12, flags: 13, window: 14, shortest: 20 };
const udp = { length: 4, shortest: 8 };
const icmp = { type: 0, code: 1, identifier: 4, sequence: 6, shortest: 8 };
const portsLength = 4;

/** Where a packet stands among the fragments of its datagram. */
export const fragmentState = { whole: 0, first: 1, later: 2 } as const;

/** What a frame's headers say. Numbers that its headers do not have, or that were not captured, are 0. */
export class Headers {
  /** 4, 6, or 0 when there is no IP header that could be read: then nothing else counts. */
  family: 0 | 4 | 6 = 0;
  /** Protocol of the payload: the last next header of IPv6. */
  protocol = 0;
  fragment: 0 | 1 | 2 = fragmentState.whole;
  /** Identification of IPv4; of a fragment, IPv6's. */
  identification = 0;
  /** Where the IP header and its payload start, in the view. */
  networkAt = 0;
  transportAt = 0;
  /** Where the IP packet ends by its own lengths; may lie beyond what was captured. */
  end = 0;
  /** Source, then destination, big-endian words of signed 32 bits. */
  readonly addresses = new Int32Array(2 * addressWords);
  /** The ports of TCP and UDP, or the identifier of an ICMP echo as both, were captured. */
  hasPorts = false;
  sourcePort = 0;
  destinationPort = 0;
  /** The whole header of TCP, UDP or ICMP was captured, and is sound. */
  hasTransport = false;
  /** TCP's numbers; the two 32-bit ones signed. */
  sequence = 0;
  acknowledgement = 0;
  flags = 0;
  window = 0;
  /** Bytes of transport payload on the wire (in this fragment, of a fragment). */
  payloadLength = 0;
  /** ICMP's type and code. */
  icmpType = 0;
  icmpCode = 0;
  /** An ICMP echo's sequence number. */
  echoSequence = 0;
  /** What a cooked header tells of the device: v2's interface index, v1's "sent by this host" as 1; else 0. */
  device = 0;

  /** A packet that is all here: its header says no more than the frame has. */
  #incomplete = false;

  /**
   * Reads a frame.
   *
   * @param view The bytes that hold it; only those from `start` up to `start + captured` are read.
   * @param type libpcap's link type.
   * @param original Bytes on the wire.
   * @returns True when there is an IP packet.
   */
  read(view: DataView, start: number, captured: number, original: number, type: number): boolean {
    this.#clear();
    const limit = start + captured;
    const end = start + (original > captured ? original : captured);
    if (type === linkType.ethernet) {
      if (start + ethernet.length > limit) return false;
      const ethertype = view.getUint16(start + ethernet.type);
      return this.#etherType(view, ethertype, start + ethernet.length, limit, end, 1);
    }
    return this.#otherLink(view, start, limit, end, type);
  }

  /** Reads an IP packet that an ICMP error quotes: its lengths may say more than the error holds. */
  readQuoted(view: DataView, start: number, limit: number, version: 4 | 6): boolean {
    this.#clear();
    this.#incomplete = true;
    return version === 4 ? this.#ipv4(view, start, limit, limit, 1) : this.#ipv6(view, start, limit, limit, 1);
  }

  #clear(): void {
    this.family = 0;
    this.#incomplete = false;
    this.fragment = fragmentState.whole;
    this.hasPorts = false;
    this.hasTransport = false;
    this.sourcePort = 0;
    this.destinationPort = 0;
    this.flags = 0;
    this.payloadLength = 0;
    this.device = 0;
  }

  #otherLink(view: DataView, start: number, limit: number, end: number, type: number): boolean {
    switch (type) {
      case linkType.null: {
        if (start + family.length > limit) return false;
        // Families are small numbers, in the byte order of the host that captured them.
        const value = view.getUint16(start) === 0 ? view.getUint32(start) : view.getUint32(start, true);
        if (value === family.ipv4) return this.#ipv4(view, start + family.length, limit, end, 1);
        const isIpv6 =
          value === family.ipv6Linux ||
          value === family.ipv6NetBsd ||
          value === family.ipv6FreeBsd ||
          value === family.ipv6Darwin;
        return isIpv6 && this.#ipv6(view, start + family.length, limit, end, 1);
      }
      case linkType.raw:
      case linkType.rawBsd:
      case linkType.rawOpenBsd: {
        if (start >= limit) return false;
        const version = view.getUint8(start) >> 4;
        if (version === 4) return this.#ipv4(view, start, limit, end, 0);
        return version === 6 && this.#ipv6(view, start, limit, end, 0);
      }
      case linkType.ipv4:
        return this.#ipv4(view, start, limit, end, 0);
      case linkType.ipv6:
        return this.#ipv6(view, start, limit, end, 0);
      case linkType.cookedV1: {
        if (start + cookedV1.length > limit) return false;
        this.device = view.getUint16(start + cookedV1.packetType) === sentByThisHost ? 1 : 0;
        const ethertype = view.getUint16(start + cookedV1.protocol);
        return this.#etherType(view, ethertype, start + cookedV1.length, limit, end, 1);
      }
      case linkTypeCookedV2: {
        if (start + cookedV2.length > limit) return false;
        this.device = view.getUint32(start + cookedV2.interface);
        const ethertype = view.getUint16(start + cookedV2.protocol);
        return this.#etherType(view, ethertype, start + cookedV2.length, limit, end, 1);
      }
      default:
        return false;
    }
  }

  #etherType(view: DataView, first: number, start: number, limit: number, end: number, layersBefore: number): boolean {
    let ethertype = first;
    let at = start;
    let layers = layersBefore;
    while (ethertype === etherType.vlan || ethertype === etherType.service) {
      if (layers >= mostLayers || at + vlanTag.length > limit) return false;
      ethertype = view.getUint16(at + vlanTag.type);
      at += vlanTag.length;
      layers += 1;
    }
    if (ethertype === etherType.ipv4) return this.#ipv4(view, at, limit, end, layers);
    return ethertype === etherType.ipv6 && this.#ipv6(view, at, limit, end, layers);
  }

  #ipv4(view: DataView, at: number, limit: number, end: number, layers: number): boolean {
    if (layers >= mostLayers || at + ipv4.shortest > limit) return false;
    const first = view.getUint8(at);
    if (first >> 4 !== 4) return false;
    const headerLength = (first & 0x0f) * 4;
    const totalLength = view.getUint16(at + ipv4.totalLength);
    const isShort = headerLength < ipv4.shortest || (at + headerLength > end && !this.#incomplete);
    // Length 0 is segmentation offload's: the packet was captured before the device cut and measured it.
    if (isShort || (totalLength !== 0 && totalLength < headerLength)) return false;
    this.family = 4;
    this.networkAt = at;
    this.protocol = view.getUint8(at + ipv4.protocol);
    this.identification = view.getUint16(at + ipv4.identification);
    const { addresses } = this;
    addresses[0] = 0;
    addresses[1] = 0;
    addresses[2] = 0;
    addresses[3] = view.getInt32(at + ipv4.source);
    addresses[4] = 0;
    addresses[5] = 0;
    addresses[6] = 0;
    addresses[7] = view.getInt32(at + ipv4.destination);
    const fragment = view.getUint16(at + ipv4.fragment);
    if ((fragment & fragmentOffset) !== 0) this.fragment = fragmentState.later;
    else if ((fragment & moreFragments) !== 0) this.fragment = fragmentState.first;
    const declared = totalLength === 0 ? end : at + totalLength;
    this.end = this.#incomplete || declared < end ? declared : end;
    this.transportAt = at + headerLength;
    if (layers + 1 < mostLayers) this.#transport(view, limit);
    return true;
  }

  #ipv6(view: DataView, at: number, limit: number, end: number, layers: number): boolean {
    if (layers >= mostLayers || at + ipv6.length > limit) return false;
    if (view.getUint8(at) >> 4 !== 6) return false;
    this.family = 6;
    this.networkAt = at;
    this.identification = 0;
    for (let word = 0; word < 2 * addressWords; word += 1) {
      this.addresses[word] = view.getInt32(at + ipv6.source + word * 4);
    }
    // Length 0 is a jumbogram's (RFC 2675) or segmentation offload's: the frame sets the end.
    const payloadLength = view.getUint16(at + ipv6.payloadLength);
    const declared = payloadLength === 0 ? end : at + ipv6.length + payloadLength;
    this.end = this.#incomplete || declared < end ? declared : end;
    this.protocol = view.getUint8(at + ipv6.nextHeader);
    this.transportAt = at + ipv6.length;
    if (this.#extensions(view, limit) && layers + 1 < mostLayers) this.#transport(view, limit);
    return true;
  }

  /** Walks IPv6's extension headers; false when they end before they are all there. */
  #extensions(view: DataView, limit: number): boolean {
    for (;;) {
      const { protocol, transportAt: at } = this;
      if (!extensions.has(protocol) || this.fragment === fragmentState.later) return true;
      if (protocol === extension.fragment && at + fragmentHeader.identification <= limit) {
        const fragment = view.getUint16(at + fragmentHeader.offset);
        if (fragment >> fragmentHeader.offsetShift !== 0) this.fragment = fragmentState.later;
        else if ((fragment & fragmentHeader.more) !== 0) this.fragment = fragmentState.first;
      }
      if (at + extensionUnit > limit) return false;
      const units = protocol === extension.fragment ? 0 : view.getUint8(at + extensionLength);
      const next =
        at + (protocol === extension.authentication ? (units + 2) * authenticationUnit : (units + 1) * extensionUnit);
      if (next > limit) return false;
      if (protocol === extension.fragment) this.identification = view.getUint32(at + fragmentHeader.identification);
      this.protocol = view.getUint8(at);
      this.transportAt = next;
    }
  }

  #transport(view: DataView, captureLimit: number): void {
    if (this.fragment === fragmentState.later) return;
    const at = this.transportAt;
    const limit = captureLimit < this.end ? captureLimit : this.end;
    const { protocol } = this;
    if (protocol === ipProtocol.tcp || protocol === ipProtocol.udp) {
      if (at + portsLength > limit) return;
      this.hasPorts = true;
      this.sourcePort = view.getUint16(at);
      this.destinationPort = view.getUint16(at + 2);
      if (protocol === ipProtocol.tcp) this.#tcp(view, at, limit);
      else this.#udp(view, at, limit);
    } else if (protocol === ipProtocol.icmp || protocol === ipProtocol.icmpv6) this.#icmp(view, at, limit);
  }

  #tcp(view: DataView, at: number, limit: number): void {
    if (at + tcp.shortest > limit) return;
    const headerLength = (view.getUint8(at + tcp.dataOffset) >> 4) * 4;
    const isCut = this.end < at + headerLength;
    if (headerLength < tcp.shortest || (isCut && !this.#incomplete && this.fragment === fragmentState.whole)) return;
    this.hasTransport = true;
    this.sequence = view.getInt32(at + tcp.sequence);
    this.acknowledgement = view.getInt32(at + tcp.acknowledgement);
    this.flags = view.getUint8(at + tcp.flags);
    this.window = view.getUint16(at + tcp.window);
    this.payloadLength = isCut ? 0 : this.end - at - headerLength;
  }

  #udp(view: DataView, at: number, limit: number): void {
    if (at + udp.shortest > limit) return;
    const length = view.getUint16(at + udp.length);
    if (length !== 0 && length < udp.shortest) return;
    this.hasTransport = true;
    // 0 means that the IP length rules (RFC 2675, section 4).
    this.payloadLength = (length === 0 ? this.end - at : length) - udp.shortest;
  }

  #icmp(view: DataView, at: number, limit: number): void {
    if (at + icmp.shortest > limit) return;
    this.hasTransport = true;
    const type = view.getUint8(at + icmp.type);
    this.icmpType = type;
    this.icmpCode = view.getUint8(at + icmp.code);
    this.payloadLength = Math.max(0, this.end - at - icmp.shortest);
    const echo = echoType[this.protocol === ipProtocol.icmp ? 4 : 6];
    if (type !== echo.request && type !== echo.reply) return;
    this.hasPorts = true;
    this.sourcePort = view.getUint16(at + icmp.identifier);
    this.destinationPort = this.sourcePort;
    this.echoSequence = view.getUint16(at + icmp.sequence);
  }
}
