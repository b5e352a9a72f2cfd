/** Filters over the rows of an index, without reading the file again. */

import type { PacketRows } from './packet-rows.ts';

/**
 * The numbers, from 1, of the packets whose rows are accepted, in their order.
 *
 * @param accepts Told where a row starts in its page's words (`packetWord`). What is asked of a connection is best
 *   answered once a connection before, and looked up by `packetWord.connection`.
 */
export function selectPackets(packets: PacketRows, accepts: (words: Int32Array, at: number) => boolean): Uint32Array {
  const numbers = new Uint32Array(packets.count);
  let found = 0;
  for (let row = 0; row < packets.count; row += 1) {
    if (!accepts(packets.page(row).words, packets.at(row))) continue;
    numbers[found] = row + 1;
    found += 1;
  }
  return numbers.slice(0, found);
}
