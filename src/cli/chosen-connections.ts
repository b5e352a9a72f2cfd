/** `connections --filter`: which connections have a packet that passes. Apart, because decoders take time to load. */

import { indexColumns, indexFields } from '../index/filter-columns.ts';
import { connectionFacts, readFilter } from './filter.ts';
import type { OpenedIndex } from './opened-index.ts';

/**
 * Reads a filter; what it gives finds the numbers of the connections that have a packet that the filter accepts. Throws
 * WrongUsage when it is none.
 */
export function readChoice(text: string): (opened: OpenedIndex) => Iterable<number> {
  const filter = readFilter(text);
  return function* choose(opened) {
    const { capture } = opened;
    const { index, numbers } = capture;
    const accepted = new Uint8Array(numbers.count + 1);
    const test = filter.bind(indexFields(capture, connectionFacts(opened, filter)), indexColumns(index));
    for (let row = 0; row < index.packets.count; row += 1) {
      const number = numbers.numberOf(capture.idOf(row));
      if (accepted[number] === 0 && number !== 0 && test(row)) accepted[number] = 1;
    }
    for (let number = 1; number <= numbers.count; number += 1) if (accepted[number] === 1) yield number;
  };
}
