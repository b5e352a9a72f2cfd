/** `connections --filter`: which connections have a packet that passes. Apart, because decoders take time to load. */

import { connectionFacts, readFilter } from '../filter.ts';
import { drive, Progress } from '../progress.ts';
import type { OpenedIndex } from './opened-index.ts';
import { passingConnections, rowTest } from './passing-rows.ts';

/**
 * Reads a filter; what it gives finds the numbers of the connections that have a packet that the filter accepts. Throws
 * WrongUsage when it is none.
 */
export function readChoice(text: string): (opened: OpenedIndex) => Promise<readonly number[]> {
  const filter = readFilter(text);
  return async (opened) => {
    const { capture } = opened;
    const test = rowTest(capture, filter, await connectionFacts(opened, filter));
    using progress = new Progress();
    return await drive('filtering', passingConnections(capture, test), progress);
  };
}
