/** Samples, damaged in the ways that break parsers. */

import type { Random } from './random.ts';

/** Most inputs are short, so that many are tried; one in so many is as long as its sample. */
const wholeOneIn = 16;
const shortest = 64;
const doublings = 8;
const mostChanges = 8;

/** Numbers at which lengths and counts overflow, end or mean something else. */
const edges = [0, 1, 2, 3, 4, 7, 8, 15, 16, 20, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000];
const wideEdges = [0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffc, 0x0a0d0d0a, 0x80006e74, 16 * 1024 * 1024];

type Change = (bytes: Uint8Array, random: Random, samples: readonly Uint8Array[]) => Uint8Array;

function place(bytes: Uint8Array, random: Random, length: number): number | null {
  return bytes.length < length ? null : random.below(bytes.length - length + 1);
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const result = new Uint8Array(bytes.length - removed + added.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(at + removed), at + added.length);
  return result;
}

const changes: readonly Change[] = [
  function flipBit(bytes, random) {
    const at = place(bytes, random, 1);
    if (at !== null) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    return bytes;
  },
  function setByte(bytes, random) {
    const at = place(bytes, random, 1);
    if (at !== null) bytes[at] = random.below(2) === 0 ? random.below(256) : random.of(edges);
    return bytes;
  },
  function setNumber(bytes, random) {
    const length = random.of([2, 4]);
    const at = place(bytes, random, length);
    if (at === null) return bytes;
    const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const littleEndian = random.below(2) === 0;
    if (length === 2) data.setUint16(at, random.of(edges), littleEndian);
    else data.setUint32(at, random.of([...edges, ...wideEdges]), littleEndian);
    return bytes;
  },
  function remove(bytes, random) {
    const length = 1 + random.below(40);
    const at = place(bytes, random, length);
    return at === null ? bytes : splice(bytes, at, length, new Uint8Array(0));
  },
  function repeat(bytes, random) {
    const length = 1 + random.below(200);
    const at = place(bytes, random, length);
    return at === null ? bytes : splice(bytes, at, 0, bytes.slice(at, at + length));
  },
  function fill(bytes, random) {
    const length = 1 + random.below(40);
    const at = place(bytes, random, length);
    if (at !== null) bytes.fill(random.of([0, 0xff, 0x41]), at, at + length);
    return bytes;
  },
  function cross(bytes, random, samples) {
    const other = random.of(samples);
    const length = Math.min(other.length, 1 + random.below(300));
    const from = place(other, random, length) ?? 0;
    const at = place(bytes, random, 0) ?? 0;
    return splice(
      bytes,
      at,
      Math.min(random.below(2) * length, bytes.length - at),
      other.subarray(from, from + length),
    );
  },
];

/** One damaged input, of its own bytes. */
export function mutate(samples: readonly Uint8Array[], random: Random): Uint8Array {
  const sample = random.of(samples);
  const whole = random.below(wholeOneIn) === 0;
  const length = whole ? sample.length : random.below(shortest << random.below(doublings)) + 1;
  let bytes: Uint8Array = sample.slice(0, length);
  for (let count = random.below(mostChanges + 1); count > 0; count--)
    bytes = random.of(changes)(bytes, random, samples);
  return bytes;
}
