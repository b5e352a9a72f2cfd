/** Layer Two Tunneling Protocol over UDP: version 2 (RFC 2661) with the PPP inside; of version 3 (RFC 3931) the version. */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header } from './decoder.ts';
import { textOf } from './fields.ts';
import type { Layer } from './layer.ts';

const flagsAt = 0;
const shortLength = 2;
const flagMask = { control: 0x8000, length: 0x4000, sequence: 0x0800, offset: 0x0200, priority: 0x0100 };
const versionMask = 0x000f;
const versionTwo = 2;

/** Decodes an L2TP header. A data message carries PPP, a control message's attributes are left as data. */
export const decodeL2tp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('l2tp', 'Layer Two Tunneling Protocol', bytes, offset, end);
  header.number('l2tp.flags', 'Flags and version', flagsAt, shortLength, (value) => hex(value, 4));
  const flag = (name: string, label: string, mask: number): boolean =>
    header.flag(`l2tp.${name}`, label, flagsAt, shortLength, mask);
  const isControl = flag('type', 'Control message', flagMask.control);
  const withLength = flag('length_bit', 'Length present', flagMask.length);
  const withSequence = flag('seq_bit', 'Sequence numbers present', flagMask.sequence);
  const withOffset = flag('offset_bit', 'Offset present', flagMask.offset);
  flag('priority', 'Priority', flagMask.priority);
  const version = header.bits('l2tp.version', 'Version', flagsAt, shortLength, versionMask);
  if (version !== versionTwo) return header.decoded(shortLength, context, header.rest(shortLength, 'data', context));

  let length = shortLength;
  const next = (name: string, label: string): number => {
    const value = header.number(`l2tp.${name}`, label, length, shortLength);
    length += shortLength;
    return value;
  };
  const stated = withLength ? next('length', 'Length') : null;
  next('tunnel', 'Tunnel');
  next('session', 'Session');
  if (withSequence) {
    next('Ns', 'Sequence number');
    next('Nr', 'Next sequence number expected');
  }
  const padding = withOffset ? next('offset', 'Offset') : 0;
  length += padding;
  const rest = header.rest(length, isControl ? 'data' : 'ppp', context);
  if (stated === null) return header.decoded(length, context, rest);
  const payload = { ...rest, end: Math.min(rest.end, offset + stated), limitedBy: 'l2tp.length' };
  return header.decoded(length, context, payload);
};

/** `L2TP 1527/8298`, by tunnel and session. */
export function l2tpText(layer: Layer): string {
  return `L2TP ${textOf(layer, 'l2tp.tunnel')}/${textOf(layer, 'l2tp.session')}`;
}
