import { describe, expect, test } from 'vitest';
import { describeError } from '../../src/wire/describe.ts';
import type { Dissection } from '../../src/wire/layer.ts';
import { summarize } from '../../src/wire/summary.ts';
import { carried, counted, join, number, read, shown, tcp, text, values } from './payloads.ts';

const ends = '10.0.0.1:40000 > 10.0.0.2:8443';

function segment(...parts: (string | Uint8Array)[]): Dissection {
  return read(tcp(40_000, 8443, join(...parts)));
}

function record(type: string, ...content: (string | Uint8Array)[]): Uint8Array {
  return join(type, '0303', counted(2, ...content));
}

function handshake(type: string, ...body: (string | Uint8Array)[]): Uint8Array {
  return join(type, counted(3, ...body));
}

function extension(type: number, ...data: (string | Uint8Array)[]): Uint8Array {
  return join(number(type, 2), counted(2, ...data));
}

const random = '5a'.repeat(32);
const serverName = extension(0, counted(2, '00', counted(2, text('example.org'))));
const protocols = extension(16, counted(2, counted(1, text('h2')), counted(1, text('http/1.1'))));
const offered = [
  serverName,
  protocols,
  extension(43, counted(1, '0304 0303')),
  extension(10, counted(2, '001d 0017')),
  extension(51, counted(2, '001d', counted(2, 'ab'.repeat(32)))),
  extension(13, counted(2, '0403 0804')),
  extension(5, '01 0000 0000'),
  extension(45, counted(1, '01')),
  extension(0x1234, 'abcd'),
];
const suites = counted(2, '1301 c02f 4242');

function clientHello(...extensions: Uint8Array[]): Uint8Array {
  return handshake('01', '0303', random, counted(1, 'aabb'), suites, counted(1, '00'), counted(2, ...extensions));
}

function serverHello(withRandom: string, ...extensions: Uint8Array[]): Uint8Array {
  return handshake('02', '0303', withRandom, counted(1), '1301 00', counted(2, ...extensions));
}

describe('hellos', () => {
  test("a client's", () => {
    const found = segment(record('16', clientHello(...offered)));
    expect(found.error).toBeNull();
    expect(carried(found)).toEqual(['tls']);
    expect(
      values(found, 'tls', ['record.content_type', 'record.version', 'handshake.type', 'handshake.random']),
    ).toEqual([22, 0x303, 1, random]);
    expect(values(found, 'tls.handshake', ['version', 'session_id', 'ciphersuite', 'comp_method'])).toEqual([
      0x303,
      'aabb',
      [0x1301, 0xc02f, 0x4242],
      0,
    ]);
    const names = ['_server_name', '_alpn_str', '.supported_version', '_supported_group', '_key_share_group'];
    expect(
      values(
        found,
        'tls.handshake',
        names.map((name) => `extensions${name}`),
      ),
    ).toEqual(['example.org', ['h2', 'http/1.1'], [0x304, 0x303], [29, 23], 29]);
    expect(
      values(found, 'tls', ['handshake.sig_hash_alg', 'extension.psk_ke_mode', 'handshake.extension.type']),
    ).toEqual([[0x403, 0x804], 1, [0, 16, 43, 10, 51, 13, 5, 45, 0x1234]]);
    expect(shown(found, 'tls.handshake.ciphersuite')).toBe('TLS_AES_128_GCM_SHA256 (4865)');
    expect(summarize(found)).toBe(`TLS ClientHello SNI example.org ALPN h2,http/1.1 ${ends}`);
  });

  test("a server's, of TLS 1.3, and what follows it", () => {
    const hello = serverHello(random, extension(43, '0304'), extension(51, '001d', counted(2, 'cd'.repeat(32))));
    const found = segment(record('16', hello), record('14', '01'), record('17', 'ee'.repeat(40)), record('17', 'ee'));
    expect(found.error).toBeNull();
    expect(values(found, 'tls.handshake', ['extensions.supported_version', 'extensions_key_share_group'])).toEqual([
      772, 29,
    ]);
    expect(summarize(found)).toBe(
      `TLS ServerHello TLS 1.3 TLS_AES_128_GCM_SHA256, ChangeCipherSpec, application data ${ends}`,
    );
  });

  test('a request to try again', () => {
    const retry = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';
    const found = segment(record('16', serverHello(retry, extension(51, '0017'))));
    expect(values(found, 'tls.handshake', ['extensions_key_share_selected_group'])).toEqual([23]);
    expect(summarize(found)).toMatch(/^TLS HelloRetryRequest TLS 1\.2 /);
  });

  test('one in the format of SSL 2.0 is named, if its lengths add up', () => {
    const rest = join('01 0303 0003 0000 0020', '00002f', random);
    const found = segment(number(0x8000 + rest.length, 2), rest);
    expect(carried(found)).toEqual(['tls']);
    expect(summarize(found)).toBe(`TLS ClientHello of SSL 2.0 ${ends}`);
    expect(carried(segment(number(0x8001 + rest.length, 2), rest))).toEqual(['data']);
  });
});

describe('records', () => {
  test.each([
    ['an alert', [record('15', '02 28')], 'alert fatal handshake_failure'],
    ['an alert that nobody knows', [record('15', '02 ff')], 'alert fatal 255'],
    ['an encrypted alert', [record('15', 'ee'.repeat(26))], 'encrypted alert'],
    [
      'several messages in a record',
      [record('16', handshake('0b', '000000'), handshake('0e'))],
      'Certificate, ServerHelloDone',
    ],
    [
      'a message that is encrypted',
      [record('16', handshake('10', 'abcd')), record('14', '01'), record('16', '00'.repeat(40))],
      'ClientKeyExchange, ChangeCipherSpec, encrypted handshake',
    ],
    ['a message that is encrypted, alone', [record('16', '00'.repeat(40))], 'encrypted handshake'],
    ['a heartbeat', [record('18', '01 0003 616263', '00'.repeat(16))], 'heartbeat'],
    ['a message in two records', [record('16', '0b 00000a 000007 0000'), record('16', '04 01020304')], 'Certificate'],
  ])('%s', (_name, records, line) => {
    const found = segment(...records);
    expect(found.error).toBeNull();
    expect(summarize(found)).toBe(`TLS ${line} ${ends}`);
  });

  test('lengths of certificates', () => {
    const certificates = counted(3, counted(3, 'aa'.repeat(5)), counted(3, 'bb'.repeat(7)));
    const found = segment(record('16', handshake('0b', certificates)));
    expect(values(found, 'tls.handshake', ['certificates_length', 'certificate_length'])).toEqual([18, [5, 7]]);
  });

  test('a record that goes on in the next segment is no error, wherever the cut is', () => {
    const hello = record('16', clientHello(...offered));
    for (let length = 6; length < hello.length; length++) {
      const found = segment(hello.subarray(0, length));
      expect(found.error).toBeNull();
      expect(carried(found)).toEqual(['tls']);
    }
    const packet = tcp(40_000, 8443, hello);
    for (let captured = 0; captured < packet.length; captured++) expect(read(packet, captured).error).toBeNull();
  });

  test('what follows the records and is none is data', () => {
    expect(carried(segment(record('15', '02 28'), 'ff'))).toEqual(['tls', 'data']);
  });

  test.each([
    ['an unknown content type', '19 0303 0002 0228'],
    ['another major version', '15 0203 0002 0228'],
    ['a version after the last', '15 0305 0002 0228'],
    ['a record that is too long', '17 0303 4801 00'],
    ['an alert of three bytes', '15 0303 0003 022800'],
    ['no record behind the first', '15 0303 0002 0228 deadbeefdead'],
    ['less than a header', '16 0303 00'],
  ])('%s is no TLS', (_name, bytes) => {
    expect(carried(segment(bytes))).toEqual(['data']);
  });
});

describe('lengths that lead out of their message', () => {
  test.each([
    ['a session', handshake('01', '0303', random, 'ff'), 'tls.handshake.session_id_length is 255, must be at most 0'],
    [
      'cipher suites',
      handshake('01', '0303', random, '00', '0010 1301'),
      'tls.handshake.cipher_suites_length is 16, must be at most 2',
    ],
    [
      'an extension',
      handshake('01', '0303', random, '00', suites, counted(1, '00'), counted(2, '0000 0009 00')),
      'tls.handshake.extension.len is 9, must be at most 1',
    ],
    [
      'a server name',
      clientHello(extension(0, counted(2, '00', '00ff 6161'))),
      'tls.handshake.extensions_server_name_len is 255, must be at most 2',
    ],
  ])('%s', (_name, message, error) => {
    const found = segment(record('16', message));
    expect(found.error && describeError(found.error)).toContain(error);
    expect(values(found, 'tls', ['handshake.type'])).toEqual([1]);
  });
});
