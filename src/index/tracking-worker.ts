/** The tracking thread: puts batches of sights into the table of connections, and hands its rows over at the end. */

import { parentPort, workerData } from 'node:worker_threads';
import { none } from '../flow/connection-row.ts';
import { ConnectionTable } from '../flow/connection-table.ts';
import { Sight } from '../flow/sight.ts';
import type { SightRows } from './sight-row.ts';
import { Ring, type TrackedRows, type TrackingStart } from './tracking-ring.ts';

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- tracking-thread.ts starts this file, with nothing else
const start = workerData as TrackingStart;
const ring = new Ring(start.ring);
const table = new ConnectionTable(start.seed);
const sight = new Sight();

function track(batch: SightRows, count: number): void {
  for (let row = 0; row < count; row += 1) {
    batch.read(row, sight);
    const error = batch.error(row);
    if (error === none) table.add(sight, batch.hash(row));
    else table.addError(sight.headers, error >> 8, error & 0xff);
  }
}

for (let count = ring.take(); count > 0; count = ring.take()) {
  track(ring.batch, count);
  ring.giveBack();
}
const { rows, tracks, names, untracked } = table;
const tracked: TrackedRows = {
  rows: rows.words,
  rowCount: rows.count,
  tracks: tracks.words,
  trackCount: tracks.count,
  names: names.rows.words,
  nameCount: names.rows.count,
  nameBytes: names.bytes,
  namesUntold: names.untold,
  untracked,
};
const moved = [rows.words.buffer, tracks.words.buffer, names.rows.words.buffer, names.bytes.buffer];
parentPort?.postMessage(tracked, moved);
