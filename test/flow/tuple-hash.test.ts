import { expect, it } from 'vitest';
import { ConnectionTable } from '../../src/flow/connection-table.ts';
import { Sight } from '../../src/flow/sight.ts';

/** A SYN from an address and port that count up with `n`. */
function setSyn({ headers }: Sight, n: number): void {
  headers.family = 4;
  headers.protocol = 6;
  headers.flags = 0x02;
  headers.hasPorts = true;
  headers.hasTransport = true;
  headers.addresses.set([0, 0, 0, 0x0a000000 + n, 0, 0, 0, 0x0a590001]);
  headers.sourcePort = 1024 + (n % 60_000);
  headers.destinationPort = 80;
}

it.each([0, 7, -2_000_000_000])('finds room for ends whose ports count up with their addresses, seed %i', (seed) => {
  const table = new ConnectionTable(seed);
  const sight = new Sight();
  sight.timeNs = 0;
  for (let n = 0; n < 150_000; n += 1) {
    setSyn(sight, n);
    table.add(sight);
  }
  expect([table.rows.count, table.untracked]).toEqual([150_000, 0]);
});
