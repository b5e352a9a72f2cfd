import { describe, expect, test } from 'vitest';
import type { Dissection } from '../../src/wire/layer.ts';
import { summarize } from '../../src/wire/summary.ts';
import { application, carried, read, shown, tcp, text, udp, values } from './payloads.ts';

const ends = '10.0.0.1:40000 > 10.0.0.2:8080';

function segment(characters: string, flags?: string): Dissection {
  return read(tcp(40_000, 8080, text(characters), flags));
}

const request = 'GET /ping HTTP/1.1\r\nHost: example.org\r\nUser-Agent:  curl/8 \r\nX-Trace: a: b\r\n\r\n';

test('a request', () => {
  const found = segment(request);
  expect(found.error).toBeNull();
  expect(carried(found)).toEqual(['http']);
  const names = ['request.method', 'request.uri', 'request.version', 'host', 'user_agent', 'request.line'];
  expect(values(found, 'http', names)).toEqual(['GET', '/ping', 'HTTP/1.1', 'example.org', 'curl/8', 'X-Trace: a: b']);
  expect(application(found).length).toBe(request.length);
  expect(summarize(found)).toBe(`HTTP GET /ping host example.org ${ends}`);
});

test('a response and its body', () => {
  const found = segment('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\nETag: x\r\n\r\nno');
  expect(carried(found)).toEqual(['http', 'data']);
  const names = ['response.version', 'response.code', 'response.phrase', 'content_length', 'response.line'];
  expect(values(found, 'http', names)).toEqual(['HTTP/1.1', 502, 'Bad Gateway', 2, 'ETag: x']);
  expect(found.layers.at(-1)?.length).toBe(2);
  expect(summarize(found)).toBe(`HTTP 502 Bad Gateway ${ends}`);
});

test.each([
  ['two requests without bodies', `${request}${request}`, ['http', 'http']],
  [
    'a request with a body that looks like a head',
    `POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n${request}`,
    ['http', 'data'],
  ],
  ['chunks', 'POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', ['http', 'data']],
  ['an interim response and the final one', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', ['http', 'http']],
  ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02hi', ['http', 'data']],
  ['a response without a phrase', 'HTTP/1.1 200\r\n\r\n', ['http']],
  ['lines that end with a line feed alone', 'GET / HTTP/1.0\nHost: a\n\nbody', ['http', 'data']],
  ['a request of HTTP/0.9', 'GET /\r\n', ['http']],
  ['a command of Redis', 'GET key\r\n', ['data']],
  ['a sentence', 'GET ready for lunch\r\n', ['data']],
  ['a method alone', 'GET', ['data']],
  ['a version of its own', 'GET / HTTP/3.0\r\n', ['data']],
  ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', ['data']],
  ['a target that is not printable', 'GET /\x01 HTTP/1.1\r\n', ['data']],
  ['the middle of a head', 'ept: */*\r\nHost: example.org\r\n\r\n', ['data']],
])('%s', (_name, characters, layers) => {
  const found = segment(characters);
  expect(found.error).toBeNull();
  expect(carried(found)).toEqual(layers);
});

describe('a head that goes on in the next segment', () => {
  test.each([
    ['in its target', 'GET /a/long/tar', { 'request.method': 'GET', 'request.uri': null }],
    ['in a header', 'GET / HTTP/1.1\r\nHost: exam', { 'request.uri': '/', host: null }],
    ['in a phrase', 'HTTP/1.1 404 Not Fo', { 'response.code': 404, 'response.phrase': null }],
  ])('%s holds no half values', (_name, characters, expected) => {
    const found = segment(characters);
    expect(found.error).toBeNull();
    expect(values(found, 'http', Object.keys(expected))).toEqual(Object.values(expected));
  });
});

test('a capture that was cut is no error', () => {
  const packet = tcp(40_000, 8080, text(request));
  for (let captured = 0; captured < packet.length; captured++) expect(read(packet, captured).error).toBeNull();
});

test('a length that is none stays text, and values stay raw', () => {
  const found = segment('GET / HTTP/1.1\r\nHost: \x1b[2J\r\nContent-Length: many\r\n\r\n');
  expect(values(found, 'http', ['content_length', 'host'])).toEqual(['many', '\x1b[2J']);
  expect(shown(found, 'http.host')).toBe('\x1b[2J');
  expect(summarize(found)).toBe(`HTTP GET / host \x1b[2J ${ends}`);
});

test('a line about a frame is bounded, and says when the connection ends with it', () => {
  const long = segment(`GET /${'a'.repeat(900)} HTTP/1.1\r\nHost: example.org\r\n\r\n`, '19');
  expect(summarize(long)).toBe(`HTTP GET /${'a'.repeat(119)}… host example.org ${ends} FIN`);
});

test('the number of headers that are read is bounded', () => {
  const found = segment(`GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(2000)}\r\n`);
  expect(application(found).fields.length).toBeLessThan(300);
});

test('SSDP is heads in datagrams', () => {
  const found = read(udp(40_000, 1900, text('M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n')));
  expect(values(found, 'http', ['request.method', 'request.uri', 'host'])).toEqual([
    'M-SEARCH',
    '*',
    '239.255.255.250:1900',
  ]);
});
