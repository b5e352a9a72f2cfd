/** Generic Network Virtualization Encapsulation, RFC 8926. */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header, named } from './decoder.ts';
import { ethertypeText } from './ethernet.ts';
import { textOf } from './fields.ts';
import type { Layer } from './layer.ts';
import { ethertypeDecoder } from './numbers.ts';

const at = { versionAndLength: 0, flags: 1, protocol: 2, network: 4, options: 8 };
const shortLength = 2;
const networkLength = 3;
const versionMask = 0xc0;
const lengthMask = 0x3f;
const flagMask = { control: 0x80, critical: 0x40 };
/** Lengths count 4-byte units. */
const unit = 4;

/** Within an option; its length leaves these four bytes out. */
const option = { class: 0, type: 2, length: 3, data: 4 };
const criticalMask = 0x80;
const optionLengthMask = 0x1f;

/** IANA's option classes, as far as Linux hosts and clouds use them. */
const classes: ReadonlyMap<number, string> = new Map([
  [0x0100, 'Linux'],
  [0x0101, 'Open vSwitch'],
  [0x0102, 'OVN'],
  [0x0103, 'in-band telemetry'],
  [0x0104, 'VMware'],
  [0x0108, 'AWS'],
  [0x014b, 'Cilium'],
]);

/** Reads options up to the first that runs past them. */
function addOptions(header: Header, length: number): void {
  let place = at.options;
  while (place + option.data <= length) {
    const size = option.data + (header.peek(place + option.length, 1) & optionLengthMask) * unit;
    if (place + size > length) return;
    header.number('geneve.option.class', 'Option class', place + option.class, shortLength, named(classes, 4));
    header.number('geneve.option.type', 'Option type', place + option.type, 1, (value) => hex(value, 2));
    header.flag('geneve.option.type.critical', 'Critical option', place + option.type, 1, criticalMask);
    header.add('geneve.option.length', 'Option length', place + option.length, 1, size, `${size} bytes`);
    header.opaque('geneve.option.unknown.data', 'Option data', place + option.data, size - option.data);
    place += size;
  }
}

/** Decodes a Geneve header with its options; Ethernet, or whatever the protocol type names, follows. */
export const decodeGeneve: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('geneve', 'Generic Network Virtualization Encapsulation', bytes, offset, end);
  header.bits('geneve.version', 'Version', at.versionAndLength, 1, versionMask);
  const length = at.options + (header.peek(at.versionAndLength, 1) & lengthMask) * unit;
  header.flag('geneve.flags.oam', 'Control packet', at.flags, 1, flagMask.control);
  header.flag('geneve.flags.critical', 'Critical options present', at.flags, 1, flagMask.critical);
  const protocol = header.number('geneve.proto_type', 'Protocol', at.protocol, shortLength, ethertypeText);
  header.number('geneve.vni', 'Network identifier (VNI)', at.network, networkLength);
  addOptions(header, length);
  return header.decoded(length, context, header.rest(length, ethertypeDecoder(protocol), context));
};

/** `Geneve 42`, by its network identifier. */
export function geneveText(layer: Layer): string {
  return `Geneve ${textOf(layer, 'geneve.vni')}`;
}
