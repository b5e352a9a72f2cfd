import { describe, expect, it } from 'vitest';
import type { ConnectionSummary, SideSummary } from '../../src/flow/summary.ts';
import {
  bytesText,
  columnWidths,
  connectionJson,
  connectionLine,
  connectionWords,
  headingLine,
  momentAfter,
} from '../../src/report/connections.ts';
import { domainName, join } from '../wire/payloads.ts';

const side: SideSummary = {
  packets: 3,
  bytes: 1500,
  payload: 1302,
  retransmissions: 0,
  outOfOrder: 0,
  duplicateAcks: 0,
  zeroWindows: 0,
  keepAlives: 0,
};
const plain: ConnectionSummary = {
  protocol: 'tcp',
  client: { address: '10.88.0.10', port: 40000 },
  server: { address: '10.88.0.1', port: 8080 },
  translated: null,
  firstNs: 1_500_000_000,
  lastNs: 1_750_000_001,
  firstFrame: 4,
  points: 1,
  request: side,
  reply: { ...side, packets: 1, bytes: 66 },
  handshakeNs: 2_000_000,
  openingSeen: true,
  ending: { how: 'fin', by: 'client', stage: 'closing' },
  dns: [],
  outcome: 'ok',
  errno: null,
};

describe('the table', () => {
  it('is as wide as its cells', () => {
    const six = { ...plain, client: { address: 'fd00:88::10', port: 7 }, firstNs: 2e9, lastNs: 2e9 };
    const rows = [
      { number: 9, connection: plain },
      { number: 10, connection: six },
    ];
    const widths = columnWidths(rows, plain.firstNs);
    const lines = [headingLine(widths), ...rows.map((row) => connectionLine(row, plain.firstNs, widths))];
    expect(lines.join('')).toBe(
      [
        ' #  start  duration  protocol  client            server                sent  received  outcome',
        ' 9  0.000  250.0 ms  tcp       10.88.0.10:40000  10.88.0.1:8080  3 / 1.5 kB  1 / 66 B  ok, closed by the client',
        '10  0.500      0 µs  tcp       [fd00:88::10]:7   10.88.0.1:8080  3 / 1.5 kB  1 / 66 B  ok, closed by the client',
        '',
      ].join('\n'),
    );
  });

  it.each<[Partial<ConnectionSummary>, string]>([
    [{ ending: null }, 'ok, still open'],
    [{ ending: { how: 'reset', by: 'client', stage: 'closing' } }, 'ok, reset by the client after a FIN'],
    [
      { outcome: 'refused', errno: 'ECONNREFUSED', ending: { how: 'reset', by: 'server', stage: 'opening' } },
      'refused by the server',
    ],
    [{ outcome: 'refused', errno: 'ECONNREFUSED', ending: null }, 'refused (ECONNREFUSED)'],
    [{ outcome: 'unreachable', errno: 'EHOSTUNREACH', ending: null }, 'unreachable (EHOSTUNREACH)'],
    [{ outcome: 'timeout', ending: null }, 'no answer'],
    [{ outcome: 'reset', ending: { how: 'reset', by: 'server', stage: 'open' } }, 'reset by the server'],
    [{ outcome: 'closed' }, 'closed by the server without an answer'],
    [{ outcome: 'unknown', ending: null, openingSeen: false }, 'unclear, began before the capture'],
    [{ protocol: 'udp', ending: null, openingSeen: false }, 'answered'],
    [
      {
        request: { ...side, retransmissions: 1, keepAlives: 2 },
        reply: { ...side, retransmissions: 2, outOfOrder: 1 },
      },
      'ok, closed by the client, 3 retransmissions, 1 segment out of order, 2 keep-alives',
    ],
    [
      { translated: { client: { address: '192.0.2.1', port: 6 }, server: { address: '10.0.0.2', port: 7 } } },
      'ok, closed by the client, translated to 192.0.2.1:6 > 10.0.0.2:7',
    ],
  ])('%j: %s', (change, words) => {
    expect(connectionWords({ ...plain, ...change })).toBe(words);
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [99_949, '99.9 kB'],
    [123_456, '123 kB'],
    [999_600, '1.0 MB'],
    [1_795_508_839, '1.8 GB'],
  ])('%i bytes: %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });
});

describe('JSON', () => {
  it('has every field, times to the nanosecond', () => {
    const text = connectionJson(plain, 2, 1_700_000_000);
    expect(text.endsWith('\n')).toBe(true);
    expect(JSON.parse(text)).toEqual({
      number: 2,
      protocol: 'tcp',
      source: { address: '10.88.0.10', port: 40000 },
      destination: { address: '10.88.0.1', port: 8080 },
      translated: null,
      start: '1700000001.500000000',
      duration: '0.250000001',
      outcome: 'ok',
      errno: null,
      ending: { how: 'fin', by: 'client', stage: 'closing' },
      beganBeforeCapture: false,
      handshake: '0.002000000',
      sent: side,
      received: { ...side, packets: 1, bytes: 66 },
      capturePoints: 1,
      firstFrame: 4,
    });
  });

  it('an echo has an identifier and no ports', () => {
    const client = { address: '10.0.0.1', port: 77 };
    const document: unknown = JSON.parse(connectionJson({ ...plain, protocol: 'icmp', client }, 1, 0));
    expect(document).toMatchObject({ identifier: 77, source: { port: null }, destination: { port: null } });
  });

  it('tells what a resolver was asked', () => {
    const question = join('0001 0100 0001 0000 0000 0000', domainName('www.example.org'), '0001 0001');
    const exchange = { question, answer: null, rcode: null, asked: 2, responseNs: null };
    const refused = { question, answer: null, rcode: 5, asked: 1, responseNs: 1_500_000 };
    const document: unknown = JSON.parse(connectionJson({ ...plain, protocol: 'udp', dns: [exchange, refused] }, 1, 0));
    const [name, type] = ['www.example.org', 'A'];
    expect(document).toMatchObject({
      dns: [
        { name, type, rcode: null, answers: [], responseTime: null, asked: 2 },
        { name, type, rcode: 'REFUSED', answers: [], responseTime: '0.001500000', asked: 1 },
      ],
    });
  });

  it('a moment before the second counts back from it', () => {
    expect(momentAfter(10, -1)).toEqual({ seconds: 9, nanoseconds: 999_999_999 });
  });
});
