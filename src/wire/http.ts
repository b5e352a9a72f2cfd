/** The heads of Hypertext Transfer Protocol version 1: RFC 9112; methods RFC 9110, RFC 4918 (WebDAV), and UPnP's. */

import { readText } from './bytes.ts';
import { type Decoded, type Decoder, Header } from './decoder.ts';
import { fieldValue } from './fields.ts';
import type { Layer } from './layer.ts';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const blank = 0x20;
const tab = 0x09;
const colon = 0x3a;
const slash = 0x2f;
const tilde = 0x7e;

const methods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'CONNECT',
  'OPTIONS',
  'TRACE',
  'PATCH',
  'PROPFIND',
  'PROPPATCH',
  'MKCOL',
  'COPY',
  'MOVE',
  'LOCK',
  'UNLOCK',
  'REPORT',
  'SEARCH',
  'M-SEARCH',
  'NOTIFY',
]);
const longestMethod = Math.max(...[...methods].map((method) => method.length));

const versionStart = 'HTTP/1.';
const versionLength = versionStart.length + 1;
const version = /^HTTP\/1\.\d$/;
const statusCode = /^\d{3}$/;
/** Within a status line. */
const statusLine = { code: 9, phrase: 13 };
const codeLength = 3;

/** Servers refuse heads of this size and more, and of so many headers; what is beyond is left out. */
const longestHead = 65_535;
const mostHeaders = 256;

/** Headers with a field of their own, `http.` and the name with underscores; all others are whole lines. */
const knownHeaders: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'authorization',
  'cache-control',
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'cookie',
  'date',
  'host',
  'last-modified',
  'location',
  'proxy-authenticate',
  'proxy-authorization',
  'referer',
  'sec-websocket-accept',
  'sec-websocket-extensions',
  'sec-websocket-key',
  'sec-websocket-protocol',
  'sec-websocket-version',
  'server',
  'set-cookie',
  'transfer-encoding',
  'upgrade',
  'user-agent',
  'www-authenticate',
  'x-forwarded-for',
]);

const contentLength = 'content-length';
/** Any more digits are no length, and no longer exact as a number. */
const lengthValue = /^\d{1,15}$/;

interface Line {
  readonly start: number;
  /** Without the line end; RFC 9112 section 2.2 lets a line feed alone end a line. */
  readonly end: number;
  /** Where the next line starts; null when the line is not here as a whole. */
  readonly next: number | null;
}

function readLine(bytes: Uint8Array, start: number, end: number): Line {
  const feed = bytes.subarray(0, end).indexOf(lineFeed, start);
  if (feed < 0) return { start, end, next: null };
  const hasReturn = feed > start && bytes[feed - 1] === carriageReturn;
  return { start, end: hasReturn ? feed - 1 : feed, next: feed + 1 };
}

/** The place of a byte from `start` up to `end`, or `end`. */
function find(bytes: Uint8Array, byte: number, start: number, end: number): number {
  const found = bytes.subarray(start, end).indexOf(byte);
  return found < 0 ? end : start + found;
}

/** What the first line says about the bytes behind the head. */
interface Start {
  readonly kind: 'request' | 'response';
  /** True when no body can follow, whatever the headers say (RFC 9112 section 6.3). */
  readonly bodiless: boolean;
}

const switchingProtocols = '101';
const bodilessCode = /^(1\d\d|204|304)$/;

function addResponse(header: Header, origin: number, line: Line): Start {
  const place = line.start - origin;
  header.text('http.response.version', 'Version', place, versionLength);
  const code = header.peekText(place + statusLine.code, codeLength);
  if (statusCode.test(code)) {
    header.add('http.response.code', 'Status', place + statusLine.code, codeLength, Number(code));
    const phrase = place + statusLine.phrase;
    const length = line.end - origin - phrase;
    if (length > 0 && line.next !== null) header.text('http.response.phrase', 'Reason', phrase, length);
  }
  return { kind: 'response', bodiless: code !== switchingProtocols && bodilessCode.test(code) };
}

/** Adds what is sure: of a line that goes on in another segment the method alone, since its target may be cut. */
function addRequest(header: Header, bytes: Uint8Array, origin: number, line: Line): Start {
  const methodEnd = find(bytes, blank, line.start, line.end);
  header.text('http.request.method', 'Method', line.start - origin, methodEnd - line.start);
  const target = methodEnd + 1;
  if (line.next !== null) {
    const versionAt = Math.max(target, line.end - versionLength);
    const hasVersion = version.test(readText(bytes, versionAt, line.end));
    const targetEnd = hasVersion ? Math.max(target, versionAt - 1) : line.end;
    header.text('http.request.uri', 'Target', target - origin, targetEnd - target);
    if (hasVersion) header.text('http.request.version', 'Version', versionAt - origin, versionLength);
  }
  return { kind: 'request', bodiless: false };
}

function isBlank(byte: number | undefined): boolean {
  return byte === blank || byte === tab;
}

/** Adds a header field; gives its name in lower case, and its value where the name is known. */
function addHeaderLine(
  header: Header,
  bytes: Uint8Array,
  origin: number,
  line: Line,
  kind: Start['kind'],
): { name: string; value: string } {
  const nameEnd = find(bytes, colon, line.start, line.end);
  const name = readText(bytes, line.start, nameEnd);
  const known = name.toLowerCase();
  let from = Math.min(nameEnd + 1, line.end);
  let to = line.end;
  while (from < to && isBlank(bytes[from])) from += 1;
  while (to > from && isBlank(bytes[to - 1])) to -= 1;
  if (!knownHeaders.has(known)) {
    const field = kind === 'request' ? 'http.request.line' : 'http.response.line';
    header.text(field, 'Header', line.start - origin, line.end - line.start);
    return { name: known, value: '' };
  }
  const field = `http.${known.replaceAll('-', '_')}`;
  const value = readText(bytes, from, to);
  if (known === contentLength && lengthValue.test(value)) {
    header.add(field, name, from - origin, to - from, Number(value));
  } else header.add(field, name, from - origin, to - from, value);
  return { name: known, value };
}

/**
 * Decodes a request's or a response's head, as far as the segment holds it: a line that goes on in the next one is left
 * out. What follows is another head where this message has no body, and data else.
 */
export const decodeHttp: Decoder = (bytes, offset, end, context): Decoded => {
  const header = new Header('http', 'Hypertext Transfer Protocol', bytes, offset, end);
  const limit = Math.min(end, bytes.length, offset + longestHead);
  const first = readLine(bytes, offset, limit);
  const isResponse = header.peekText(0, versionStart.length) === versionStart;
  const { kind, bodiless } = isResponse ? addResponse(header, offset, first) : addRequest(header, bytes, offset, first);
  let body = kind === 'response' && !bodiless;
  let place = first.next;
  for (let count = 0; place !== null && count < mostHeaders; count++) {
    const line = readLine(bytes, place, limit);
    if (line.next === null) break;
    if (line.end === line.start) {
      const layer = header.layer(line.next - offset);
      const next = !body && isHttp(bytes, line.next, end) ? 'http' : 'data';
      return { layer, payload: { ...context, protocol: next, offset: line.next, end }, error: null };
    }
    const { name, value } = addHeaderLine(header, bytes, offset, line, kind);
    if (!bodiless && name === 'transfer-encoding') body = true;
    if (!bodiless && name === contentLength) body = value !== '0';
    place = line.next;
  }
  return { layer: header.layer(limit - offset), payload: null, error: null };
};

function isPrintable(bytes: Uint8Array, start: number, end: number): boolean {
  for (const byte of bytes.subarray(start, end)) if (byte <= blank || byte > tilde) return false;
  return true;
}

/**
 * True for a payload that begins with a method, a target and a version, or with `HTTP/1.` and its digit. Health checks
 * still send requests of HTTP/0.9, `GET /` and a line end; Redis takes `GET key`.
 */
export function isHttp(bytes: Uint8Array, start: number, end: number): boolean {
  const limit = Math.min(end, bytes.length, start + longestHead);
  if (version.test(readText(bytes, start, Math.min(limit, start + versionLength)))) return true;
  const methodEnd = find(bytes, blank, start, Math.min(limit, start + longestMethod + 1));
  const method = readText(bytes, start, methodEnd);
  const target = methodEnd + 1;
  if (!methods.has(method) || target >= limit) return false;
  const line = readLine(bytes, start, limit);
  const targetEnd = find(bytes, blank, target, line.end);
  if (targetEnd === target || !isPrintable(bytes, target, targetEnd)) return false;
  if (line.next === null) return true;
  if (targetEnd === line.end) return method === 'GET' && bytes[target] === slash;
  return version.test(readText(bytes, targetEnd + 1, line.end));
}

/** UTF-16 units of a target in a line about it, so that the host behind it is seen. */
const longestShown = 120;

function headText(layer: Layer): string {
  const target = String(fieldValue(layer, 'http.request.uri') ?? '');
  const host = fieldValue(layer, 'http.host');
  const words = [
    fieldValue(layer, 'http.request.method'),
    target.length > longestShown ? `${target.slice(0, longestShown)}…` : target,
    fieldValue(layer, 'http.response.code'),
    fieldValue(layer, 'http.response.phrase'),
    host === null ? null : `host ${host}`,
  ];
  return words.filter((word) => word !== null && word !== '').join(' ');
}

/** One line about the heads of a segment: `HTTP GET /ping host example.org`, `HTTP 502 Bad Gateway`. Texts are raw. */
export function httpSummary(layers: readonly Layer[]): string {
  return `HTTP ${layers.map(headText).join(', ')}`;
}
