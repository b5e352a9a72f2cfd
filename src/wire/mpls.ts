/**
 * Multiprotocol Label Switching: the label stack (RFC 3032, RFC 5462), what it carries told by the first nibble
 * (RFC 4928), and an Ethernet pseudowire's control word (RFC 4385, RFC 4448).
 */

import { macLength } from './address.ts';
import { readUint } from './bytes.ts';
import { type Decoded, type Decoder, Header, type Protocol } from './decoder.ts';
import type { Layer } from './layer.ts';
import { ethertypeNames } from './numbers.ts';

const entryLength = 4;
const entryMask = { label: 0xfffff000, experimental: 0x00000e00, bottom: 0x00000100, timeToLive: 0x000000ff };

/** Deeper than any network stacks; the rest of a longer stack is data. */
const mostLabels = 32;

/** IANA's special-purpose labels (RFC 7274). */
const specialLabels: ReadonlyMap<number, string> = new Map([
  [0, 'IPv4 explicit null'],
  [1, 'router alert'],
  [2, 'IPv6 explicit null'],
  [3, 'implicit null'],
  [7, 'entropy label indicator'],
  [13, 'associated channel'],
  [14, 'OAM alert'],
  [15, 'extension'],
]);

function labelText(label: number): string {
  const name = specialLabels.get(label);
  return name === undefined ? String(label) : `${name} (${label})`;
}

const nibbleShift = 4;
const nibble = { controlWord: 0, channel: 1, ipv4: 4, ipv6: 6 };
const controlWordLength = 4;
const typeAt = 2 * macLength;
const typeLength = 2;

function looksLikeEthernet(bytes: Uint8Array, offset: number): boolean {
  return ethertypeNames.has(readUint(bytes, offset + typeAt, typeLength));
}

/**
 * What the stack carries. A first nibble of 0 is a control word's; but without one, an Ethernet address may begin so as
 * well. The type field tells: where it makes sense for the one reading alone, that is the reading.
 */
function carried(bytes: Uint8Array, offset: number, end: number): Protocol {
  const first = (bytes[offset] ?? 0) >> nibbleShift;
  if (first === nibble.ipv4) return 'ip';
  if (first === nibble.ipv6) return 'ipv6';
  if (first === nibble.channel || offset + typeAt + typeLength > Math.min(end, bytes.length)) return 'data';
  if (first !== nibble.controlWord) return looksLikeEthernet(bytes, offset) ? 'eth' : 'data';
  const without = looksLikeEthernet(bytes, offset) && !looksLikeEthernet(bytes, offset + controlWordLength);
  return without ? 'eth' : 'pwethcw';
}

/** Decodes a whole label stack as one layer, its fields once a label. */
export const decodeMpls: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('mpls', 'Multiprotocol Label Switching', bytes, offset, end);
  for (let length = 0; length < mostLabels * entryLength; ) {
    header.bits('mpls.label', 'Label', length, entryLength, entryMask.label, labelText);
    header.bits('mpls.exp', 'Traffic class', length, entryLength, entryMask.experimental);
    const bottom = header.flag('mpls.bottom', 'Bottom of stack', length, entryLength, entryMask.bottom);
    header.bits('mpls.ttl', 'Time to live', length, entryLength, entryMask.timeToLive);
    length += entryLength;
    if (bottom || !header.has(length)) {
      return header.decoded(length, context, header.rest(length, carried(bytes, offset + length, end), context));
    }
  }
  const length = mostLabels * entryLength;
  return header.decoded(length, context, header.rest(length, 'data', context));
};

/** The labels from the top down: `MPLS 16001/24001`. */
export function mplsText(layer: Layer): string {
  const labels = layer.fields.filter(({ name }) => name === 'mpls.label').map(({ value }) => value);
  return `MPLS ${labels.join('/')}`;
}

const sequenceAt = 2;
const sequenceLength = 2;

/** Decodes the control word of an Ethernet pseudowire. */
export const decodePseudowireControlWord: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('pwethcw', 'Ethernet Pseudowire Control Word', bytes, offset, end);
  header.number('pweth.cw.sequence_number', 'Sequence number', sequenceAt, sequenceLength);
  return header.decoded(controlWordLength, context, header.rest(controlWordLength, 'eth', context));
};
