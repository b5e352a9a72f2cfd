/** Which decoder gets a payload, and what every one of them owes to any bytes. */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeText } from '../../src/report/escape.ts';
import { describeError } from '../../src/wire/describe.ts';
import type { Dissection } from '../../src/wire/layer.ts';
import { summarize } from '../../src/wire/summary.ts';
import { carried, counted, domainName, join, read, shown, tcp, text, udp } from './payloads.ts';

const query = join('1a2b 0100 0001 0000 0000 0000', domainName('www.example.org'), '0001 0001');
const initial = join('c3 00000001', counted(1, '0102030405060708'), '00 00 03 112233');
const alert = '15 0303 0002 0228';
const get = text('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
const discover = join('01 06 06 00', '00'.repeat(232), '63825363 35 01 01 0c 03 626f78 ff');
const solicit = join('01 9a0006', '0003 000c 00000001 00000000 00000000', '0001 000a 0003 0001 02420a580005');
const time = join('23 00 06 e9', '00'.repeat(44));
const hello = join(
  '16 0301',
  counted(
    2,
    '01',
    counted(3, '0303', '5a'.repeat(32), '00 0002 1301 01 00', counted(2, '0000', counted(2, '0004 00 0001 61'))),
  ),
);

describe('a payload goes to the decoder', () => {
  test.each([
    ['of its destination port', udp(40_000, 53, query), 'dns'],
    ['of its source port', udp(53, 40_000, query), 'dns'],
    ['of its destination port first', udp(53, 5353, query), 'mdns'],
    ['that its content calls for, on any port', tcp(40_000, 9999, get), 'http'],
    ['that its content calls for, where the port is for another', tcp(40_000, 53, join(alert)), 'tls'],
    ['that a port and its content allow', udp(40_000, 443, initial), 'quic'],
    ['of data where the content is not what the port says', udp(40_000, 67, text('hello')), 'data'],
    ['of data where it is too short for any message', udp(40_000, 53, text('q\n')), 'data'],
    ['of data where nobody knows it', tcp(40_000, 9999, text('SSH-2.0-OpenSSH')), 'data'],
    ['of data where DNS stands on a port of nobody', udp(40_000, 9999, query), 'data'],
  ])('%s', (_name, packet, protocol) => {
    expect(carried(read(packet))).toEqual([protocol]);
  });

  test('no payload has no layer', () => {
    expect(carried(read(tcp(40_000, 80, new Uint8Array(0))))).toEqual([]);
  });

  test('neither a later fragment nor a quoted packet is tried', () => {
    const fragment = udp(40_000, 53, query);
    fragment.set([0x00, 0x01], 6);
    expect(read(fragment).layers.map(({ protocol }) => protocol)).toEqual(['ip', 'data']);
    const quoted = udp(40_000, 53, query);
    const error = join(quoted.subarray(0, 20), '0303 0000 00000000', quoted);
    error.set([0x01], 9);
    error.set([0, error.length], 2);
    expect(read(error).layers.map(({ protocol }) => protocol)).toEqual(['ip', 'icmp', 'ip', 'udp', 'data']);
  });
});

test('ports have names, for people', () => {
  const packet = read(tcp(5432, 40_000, new Uint8Array(0)));
  const port = packet.layers[1]?.fields.find(({ name }) => name === 'tcp.srcport');
  expect([port?.value, port?.text]).toEqual([5432, '5432 (PostgreSQL)']);
});

test('text of the packet stands in a line raw, and escaping makes the line safe', () => {
  const packet = read(
    udp(40_000, 53, join('1a2b 0100 0001 0000 0000 0000', counted(1, text('\x1b[2J\n')), '00 0001 0001')),
  );
  expect(shown(packet, 'dns.qry.name')).toBe('\x1b[2J\n');
  expect(escapeText(summarize(packet))).toBe('DNS query 0x1a2b A \\x1b[2J\\x0a 10.0.0.1:40000 > 10.0.0.2:53');
});

type Carrier = (payload: Uint8Array) => Uint8Array;

const carriers: readonly (readonly [Carrier, Uint8Array])[] = [
  [(payload) => udp(40_000, 53, payload), query],
  [
    (payload) => udp(53, 40_000, payload),
    join(
      '1a2b 8180 0001 0001 0000 0001',
      domainName('a'),
      '00ff 0001 c00c 0041 0001 00000000 000b 0001 c00c 0001 0003 026832 00 0029 1000 00000000 0000',
    ),
  ],
  [(payload) => udp(5353, 5353, payload), query],
  [(payload) => tcp(40_000, 53, payload), counted(2, query)],
  [(payload) => udp(68, 67, payload), discover],
  [(payload) => udp(546, 547, payload), solicit],
  [(payload) => udp(123, 123, payload), time],
  [(payload) => udp(40_000, 443, payload), initial],
  [(payload) => tcp(40_000, 8443, payload), join(hello, alert)],
  [(payload) => tcp(40_000, 8080, payload), get],
];

function expectSound(dissection: Dissection, captured: number): void {
  for (const layer of dissection.layers) {
    expect(layer.offset + layer.length).toBeLessThanOrEqual(captured);
    for (const field of layer.fields) {
      expect(field.offset).toBeGreaterThanOrEqual(layer.offset);
      expect(field.offset + field.length).toBeLessThanOrEqual(layer.offset + layer.length);
    }
  }
  expect(summarize(dissection)).not.toBe('');
  if (dissection.error !== null) expect(describeError(dissection.error)).toMatch(/^malformed \w+ at byte \d+: /);
}

describe('any bytes', () => {
  const carrier = fc.constantFrom(...carriers);

  test('never throw, and fields lie within their layer', () => {
    fc.assert(
      fc.property(carrier, fc.uint8Array({ maxLength: 300 }), ([carry], payload) => {
        const packet = carry(payload);
        expectSound(read(packet), packet.length);
      }),
    );
  });

  test('nor do messages with a few bytes changed, cut anywhere', () => {
    const change = fc.record({ at: fc.nat(250), value: fc.nat(255) });
    fc.assert(
      fc.property(carrier, fc.array(change, { maxLength: 6 }), fc.nat(), ([carry, message], changes, cut) => {
        const payload = message.slice();
        for (const { at, value } of changes) if (at < payload.length) payload[at] = value;
        const packet = carry(payload);
        expectSound(read(packet), packet.length);
        const captured = cut % packet.length;
        expectSound(read(packet, captured), captured);
      }),
      { numRuns: 1000 },
    );
  });

  test('a message that is whole and well is decoded to its end', () => {
    for (const [carry, message] of carriers) {
      const found = read(carry(message));
      expect(found.error).toBeNull();
      expect(carried(found)).not.toContain('data');
    }
  });

  test('random payloads are hardly ever taken for what their content is not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 60 }), (payload) => {
        expect(carried(read(tcp(40_000, 9999, payload)))).toEqual(['data']);
        expect(carried(read(udp(40_000, 9999, payload)))).toEqual(['data']);
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});

describe('work is bounded', () => {
  const most = 65_000;
  test.each([
    [
      'records of nothing',
      udp(53, 40_000, join('1a2b 8000 0000 ffff 0000 0000', '00 0063 0001 00000000 0000'.repeat(5000))),
    ],
    ['application data of one byte', tcp(443, 40_000, join('17 0303 0001 00'.repeat(9000)))],
    [
      'cipher suites',
      tcp(40_000, 443, join('16 0303 4000 01 00ffff 0303', '00'.repeat(33), 'fffe', '1301'.repeat(30_000))),
    ],
    ['versions of QUIC', udp(443, 40_000, join('80 00000000 00 00', '00000001'.repeat(15_000)))],
    ['packets of QUIC', udp(443, 40_000, join('e3 00000001 00 00 00'.repeat(8000)))],
    ['heads', tcp(40_000, 80, text('GET / HTTP/1.1\r\n\r\n'.repeat(3000)))],
  ])('%s', (_name, packet) => {
    expect(packet.length).toBeLessThan(most);
    const { layers } = read(packet);
    expect(layers.length).toBeLessThan(70);
    expect(layers.reduce((sum, { fields }) => sum + fields.length, 0)).toBeLessThan(6000);
  });
});
