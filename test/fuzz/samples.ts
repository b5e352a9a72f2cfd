/** What inputs are made from: captures of our own, and those of the corpus where it is. */

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { encodeCase } from '../../src/capfile/case-file.ts';
import { block, concat, interfaceOf, packet, pcapHeader, pcapRecord, section, Writer } from '../capfile/build.ts';
import { exampleCase } from '../capfile/example-case.ts';
import { bytesOf, realFrames } from '../wire/frames.ts';

const longest = 64 * 1024;

const frames = realFrames.map(({ hex }) => bytesOf(hex));
const comment = [1, new TextEncoder().encode('a comment')] as const;
const names = new Writer(false).uint(1, 2).uint(8, 2).raw([10, 88, 0, 1]).raw([97, 98, 99, 0]).uint(0, 4).bytes();

/** A case, and a capture of each format and byte order, with every frame of the tests. */
export const ownSamples: readonly Uint8Array[] = [
  concat(...encodeCase(exampleCase)),
  concat(
    pcapHeader(true, 0xa1b2c3d4),
    ...frames.map((bytes, index) => pcapRecord(true, index, 0, bytes.length, bytes)),
  ),
  concat(
    pcapHeader(false, 0xa1b23c4d, 4, 276),
    ...frames.map((bytes, index) => pcapRecord(false, index, 0, bytes.length + 9, bytes)),
  ),
  concat(
    section(false),
    interfaceOf(false, [comment, [9, Uint8Array.of(0x8a)]]),
    interfaceOf(false, [[14, new Uint8Array(8).fill(0xff)]], 40),
    block(false, 4, names),
    ...frames.map((bytes, index) => packet(false, index % 2, BigInt(index), bytes)),
    block(false, 5, new Writer(false).uint(0, 12).uint(5, 2).uint(8, 2).uint(7, 8).uint(0, 4).bytes()),
    section(true),
    interfaceOf(true),
    ...frames.map((bytes) => block(true, 3, new Writer(true).uint(bytes.length, 4).raw(bytes).bytes())),
  ),
];

/** The captures of a corpus, as far as they are read here. */
export function corpusSamples(folder: string): Uint8Array[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => new Uint8Array(readFileSync(path.join(folder, name)).subarray(0, longest)));
}
