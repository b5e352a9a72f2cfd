import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ConnectionSummary, SideSummary } from '../../src/flow/summary.ts';
import { reverse, type Segment, type Sight, tcp, udp } from './frames.ts';
import { summariesOf, tableOf } from './tables.ts';

const ends = { from: '10.88.0.10:40000', to: '10.88.0.1:8080' };
let identification = 1;

/** Segments of a connection whose client's numbers start at 100, its server's at 900; each is a packet of its own. */
function client(segment: Segment): string {
  identification += 1;
  return tcp(ends, { id: identification, ...segment });
}
function server(segment: Segment): string {
  identification += 1;
  return tcp(reverse(ends), { id: identification, ...segment });
}
const syn = client({ flags: 'SYN', sequence: 100 });
const synAck = server({ flags: 'SYN ACK', sequence: 900, acknowledgement: 101 });
const ack = client({ flags: 'ACK', sequence: 101, acknowledgement: 901 });
const opened = [syn, synAck, ack];
/** The n-th hundred bytes of the server, from 0. */
const data = (n: number): string =>
  server({ flags: 'ACK', sequence: 901 + 100 * n, acknowledgement: 101, length: 100 });
const acknowledges = (n: number, window?: number): string =>
  client({ flags: 'ACK', sequence: 101, acknowledgement: 901 + 100 * n, ...(window === undefined ? {} : { window }) });

/** The figures of a side that are not 0, its packets and bytes aside. */
function noticed({ retransmissions, outOfOrder, duplicateAcks, zeroWindows, keepAlives }: SideSummary): string {
  const figures = { retransmissions, outOfOrder, duplicateAcks, zeroWindows, keepAlives };
  return Object.entries(figures)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function only(sights: readonly (Sight | string)[]): ConnectionSummary {
  const found = summariesOf(sights);
  expect(found).toHaveLength(1);
  const [one] = found;
  if (one === undefined) throw new Error('there is no connection');
  return one;
}

describe('what a segment is, at one capture point', () => {
  it.each<[string, readonly (Sight | string)[], string, string]>([
    ['a clean exchange', [data(0), acknowledges(1), data(1), acknowledges(2)], '', ''],
    ['bytes a second time', [data(0), data(0)], '', 'retransmissions 1'],
    ['the very packet a second time', [data(0)].flatMap((one) => [one, one]), '', ''],
    ['a gap filled within a round trip', [data(1), data(0)], '', 'outOfOrder 1'],
    ['a gap filled later than that', [data(1), { packet: data(0), afterNs: 50_000_000n }], '', 'retransmissions 1'],
    [
      'that packet again after a pause',
      [data(0)].flatMap((packet) => [packet, { packet, afterNs: 900_000_000n }]),
      '',
      'retransmissions 1',
    ],
    ['bytes that overlap', [data(0), server({ flags: 'ACK', sequence: 951, length: 100 })], '', 'retransmissions 1'],
    [
      'acknowledgements that repeat while bytes are outstanding',
      [data(0), data(1), acknowledges(0), acknowledges(0), acknowledges(0)],
      'duplicateAcks 3',
      '',
    ],
    ['acknowledgements that repeat with nothing outstanding', [data(0), acknowledges(1), acknowledges(1)], '', ''],
    ['a window that changes', [data(0), acknowledges(0, 100), acknowledges(0, 200)], '', ''],
    ['a window of 0', [data(0), acknowledges(1, 0)], 'zeroWindows 1', ''],
    [
      'a keep-alive and its answer',
      [data(0), acknowledges(1), server({ flags: 'ACK', sequence: 1000, acknowledgement: 101 }), acknowledges(1)],
      '',
      'keepAlives 1',
    ],
    ['a SYN-ACK a second time', [server({ flags: 'SYN ACK', sequence: 900 })], '', 'retransmissions 1'],
  ])('%s', (_name, sights, request, reply) => {
    const found = only([...opened, ...sights]);
    expect([noticed(found.request), noticed(found.reply)]).toEqual([request, reply]);
  });

  it('numbers go over 2^32', () => {
    const start = 0xffffffd0;
    const piece = (at: number): string =>
      server({ flags: 'ACK', sequence: (start + at) % 2 ** 32, acknowledgement: 101, length: 40 });
    expect(noticed(only([piece(0), piece(40), piece(80), piece(40)]).reply)).toBe('');
    expect(noticed(only([piece(0), piece(40), piece(80), piece(40)]).request)).toBe('retransmissions 1');
  });

  it('a packet that two points saw is not sent again', () => {
    const packets = [...opened, data(0), acknowledges(1)];
    const found = only(
      packets.flatMap((packet) => [
        { at: 0, packet },
        { at: 1, packet },
        { at: 2, packet },
      ]),
    );
    expect([noticed(found.request), noticed(found.reply), found.points]).toEqual(['', '', 3]);
    expect([found.request.packets, found.reply.packets, found.reply.payload]).toEqual([3, 2, 100]);
  });

  it('a loss shows at the point before it alone', () => {
    const [lost, again] = [data(0), data(0)];
    const sights = [
      ...opened.flatMap((packet) => [
        { at: 0, packet },
        { at: 1, packet },
      ]),
      { at: 0, packet: lost },
      { at: 0, packet: again },
      { at: 1, packet: again },
    ];
    expect(noticed(only(sights).reply)).toBe('retransmissions 1');
  });
});

describe('opening and ending', () => {
  it('the handshake takes from the SYN to the acknowledgement', () => {
    expect(only(opened).handshakeNs).toBe(2_000_000);
  });

  it('a repeated SYN leaves that time unknown', () => {
    expect(only([syn, client({ flags: 'SYN', sequence: 100 }), synAck, ack])).toMatchObject({
      handshakeNs: null,
      request: { retransmissions: 1 },
    });
  });

  const finish = {
    client: client({ flags: 'FIN ACK', sequence: 101 }),
    server: server({ flags: 'FIN ACK', sequence: 901 }),
  };
  const abort = { client: client({ flags: 'RST', sequence: 101 }), server: server({ flags: 'RST', sequence: 901 }) };
  it.each<[string, readonly string[], ConnectionSummary['ending']]>([
    ['open', opened, null],
    ['FIN of the client', [...opened, finish.client, finish.server], { how: 'fin', by: 'client', stage: 'closing' }],
    ['FIN of the server', [...opened, finish.server, finish.client], { how: 'fin', by: 'server', stage: 'closing' }],
    ['RST in place of an answer', [syn, abort.server], { how: 'reset', by: 'server', stage: 'opening' }],
    ['RST of an open one', [...opened, abort.client], { how: 'reset', by: 'client', stage: 'open' }],
    ['RST after a FIN', [...opened, finish.server, abort.client], { how: 'reset', by: 'client', stage: 'closing' }],
    [
      'RST after both FINs tidies up',
      [...opened, finish.server, finish.client, abort.server],
      { how: 'fin', by: 'server', stage: 'closing' },
    ],
    [
      'RST of one that began before the capture',
      [data(0), abort.server],
      { how: 'reset', by: 'client', stage: 'open' },
    ],
  ])('%s', (_name, packets, ending) => {
    expect(only(packets).ending).toEqual(ending);
  });

  it('a SYN-ACK names its receiver the client, and counts as the opening', () => {
    expect(only([synAck])).toMatchObject({ client: { address: '10.88.0.10' }, openingSeen: true });
  });

  it('a connection whose opening was not captured says so, and its silence proves nothing', () => {
    expect(only([data(0)])).toMatchObject({ openingSeen: false, outcome: 'unknown' });
  });

  it('a SYN long after a connection without one begins another', () => {
    const late = { packet: syn, afterNs: 5_000_000_000n };
    expect(summariesOf([data(0), late]).map(({ openingSeen }) => openingSeen)).toEqual([false, true]);
  });
});

describe('NAT', () => {
  const outside = { from: '192.0.2.1:61000', to: '10.88.0.1:8080' };
  const inner = tcp(ends, { flags: 'SYN', sequence: 100, id: 77 });
  const outer = tcp(outside, { flags: 'SYN', sequence: 100, id: 77 });
  const answer = (to: typeof ends): string => tcp(reverse(to), { flags: 'RST ACK', acknowledgement: 101 });

  it('the same SYN from other ends is one connection, answered through both', () => {
    const found = only([
      { at: 0, packet: inner },
      { at: 1, packet: outer },
      { at: 1, packet: answer(outside) },
      { at: 0, packet: answer(ends) },
    ]);
    expect(found).toMatchObject({
      client: { address: '10.88.0.10', port: 40000 },
      translated: { client: { address: '192.0.2.1', port: 61000 }, server: { address: '10.88.0.1', port: 8080 } },
      outcome: 'refused',
      points: 2,
    });
  });

  it.each<[string, Sight]>([
    ['another identification', { at: 1, packet: tcp(outside, { flags: 'SYN', sequence: 100, id: 78 }) }],
    ['another number', { at: 1, packet: tcp(outside, { flags: 'SYN', sequence: 101, id: 77 }) }],
    ['seconds later', { at: 1, packet: outer, afterNs: 3_000_000_000n }],
  ])('%s is another connection', (_name, sight) => {
    expect(summariesOf([inner, sight])).toHaveLength(2);
  });

  const [web, asked, gateway] = ['10.88.0.20:80', '203.0.113.2:8080', '10.88.0.1:40000'];
  it.each([
    ['its destination, then its source', { from: ends.from, to: web }],
    ['its source, then its destination', { from: gateway, to: asked }],
  ])('a SYN that is seen between NAT of %s is one connection', (_name, between) => {
    const sights = [{ from: ends.from, to: asked }, between, { from: gateway, to: web }];
    const packets = sights.map((way, at) => ({ at, packet: tcp(way, { flags: 'SYN', sequence: 100, id: 77 }) }));
    const answers = sights.map((way, at) => ({
      at,
      packet: tcp(reverse(way), { flags: 'RST ACK', acknowledgement: 101 }),
    }));
    expect(only([...packets, ...answers.toReversed()])).toMatchObject({
      client: { address: '10.88.0.10', port: 40000 },
      server: { address: '203.0.113.2', port: 8080 },
      translated: { client: { address: '10.88.0.1', port: 40000 }, server: { address: '10.88.0.20', port: 80 } },
      outcome: 'refused',
      points: 3,
    });
  });

  it.each([
    ['from other addresses', '192.0.2.2:5 > 10.88.0.1:80', '192.0.2.9:5 > 10.88.0.1:80'],
    ['to other ports', '192.0.2.1:5 > 10.88.0.1:81', '192.0.2.1:5 > 10.88.0.1:82'],
    ['with no end in common', '192.0.2.1:5 > 10.88.0.1:81', '192.0.2.9:5 > 10.88.0.9:80'],
  ])('three that fit together stay apart: %s', (_name, ...others) => {
    const sights = ['192.0.2.1:5 > 10.88.0.1:80', ...others].map((way) => {
      const [from = '', to = ''] = way.split(' > ');
      return tcp({ from, to }, { flags: 'SYN', sequence: 100, id: 77 });
    });
    expect(summariesOf(sights)).toHaveLength(3);
  });
});

describe('the table', () => {
  it('later fragments belong to the connection of their first one', () => {
    const whole = udp({ from: '10.0.0.1:5', to: '10.0.0.2:6' }, 40, 9);
    const first = `${whole.slice(0, 12)}2000${whole.slice(16)}`;
    const later = `${whole.slice(0, 12)}0006${whole.slice(16)}`;
    const stranger = `${whole.slice(0, 8)}000a0006${whole.slice(16)}`;
    expect(only([first, later, stranger]).request.packets).toBe(2);
  });

  it('keeps every pair of ends apart, in the order in which they began', () => {
    const ports = Array.from({ length: 20_000 }, (_, index) => 1 + index * 3);
    const table = tableOf(ports.map((port) => udp({ from: `10.0.0.1:${port}`, to: '10.0.0.2:53' }, 1)));
    expect([table.rows.count, table.untracked]).toEqual([20_000, 0]);
  });

  it('says the same whatever its seed and whichever end is named first', () => {
    const end = fc.record({ host: fc.nat(3), port: fc.nat(3) });
    fc.assert(
      fc.property(fc.array(fc.tuple(end, end), { maxLength: 40 }), (pairs) => {
        const name = ({ host, port }: { host: number; port: number }): string => `10.0.0.${host}:${port}`;
        const distinct = new Set(pairs.map(([a, b]) => [name(a), name(b)].toSorted().join(' ')));
        const table = tableOf(pairs.map(([a, b]) => udp({ from: name(a), to: name(b) })));
        expect(table.rows.count).toBe(distinct.size);
      }),
    );
  });
});
