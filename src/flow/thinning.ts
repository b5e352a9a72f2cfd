/** Lets go of connections of a table: for a capture that goes on for longer than all of them can be remembered. */

import { connectionWords, none, connectionWord as word } from './connection-row.ts';
import type { Connections } from './connection-table.ts';
import { Rows } from './rows.ts';
import { track } from './tcp-track.ts';

/** The rows that are left, and the number that each connection has among them: `none` where it is gone. */
export interface Thinned extends Pick<Connections, 'rows' | 'tracks'> {
  readonly numbers: Int32Array;
}

/** The latest attempt up to this one, on the same ends, that is left; `none` where there is none. */
export function latestLeft(before: Rows, numbers: Int32Array, id: number): number {
  for (let at = id; at !== none; at = (before.words[before.at(at) + word.previous] ?? 0) - 1) {
    const left = numbers[at] ?? none;
    if (left !== none) return left;
  }
  return none;
}

function copyTracks(before: Rows, tracks: Rows, head: number): number {
  let [first, last] = [0, none];
  for (let row = head - 1; row !== none; row = (before.words[before.at(row) + track.next] ?? 0) - 1) {
    const added = tracks.addFrom(before, row);
    tracks.words[tracks.at(added) + track.next] = 0;
    if (last === none) first = added + 1;
    else tracks.words[tracks.at(last) + track.next] = added + 1;
    last = added;
  }
  return first;
}

/** Copies the connections that are kept, in their order; the table itself stays as it is. */
export function thin(table: Connections, isKept: (id: number) => boolean): Thinned {
  const before = table.rows;
  const numbers = new Int32Array(before.count).fill(none);
  const [rows, tracks] = [new Rows(connectionWords), new Rows(track.words)];
  for (let id = 0; id < before.count; id += 1) if (isKept(id)) numbers[id] = rows.addFrom(before, id);
  for (const [id, number] of numbers.entries()) {
    if (number === none) continue;
    const at = rows.at(number);
    const current = numbers[rows.words[at + word.current] ?? none] ?? none;
    rows.words[at + word.current] = current === none ? number : current;
    const previous = (before.words[before.at(id) + word.previous] ?? 0) - 1;
    rows.words[at + word.previous] = latestLeft(before, numbers, previous) + 1;
    rows.words[at + word.tracks] = copyTracks(table.tracks, tracks, rows.words[at + word.tracks] ?? 0);
  }
  return { rows, tracks, numbers };
}
