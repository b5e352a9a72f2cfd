/**
 * Logical Link Control, IEEE 802.2 (ISO/IEC 8802-2:1998), and the Subnetwork Access Protocol that stands for EtherTypes
 * on it (IEEE 802-2014 section 9.4, RFC 1042).
 */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named, type Protocol } from './decoder.ts';
import { ethertypeText } from './ethernet.ts';
import { numberOf } from './fields.ts';
import type { Layer } from './layer.ts';
import { ethertypeDecoder, ethertypeNames } from './numbers.ts';

const at = { destination: 0, source: 1, control: 2 };
/** After the one control byte of an unnumbered frame. */
const snap = { organization: 3, protocol: 6 };
const organizationLength = 3;
const shortLength = 2;
const byteBits = 8;
const snapEnd = snap.protocol + shortLength;

/** The two low bits say how long the control field is: both set, it is unnumbered, and one byte (section 5.2). */
const unnumberedMask = 0x03;
const snapAddress = 0xaa;

const accessPoints: ReadonlyMap<number, string> = new Map([
  [0x00, 'null'],
  [0x02, 'LLC management'],
  [0x06, 'IP'],
  [0x42, 'spanning tree'],
  [snapAddress, 'SNAP'],
  [0xe0, 'IPX'],
  [0xf0, 'NetBIOS'],
  [0xfe, 'ISO network layer'],
  [0xff, 'global'],
]);

const accessPointDecoders: ReadonlyMap<number, Protocol> = new Map([
  [0x06, 'ip'],
  [0x42, 'stp'],
]);

const organization = { encapsulatedEthernet: 0x00_00_00, cisco: 0x00_00_0c, cisco90: 0x00_00_f8, ieee8021: 0x00_80_c2 };
const organizations: ReadonlyMap<number, string> = new Map([
  [organization.encapsulatedEthernet, 'encapsulated Ethernet'],
  [organization.cisco, 'Cisco'],
  [organization.cisco90, 'Cisco IOS 9.0 compatible'],
  [organization.ieee8021, 'IEEE 802.1'],
]);

const ciscoProtocols: ReadonlyMap<number, string> = new Map([
  [0x0104, 'port aggregation protocol'],
  [0x010b, 'PVST+'],
  [0x0111, 'unidirectional link detection'],
  [0x2000, 'CDP'],
  [0x2003, 'VTP'],
  [0x2004, 'DTP'],
]);
const perVlanSpanningTree = 0x010b;

/** RFC 2427 appendix A: bridged Ethernet with and without its checksum, and bridge protocol data units. */
const bridgedProtocols: ReadonlyMap<number, Protocol> = new Map([
  [0x0001, 'eth'],
  [0x0007, 'eth'],
  [0x000e, 'stp'],
]);

function addProtocol(header: Header, oui: number): Protocol {
  const field = (name: string, text: (value: number) => string): number =>
    header.number(name, 'Protocol', snap.protocol, shortLength, text);
  if (oui === organization.encapsulatedEthernet || oui === organization.cisco90) {
    return ethertypeDecoder(field('llc.type', ethertypeText));
  }
  if (oui === organization.cisco) {
    return field('llc.cisco_pid', named(ciscoProtocols, 4)) === perVlanSpanningTree ? 'stp' : 'data';
  }
  const identifier = field('llc.pid', (value) => hex(value, 4));
  return (oui === organization.ieee8021 ? bridgedProtocols.get(identifier) : undefined) ?? 'data';
}

/** Decodes LLC, with SNAP where both access points are SNAP's. */
export const decodeLlc: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('llc', 'Logical Link Control', bytes, offset, end);
  const destination = header.number('llc.dsap', 'Destination access point', at.destination, 1, named(accessPoints));
  const source = header.number('llc.ssap', 'Source access point', at.source, 1, named(accessPoints));
  const unnumbered = (header.peek(at.control, 1) & unnumberedMask) === unnumberedMask;
  if (!unnumbered) {
    // Its bits count from the first byte on, so as a number it is little-endian.
    const control = (header.peek(at.control + 1, 1) << byteBits) | header.peek(at.control, 1);
    header.add('llc.control', 'Control', at.control, shortLength, control, hex(control, 4));
    const protocol = accessPointDecoders.get(destination) ?? 'data';
    return header.decoded(at.control + shortLength, context, header.rest(at.control + shortLength, protocol, context));
  }
  header.number('llc.control', 'Control', at.control, 1, (value) => hex(value, 2));
  if (destination !== snapAddress || source !== snapAddress) {
    const protocol = accessPointDecoders.get(destination) ?? 'data';
    return header.decoded(at.control + 1, context, header.rest(at.control + 1, protocol, context));
  }
  const oui = header.number('llc.oui', 'Organization', snap.organization, organizationLength, named(organizations, 6));
  return header.decoded(snapEnd, context, header.rest(snapEnd, addProtocol(header, oui), context));
};

/** What LLC carries, by name: `CDP`, `spanning tree`, `NetBIOS`; `LLC 0x98` for an access point without one. */
export function llcText(layer: Layer): string {
  const cisco = ciscoProtocols.get(numberOf(layer, 'llc.cisco_pid') ?? -1);
  const type = numberOf(layer, 'llc.type');
  if (cisco !== undefined) return cisco;
  if (type !== null) return ethertypeNames.get(type) ?? `EtherType ${hex(type, 4)}`;
  const destination = numberOf(layer, 'llc.dsap') ?? 0;
  return accessPoints.get(destination) ?? `LLC ${hex(destination, 2)}`;
}
