/** ICMP errors that stand in the file before every packet of their connection: another capture point told of them first. */

import { none } from '../flow/connection-row.ts';
import { readQuotedHeaders } from '../flow/packet.ts';
import { Headers } from '../wire/headers.ts';
import type { IndexedCapture } from './indexed-capture.ts';
import { packetWord } from './packet-row.ts';

const ethernet = 1;

/** Gives those errors to their connections, when all of the capture has been read; each is read again. */
export function settleEarlyErrors(capture: IndexedCapture): void {
  const { packets, interfaces, connections, earlyErrors } = capture.index;
  const [headers, quoted] = [new Headers(), new Headers()];
  for (const row of earlyErrors.splice(0)) {
    const { bytes, originalLength, interfaceIndex } = capture.borrowed(row);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    headers.read(view, 0, bytes.length, originalLength, interfaces[interfaceIndex]?.linkType ?? ethernet);
    if (!readQuotedHeaders(quoted, headers, view, view.byteLength)) continue;
    const id = connections.addError(quoted, headers.icmpType, headers.icmpCode);
    if (id !== none) packets.page(row).words[packets.at(row) + packetWord.connection] = id;
  }
}
