import { expect, test } from 'vitest';
import { describeError } from '../../src/wire/describe.ts';
import type { Dissection } from '../../src/wire/layer.ts';
import { summarize } from '../../src/wire/summary.ts';
import { carried, counted, join, read, shown, udp, values } from './payloads.ts';

const ends = '10.0.0.1:40000 > 10.0.0.2:4433';

function datagram(...parts: (string | Uint8Array)[]): Dissection {
  return read(udp(40_000, 4433, join(...parts)));
}

const ids = join(counted(1, '0102030405060708'), counted(1, 'aabb'));
const initial = join('c3 00000001', ids, '02 beef', '4005 1122334455');
const handshake = join('e3 00000001', ids, '03 112233');

test('an Initial packet', () => {
  const found = datagram(initial);
  expect(found.error).toBeNull();
  const names = [
    'header_form',
    'fixed_bit',
    'version',
    'long.packet_type',
    'dcid',
    'scid',
    'token',
    'token_length',
    'length',
  ];
  expect(values(found, 'quic', names)).toEqual([1, true, 1, 0, '0102030405060708', 'aabb', 'beef', 2, 5]);
  expect(shown(found, 'quic.long.packet_type')).toBe('Initial (0)');
  expect(summarize(found)).toBe(`QUIC Initial version 1 ${ends}`);
});

test.each([
  ['several packets', [initial, handshake], ['quic', 'quic'], 'Initial, Handshake version 1'],
  ['a packet and a short header', [handshake, '40 112233'], ['quic', 'data'], 'Handshake version 1'],
  ['0-RTT', ['d0 00000001', ids, '01 11'], ['quic'], '0-RTT version 1'],
  ['version 2, whose types are others', ['d0 6b3343cf', ids, '00 01 11'], ['quic'], 'Initial version 2'],
  ['a draft', ['c0 ff00001d', ids, '00 01 11'], ['quic'], 'Initial version draft-29'],
  ['Retry', ['f0 00000001', ids, 'beef', '11'.repeat(16)], ['quic'], 'Retry version 1'],
])('%s', (_name, parts, layers, line) => {
  const found = datagram(...parts);
  expect(found.error).toBeNull();
  expect(carried(found)).toEqual(layers);
  expect(summarize(found)).toBe(`QUIC ${line} ${ends}`);
});

test('the token of Retry ends where its tag begins', () => {
  const found = datagram('f0 00000001', ids, 'beef', '11'.repeat(16));
  expect(values(found, 'quic', ['retry_token', 'retry_integrity_tag'])).toEqual(['beef', '11'.repeat(16)]);
});

test('on port 443 other versions are QUIC too', () => {
  const known = (...parts: string[]): Dissection => read(udp(443, 40_000, join(...parts)));
  const negotiation = known('80 00000000 00 00', '00000001 6b3343cf 1a2a3a4a');
  expect(values(negotiation, 'quic', ['supported_version'])).toEqual([[1, 0x6b3343cf, 0x1a2a3a4a]]);
  expect(summarize(negotiation)).toMatch(/^QUIC version negotiation 1, 2, unknown \(0x1a2a3a4a\) /);
  expect(summarize(known('c0 1a2a3a4a 00 00 ff'))).toMatch(/^QUIC long header version unknown \(0x1a2a3a4a\) /);
  expect(carried(known('40 1a2a3a4a 00 00 ff'))).toEqual(['data']);
  expect(carried(known('80 1a2a3a4a 00 00 ff'))).toEqual(['data']);
});

test.each([
  ['a version that nobody knows', 'c0 1a2a3a4a 00 00 ff'],
  ['version negotiation', '80 00000000 00 00 00000001'],
  ['a short header', '40 00000001 00 00 00'],
  ['no fixed bit', '80 00000001 00 00 00 01 11'],
  ['a connection ID of 21 bytes', `c0 00000001 15 ${'00'.repeat(21)} 00 00 01 11`],
  ['connection IDs that do not fit', 'c0 00000001 08 0102'],
])('%s on another port is data', (_name, bytes) => {
  expect(carried(datagram(bytes))).toEqual(['data']);
});

test.each([
  ['a packet that is longer than its datagram', join('e3 00000001', ids, '09 112233'), '27 bytes needed, 21 bytes'],
  ['a token that is', join('c3 00000001', ids, 'bfffffff'), 'bytes needed, 21 bytes'],
])('%s is malformed', (_name, bytes, error) => {
  const found = datagram(bytes);
  expect(found.error && describeError(found.error)).toContain('malformed quic at byte 28: ');
  expect(found.error && describeError(found.error)).toContain(error);
});

test('a capture that was cut is no error', () => {
  const packet = udp(40_000, 4433, join(initial, handshake));
  for (let captured = 0; captured < packet.length; captured++) expect(read(packet, captured).error).toBeNull();
});
