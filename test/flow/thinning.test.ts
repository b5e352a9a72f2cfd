import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { none } from '../../src/flow/connection-row.ts';
import { ConnectionTable } from '../../src/flow/connection-table.ts';
import { Sight } from '../../src/flow/sight.ts';
import { summarizeConnection } from '../../src/flow/summary.ts';
import { linked, reverse, tcp } from './frames.ts';

const ethernet = 1;

/** A packet of one of some connections at one of three points; a SYN of another number is another attempt. */
const packet = fc.record({
  port: fc.integer({ min: 1, max: 6 }),
  attempt: fc.nat(3),
  back: fc.boolean(),
  flags: fc.constantFrom('SYN', 'ACK', 'FIN ACK', 'RST'),
  point: fc.nat(2),
});
type Packet = typeof packet extends fc.Arbitrary<infer T> ? T : never;

function add(table: ConnectionTable, { port, attempt, back, flags, point }: Packet, at: number): number {
  const ends = { from: `10.0.0.2:${port}`, to: '10.0.0.1:80' };
  const bytes = linked(ethernet, tcp(back ? reverse(ends) : ends, { flags, sequence: 1000 * attempt, id: at }));
  const sight = new Sight();
  sight.headers.read(new DataView(bytes.buffer), 0, bytes.length, bytes.length, ethernet);
  sight.timeNs = at * 1_000_000_000;
  sight.point = point;
  sight.length = bytes.length;
  sight.frame = at + 1;
  return table.add(sight);
}

test('what is kept is as it was, and goes on as it would have', () => {
  fc.assert(
    fc.property(
      fc.array(packet, { maxLength: 60 }),
      fc.array(packet, { maxLength: 30 }),
      fc.infiniteStream(fc.boolean()),
      (before, after, choices) => {
        const [whole, thinned] = [new ConnectionTable(3), new ConnectionTable(3)];
        for (const [at, one] of before.entries()) expect(add(whole, one, at)).toBe(add(thinned, one, at));
        // The attempts of a pair of ends are kept or let go together, else a late packet belongs to another one.
        const keptPorts = new Map([1, 2, 3, 4, 5, 6].map((port) => [port, choices.next().value]));
        const portOf = (id: number): number => {
          const { client, server } = summarizeConnection(whole, id);
          return client.port === 80 ? server.port : client.port;
        };
        const numbers = thinned.thin((id) => keptPorts.get(portOf(id)) === true);
        const names = new Map([...numbers.entries()].filter(([, number]) => number !== none));
        expect(thinned.rows.count).toBe(names.size);
        for (const [at, one] of after.entries()) {
          const id = add(whole, one, before.length + at);
          const number = add(thinned, one, before.length + at);
          if (keptPorts.get(one.port) === true && !names.has(id)) names.set(id, number);
          if (keptPorts.get(one.port) === true) expect(number).toBe(names.get(id));
        }
        for (const [id, number] of names) {
          expect(summarizeConnection(thinned, number)).toEqual(summarizeConnection(whole, id));
        }
      },
    ),
  );
});

test('of attempts on the same ends the latest that is left is found again', () => {
  const table = new ConnectionTable();
  const syn = (attempt: number): Packet => ({ port: 1, attempt, back: false, flags: 'SYN', point: 0 });
  for (const attempt of [0, 1, 2, 3]) add(table, syn(attempt), attempt);
  expect([...table.thin((id) => id === 0 || id === 2)]).toEqual([0, none, 1, none]);
  expect(add(table, { ...syn(0), flags: 'ACK' }, 9)).toBe(1);
  expect(add(table, syn(0), 9)).toBe(0);
  expect(add(table, syn(3), 9)).toBe(2);
});
