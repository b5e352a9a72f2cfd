import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readAt } from '../../src/capfile/spill.ts';
import { none } from '../../src/flow/connection-row.ts';
import { summarizeConnection } from '../../src/flow/summary.ts';
import { CaptureIndex } from '../../src/index/capture-index.ts';
import { IndexedCapture } from '../../src/index/indexed-capture.ts';
import { directionOf, flagsOf, interfaceOf, isPlain, packetWord, packRest } from '../../src/index/packet-row.ts';
import { readChunks } from '../../src/index/read-file.ts';
import { concat, interfaceOf as interfaceBlock, packet, pcapHeader, pcapRecord, section } from '../capfile/build.ts';
import { icmpError, linked, reverse, tcp } from '../flow/frames.ts';

const ends = { from: '10.88.0.10:40000', to: '10.88.0.1:8080' };
const syn = tcp(ends, { flags: 'SYN', sequence: 100 });
const refusal = tcp(reverse(ends), { flags: 'RST ACK', acknowledgement: 101 });
const other = tcp({ ...ends, from: '10.88.0.11:7' }, { flags: 'SYN', sequence: 5 });
const unreachable = icmpError('10.88.0.1', '10.88.0.11', 3, 1, other);
const arp = Uint8Array.from([...new Uint8Array(12), 0x08, 0x06, ...new Uint8Array(28)]);

const frames = [...[syn, refusal, other, unreachable].map((hex) => linked(1, hex)), arp];
const capture = concat(
  pcapHeader(true, 0xa1b2c3d4),
  ...frames.map((bytes, index) => pcapRecord(true, 1_700_000_000, index, bytes.length, bytes)),
);

function indexOf(file: Uint8Array, chunkLength = file.length): CaptureIndex {
  const index = new CaptureIndex();
  for (let at = 0; at < file.length; at += chunkLength) index.push(file.slice(at, at + chunkLength));
  index.end();
  return index;
}

function column(index: CaptureIndex, word: number): number[] {
  return Array.from(
    { length: index.packets.count },
    (_, row) => index.packets.page(row).words[index.packets.at(row) + word] ?? 0,
  );
}

describe('the index', () => {
  it('keeps where each packet stands, when it came and whose it is', () => {
    const index = indexOf(capture);
    expect(column(index, packetWord.nanoseconds)).toEqual([0, 1000, 2000, 3000, 4000]);
    expect(column(index, packetWord.capturedLength)).toEqual(frames.map(({ length }) => length));
    expect(column(index, packetWord.connection)).toEqual([0, 0, 1, 1, none]);
    expect(column(index, packetWord.rest).map(flagsOf)).toEqual([0x02, 0x14, 0x02, 0, 0]);
    expect(column(index, packetWord.rest).map(directionOf)).toEqual([0, 1, 0, 0, 0]);
  });

  it('knows what became of the connections', () => {
    const { connections } = indexOf(capture);
    const met = [0, 1].map((id) => summarizeConnection(connections, id));
    expect(met.map(({ outcome, errno }) => [outcome, errno])).toEqual([
      ['refused', 'ECONNREFUSED'],
      ['unreachable', 'EHOSTUNREACH'],
    ]);
  });

  it('is the same however the capture comes in chunks', () => {
    const whole = indexOf(capture);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), (chunkLength) => {
        const index = indexOf(capture, chunkLength);
        for (const word of Object.values(packetWord)) expect(column(index, word)).toEqual(column(whole, word));
      }),
    );
  });

  it('knows the interfaces of pcapng', () => {
    const bytes = linked(1, syn);
    const file = concat(section(true), interfaceBlock(true), interfaceBlock(true), packet(true, 1, 7n, bytes));
    expect(column(indexOf(file), packetWord.rest).map(interfaceOf)).toEqual([1]);
  });

  it('holds what is before the damage', () => {
    const index = indexOf(capture.subarray(0, -1));
    expect([index.packets.count, index.error?.kind]).toEqual([4, 'damaged']);
  });

  it('never throws, whatever the bytes are', () => {
    const change = fc.record({ at: fc.nat(capture.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), (changes) => {
        const file = capture.slice();
        for (const { at, value } of changes) file[at] = value;
        const { packets, connections } = indexOf(file);
        for (let id = 0; id < connections.rows.count; id += 1) summarizeConnection(connections, id);
        // Damaged lengths make more records of the same bytes, each with its header.
        const recordHeaderLength = 16;
        expect(packets.count).toBeLessThanOrEqual(capture.length / recordHeaderLength);
      }),
    );
  });

  it('packs and unpacks', () => {
    fc.assert(
      fc.property(fc.nat(0x7fff), fc.nat(1), fc.nat(0xff), fc.nat(1), (point, plain, flags, direction) => {
        const rest = packRest(point, plain, flags, direction) | 0;
        expect([interfaceOf(rest), flagsOf(rest), directionOf(rest)]).toEqual([point, flags, direction]);
        expect(isPlain(rest)).toBe(plain === 1);
      }),
    );
  });
});

describe('a file', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'nettrace-index-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const name = path.join(folder, 'capture.pcap');
  writeFileSync(name, capture);

  it('is read, and gives each packet again', async () => {
    const index = new CaptureIndex();
    await using file = await open(name);
    await readChunks(file.fd, (chunk) => index.push(chunk));
    index.end();
    const read = new IndexedCapture(index, (offset, length) => readAt(file.fd, offset, length));
    expect([...read.frames()].map(({ bytes }) => bytes)).toEqual(frames);
  });
});
