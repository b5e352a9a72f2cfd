import { expect, test } from 'vitest';
import { encodeCase } from '../../src/capfile/case-file.ts';
import { none } from '../../src/flow/connection-row.ts';
import { captureOf, reverse, tcp } from '../flow/frames.ts';
import { indexed } from './columns-agreement.ts';

test('what NAT split is one connection, and the others move up', () => {
  const before = { from: '10.88.0.10:40000', to: '10.0.0.9:80' };
  const after = { from: '192.0.2.1:61000', to: '10.0.0.9:80' };
  const other = { from: '10.88.0.11:40000', to: '10.0.0.9:80' };
  const syn = { flags: 'SYN', sequence: 100, id: 7 } as const;
  const sights = [
    { packet: tcp(before, syn), at: 0 },
    { packet: tcp(after, syn), at: 1 },
    { packet: tcp(other, { flags: 'SYN', sequence: 5 }), at: 0 },
    { packet: tcp(reverse(after), { flags: 'RST ACK', acknowledgement: 101 }), at: 1 },
  ];
  const capture = indexed(Buffer.concat([...encodeCase(captureOf(sights))]));
  const { numbers, index } = capture;
  expect([0, 1, 2, 3].map((row) => numbers.numberOf(capture.idOf(row)))).toEqual([1, 1, 2, 1]);
  expect([numbers.count, index.connections.rows.count]).toEqual([2, 3]);
  expect([0, 1, 2, 3].map((number) => numbers.originalOf(number))).toEqual([none, 0, 2, none]);
  expect(numbers.numberOf(none)).toBe(0);
  expect(numbers.summary(1)).toMatchObject({ outcome: 'refused', translated: { client: { address: '192.0.2.1' } } });
});
