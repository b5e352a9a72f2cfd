/** Virtual eXtensible Local Area Network, RFC 7348, with the group policy that Linux and Cisco know (draft-smith-vxlan-group-policy). */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header } from './decoder.ts';
import { textOf } from './fields.ts';
import type { Layer } from './layer.ts';

const at = { flags: 0, group: 2, network: 4 };
const shortLength = 2;
const networkLength = 3;
const headerLength = 8;
const flagMask = { group: 0x8000, network: 0x0800, doNotLearn: 0x0040, applied: 0x0008 };

/** Decodes a VXLAN header; the inner Ethernet frame follows. */
export const decodeVxlan: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('vxlan', 'Virtual eXtensible Local Area Network', bytes, offset, end);
  header.number('vxlan.flags', 'Flags', at.flags, shortLength, (value) => hex(value, 4));
  const withGroup = header.flag('vxlan.flag_g', 'Group policy', at.flags, shortLength, flagMask.group);
  header.flag('vxlan.flag_i', 'Network identifier valid', at.flags, shortLength, flagMask.network);
  header.flag('vxlan.flag_d', 'Do not learn', at.flags, shortLength, flagMask.doNotLearn);
  header.flag('vxlan.flag_a', 'Policy applied', at.flags, shortLength, flagMask.applied);
  if (withGroup) header.number('vxlan.gbp', 'Group', at.group, shortLength);
  header.number('vxlan.vni', 'Network identifier (VNI)', at.network, networkLength);
  return header.decoded(headerLength, context, header.rest(headerLength, 'eth', context));
};

/** `VXLAN 42`, by its network identifier. */
export function vxlanText(layer: Layer): string {
  return `VXLAN ${textOf(layer, 'vxlan.vni')}`;
}

/** The network (VNI) of a payload as VXLAN has it; null for one too short, or that says it has none. */
export function vxlanNetwork(payload: Uint8Array): number | null {
  if (payload.length < headerLength) return null;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const hasNetwork = (view.getUint16(at.flags) & flagMask.network) !== 0;
  // Its three bytes are followed by one that is reserved.
  return hasNetwork ? view.getUint32(at.network) >>> 8 : null;
}
