/** `connections --filter`: which connections have a packet that passes. Apart, because decoders take time to load. */

import { connectionFacts, readFilter } from './filter.ts';
import type { OpenedIndex } from './opened-index.ts';
import { rowTest } from './passing-rows.ts';

/**
 * Reads a filter; what it gives finds the numbers of the connections that have a packet that the filter accepts. Throws
 * WrongUsage when it is none.
 */
export function readChoice(text: string): (opened: OpenedIndex) => Promise<number[]> {
  const filter = readFilter(text);
  return async (opened) => {
    const { capture } = opened;
    const { index, numbers } = capture;
    const accepted = new Uint8Array(numbers.count + 1);
    const test = rowTest(capture, filter, await connectionFacts(opened, filter));
    for (let row = 0; row < index.packets.count; row += 1) {
      const number = numbers.numberOf(capture.idOf(row));
      if (accepted[number] === 0 && number !== 0 && test(row)) accepted[number] = 1;
    }
    return Array.from(accepted.keys()).filter((number) => accepted[number] === 1);
  };
}
