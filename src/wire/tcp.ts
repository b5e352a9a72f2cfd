/** Transmission Control Protocol, RFC 9293; options also RFC 7323 (window scale, timestamps) and RFC 2018 (SACK). */

import { hex } from './bytes.ts';
import { type Decoded, type Decoder, Header } from './decoder.ts';
import { portText } from './numbers.ts';
import { tcpPayload } from './ports.ts';

const at = {
  sourcePort: 0,
  destinationPort: 2,
  sequence: 4,
  acknowledgment: 8,
  offsetAndFlags: 12,
  window: 14,
  checksum: 16,
  urgentPointer: 18,
};
const shortLength = 2;
const longLength = 4;
const shortestHeader = at.urgentPointer + shortLength;

const dataOffsetShift = 4;
const wordLength = 4;
const flagsMask = 0x0fff;

/** Flags by mask, in the order in which people say them ("SYN, ACK"). AE is RFC 9768's, once NS. */
const flags: readonly (readonly [mask: number, field: string, name: string])[] = [
  [0x002, 'syn', 'SYN'],
  [0x001, 'fin', 'FIN'],
  [0x004, 'reset', 'RST'],
  [0x008, 'push', 'PSH'],
  [0x010, 'ack', 'ACK'],
  [0x020, 'urg', 'URG'],
  [0x040, 'ece', 'ECE'],
  [0x080, 'cwr', 'CWR'],
  [0x100, 'ae', 'AE'],
];

const optionKind = { end: 0, noOperation: 1, maximumSegment: 2, windowScale: 3, sackPermitted: 4, sack: 5, times: 8 };
/** Within an option. */
const option = { kind: 0, length: 1, value: 2 };
const optionLength = { maximumSegment: 4, windowScale: 3, sackPermitted: 2, times: 10, sackBlock: 8 };

/** Flags as people write them: `SYN, ACK`; `no flags` when none is set. */
export function tcpFlagsText(value: number): string {
  const names = flags.filter(([mask]) => (value & mask) !== 0).map(([, , name]) => name);
  return names.length === 0 ? 'no flags' : names.join(', ');
}

function addOption(header: Header, kind: number, place: number, length: number): void {
  const value = place + option.value;
  if (kind === optionKind.maximumSegment && length === optionLength.maximumSegment) {
    header.number('tcp.options.mss_val', 'Maximum segment size', value, shortLength);
  } else if (kind === optionKind.windowScale && length === optionLength.windowScale) {
    header.number('tcp.options.wscale.shift', 'Window scale shift', value, 1);
  } else if (kind === optionKind.sackPermitted && length === optionLength.sackPermitted) {
    header.add('tcp.options.sack_perm', 'SACK permitted', place, length, true, 'set');
  } else if (kind === optionKind.times && length === optionLength.times) {
    header.number('tcp.options.timestamp.tsval', 'Timestamp value', value, longLength);
    header.number('tcp.options.timestamp.tsecr', 'Timestamp echo reply', value + longLength, longLength);
  } else if (kind === optionKind.sack) {
    for (let block = value; block + optionLength.sackBlock <= place + length; block += optionLength.sackBlock) {
      header.number('tcp.options.sack_le', 'SACK left edge', block, longLength);
      header.number('tcp.options.sack_re', 'SACK right edge', block + longLength, longLength);
    }
  }
}

/** Reads options up to the first that is damaged (a receiver ignores the rest as well) or was not captured. */
function addOptions(header: Header, headerLength: number): void {
  let place = shortestHeader;
  while (place < headerLength) {
    const kind = header.peek(place + option.kind, 1);
    if (kind === optionKind.end) return;
    const length = kind === optionKind.noOperation ? 1 : header.peek(place + option.length, 1);
    const least = kind === optionKind.noOperation ? 1 : option.value;
    if (length < least || place + length > headerLength) return;
    addOption(header, kind, place, length);
    place += length;
  }
}

/** Decodes a TCP header. `tcp.len` comes from the IP length, so padding is not payload and cut frames count whole. */
export const decodeTcp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('tcp', 'Transmission Control Protocol', bytes, offset, end);
  const source = header.number('tcp.srcport', 'Source port', at.sourcePort, shortLength, portText);
  const destination = header.number('tcp.dstport', 'Destination port', at.destinationPort, shortLength, portText);
  header.number('tcp.seq_raw', 'Sequence number', at.sequence, longLength);
  header.number('tcp.ack_raw', 'Acknowledgment number', at.acknowledgment, longLength);
  const word = header.peek(at.offsetAndFlags, shortLength);
  const headerLength = (header.peek(at.offsetAndFlags, 1) >> dataOffsetShift) * wordLength;
  header.add('tcp.hdr_len', 'Header length', at.offsetAndFlags, 1, headerLength, `${headerLength} bytes`);
  header.add('tcp.flags', 'Flags', at.offsetAndFlags, shortLength, word & flagsMask, tcpFlagsText(word));
  for (const [mask, field, name] of flags)
    header.flag(`tcp.flags.${field}`, name, at.offsetAndFlags, shortLength, mask);
  header.number('tcp.window_size_value', 'Window', at.window, shortLength);
  header.number('tcp.checksum', 'Checksum', at.checksum, shortLength, (value) => hex(value, 4));
  header.number('tcp.urgent_pointer', 'Urgent pointer', at.urgentPointer, shortLength);

  const short = header.shortage(shortestHeader, context);
  if (short !== null || !header.has(shortestHeader)) {
    return { layer: header.layer(shortestHeader), payload: null, error: short };
  }
  if (headerLength < shortestHeader) {
    const error = header.badValue('tcp.hdr_len', shortestHeader, headerLength);
    return { layer: header.layer(shortestHeader), payload: null, error };
  }
  const cut = header.shortage(headerLength, context);
  if (cut === null) {
    const payloadLength = Math.max(0, end - offset - headerLength);
    header.add('tcp.len', 'Payload length', at.offsetAndFlags, 1, payloadLength, `${payloadLength} bytes`);
  }
  const options = headerLength - shortestHeader;
  if (options > 0) {
    header.opaque('tcp.options', 'Options', shortestHeader, options);
    addOptions(header, headerLength);
  }
  const layer = header.layer(headerLength);
  if (cut !== null || !header.has(headerLength)) return { layer, payload: null, error: cut };
  const start = offset + headerLength;
  const protocol = tcpPayload(bytes, start, end, source, destination);
  return { layer, payload: { ...context, protocol, offset: start, end }, error: null };
};
