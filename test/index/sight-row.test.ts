import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { none } from '../../src/flow/connection-row.ts';
import { Sight } from '../../src/flow/sight.ts';
import { SightRows, sightWords } from '../../src/index/sight-row.ts';

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const unsigned = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const port = fc.nat(0xffff);
const family = fc.constantFrom<4 | 6>(4, 6);

/** Sights with all that the table of connections asks for; an IPv4 address stands in the last word of four. */
const sights = fc
  .record({
    headers: fc.record({
      family,
      protocol: fc.nat(255),
      fragment: fc.constantFrom<0 | 1 | 2>(0, 1, 2),
      identification: port,
      hasPorts: fc.boolean(),
      hasTransport: fc.boolean(),
      sourcePort: port,
      destinationPort: port,
      sequence: word,
      acknowledgement: word,
      flags: fc.nat(255),
      window: port,
      payloadLength: unsigned,
    }),
    addresses: fc.array(word, { minLength: 8, maxLength: 8 }),
    bytes: fc.uint8Array({ maxLength: 40 }),
    packet: fc.record({
      timeNs: fc.double({ noNaN: true }),
      point: word,
      length: unsigned,
      frame: unsigned,
    }),
  })
  .map(({ headers, addresses, packet, bytes }) => {
    const messageAt = Math.min(3, bytes.length);
    const sight = Object.assign(new Sight(), { ...packet, bytes, messageAt, messageLength: bytes.length - messageAt });
    Object.assign(sight.headers, headers);
    sight.headers.addresses.set(addresses.map((value, at) => (headers.family === 4 && at % 4 !== 3 ? 0 : value)));
    return sight;
  });

const newRows = (count: number): SightRows =>
  new SightRows({ rows: new SharedArrayBuffer(count * sightWords * 4), messages: new SharedArrayBuffer(count * 512) });

it('a sight comes out of its row as it went in, whatever was read before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(sights, word), { minLength: 1, maxLength: 6 }), (all) => {
      const rows = newRows(all.length);
      for (const [row, [sight, hash]] of all.entries()) rows.write(row, sight, hash);
      const read = new Sight();
      for (const [row, [sight, hash]] of all.entries()) {
        rows.read(row, read);
        const message = ({ bytes, messageAt, messageLength }: Sight): number[] => [
          ...bytes.subarray(messageAt, messageAt + messageLength),
        ];
        expect(message(read)).toEqual(message(sight));
        const { bytes, messageAt } = sight;
        expect(Object.assign(read, { bytes, messageAt })).toEqual(sight);
        expect([rows.hash(row), rows.error(row)]).toEqual([hash, none]);
      }
    }),
  );
});

it('a quoted packet keeps its ends, and the error of it', () => {
  fc.assert(
    fc.property(sights, fc.nat(255), fc.nat(255), ({ headers }, type, code) => {
      const rows = newRows(1);
      rows.writeError(0, headers, type, code);
      const into = new Sight();
      rows.read(0, into);
      const read = into.headers;
      expect(rows.error(0)).toBe(type * 256 + code);
      expect([read.addresses, read.sourcePort, read.destinationPort]).toEqual([
        headers.addresses,
        headers.sourcePort,
        headers.destinationPort,
      ]);
    }),
  );
});
