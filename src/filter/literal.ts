/**
 * Values as filters and packets write them → what is compared. Whatever has an order becomes one or several numbers,
 * the most significant first: an IPv6 address four of 32 bits, a time its seconds and nanoseconds, anything else one.
 * Bytes become text of one character a byte.
 */

import { addressBits, parseAddress, prefixRange } from '../inet/address.ts';
import type { FieldType } from './field-table.ts';

/** Types whose values have an order. */
export type OrderedType = Exclude<FieldType, 'string' | 'bytes' | 'protocol'>;

/** From `low` to `high`, both included. */
export interface Range {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** What a value of a type looks like. */
export const typeExamples: Readonly<Record<OrderedType, string>> = {
  number: 'a number (80, 0x50)',
  boolean: 'true or false (1 or 0)',
  ipv4: 'an IPv4 address (10.0.0.1, 10.0.0.0/8)',
  ipv6: 'an IPv6 address (fd00::1, fd00::/8)',
  mac: 'a MAC address (02:42:0a:58:00:01)',
  time: 'seconds (1.5, up to nine decimals)',
};

const words6 = 4;
const wordBits = 32;
const wordMask = 0xffff_ffffn;

function addressWords(family: 4 | 6, value: bigint): number[] {
  if (family === 4) return [Number(value)];
  const words: number[] = [];
  for (let word = words6 - 1; word >= 0; word--) words.push(Number((value >> BigInt(word * wordBits)) & wordMask));
  return words;
}

/** The numbers of an address; null for what is no address of that family. */
export function readAddress(family: 4 | 6, text: string): number[] | null {
  const found = parseAddress(text);
  return found === null || found.family !== family ? null : addressWords(family, found.value);
}

const macForm = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2})(?:\1[0-9a-f]{2}){4}$/i;

/** The number of a MAC address, 48 bits; NaN for what is none. */
export function readMacNumber(text: string): number {
  return macForm.test(text) ? Number.parseInt(text.replaceAll(/[:-]/g, ''), 16) : Number.NaN;
}

/** Leading zeros are refused: elsewhere they mean octal. */
const numberForm = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?|0x[0-9a-f]+|0b[01]+)$/i;

const booleans: ReadonlyMap<string, number> = new Map([
  ['1', 1],
  ['true', 1],
  ['set', 1],
  ['0', 0],
  ['false', 0],
  ['unset', 0],
]);

const timeForm = /^(?<sign>-?)(?<seconds>\d{1,12})(?:\.(?<fraction>\d{1,9}))?$/;
const nsPerSecond = 1_000_000_000;

/** Seconds and nanoseconds; the latter never negative, so that the order of the pairs is that of the times. */
function readTime(text: string): number[] | null {
  const groups = timeForm.exec(text)?.groups;
  if (groups === undefined) return null;
  const seconds = Number(groups['seconds']);
  const nanoseconds = Number((groups['fraction'] ?? '').padEnd(9, '0'));
  if (groups['sign'] === '') return [seconds, nanoseconds];
  return nanoseconds === 0 ? [0 - seconds, 0] : [-seconds - 1, nsPerSecond - nanoseconds];
}

function readPrefix(family: 4 | 6, text: string): Range | null {
  const [address = '', length, ...rest] = text.split('/');
  if (parseAddress(address)?.family !== family || rest.length > 0) return null;
  if (length !== undefined && !/^\d{1,3}$/.test(length)) return null;
  const range = prefixRange(address, length === undefined ? addressBits[family] : Number(length));
  return range === null ? null : { low: addressWords(family, range.low), high: addressWords(family, range.high) };
}

function readNumber(type: 'number' | 'boolean' | 'mac', text: string): number {
  if (type === 'mac') return readMacNumber(text);
  if (type === 'boolean') return booleans.get(text.toLowerCase()) ?? Number.NaN;
  return numberForm.test(text) ? Number(text) : Number.NaN;
}

/** Reads a value of a type; a prefix is a range of addresses. Null for what is no such value. */
export function readRange(type: OrderedType, text: string): Range | null {
  if (type === 'ipv4') return readPrefix(4, text);
  if (type === 'ipv6') return readPrefix(6, text);
  const value = type === 'time' ? readTime(text) : [readNumber(type, text)];
  return value === null || value.some(Number.isNaN) ? null : { low: value, high: value };
}

/** Negative when `a` comes before `b`, 0 when they are equal. */
export function compareWords(a: readonly number[], b: readonly number[]): number {
  for (const [index, word] of a.entries()) {
    const difference = word - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '0': '\0', '"': '"', '\\': '\\' };

/** Resolves the escapes of quoted text: `\n \r \t \0 \" \\ \xHH`. Null when there is another. */
export function unescapeText(text: string): string | null {
  let known = true;
  const resolved = text.replaceAll(/\\(?:x([0-9a-f]{2})|(.?))/gis, (_all, hex: string | undefined, letter: string) => {
    const character = hex === undefined ? escapes[letter] : String.fromCharCode(Number.parseInt(hex, 16));
    known &&= character !== undefined;
    return character ?? '';
  });
  return known ? resolved : null;
}

const hexForm = /^[0-9a-f]{2}(?:[:.-]?[0-9a-f]{2})*$/i;

/** Bytes written as hex (`61:62`, `6162`), one character a byte; null for what is none. */
export function readHexBytes(text: string): string | null {
  if (!hexForm.test(text)) return null;
  return text.replaceAll(/[:.-]/g, '').replaceAll(/../g, (pair) => String.fromCharCode(Number.parseInt(pair, 16)));
}

/** Bytes at a time, below what a call takes as arguments. */
const chunkLength = 8192;

/** Bytes as text of one character a byte. */
export function bytesText(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += chunkLength) {
    text += String.fromCharCode(...bytes.subarray(at, at + chunkLength));
  }
  return text;
}
