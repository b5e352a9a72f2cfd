import { describe, expect, it } from 'vitest';
import { encodeCase } from '../../src/capfile/case-file.ts';
import type { CaptureInterface, Case, Frame } from '../../src/case/evidence.ts';
import type { ConnectionFacts } from '../../src/filter/frame-fields.ts';
import { indexColumns, indexFields } from '../../src/index/filter-columns.ts';
import { exampleCase } from '../capfile/example-case.ts';
import { filterOf } from '../filter/ask.ts';
import { captureOf, icmpError, reverse, tcp, udp } from '../flow/frames.ts';
import { builtFrames } from '../wire/built-frames.ts';
import { bytesOf, patched, place, realFrames } from '../wire/frames.ts';
import { columnNames, compareColumns, indexed } from './columns-agreement.ts';

/** A capture of frames of any link types, one interface each. */
function captureFile(frames: readonly { readonly bytes: Uint8Array; readonly linkType: number }[]): Uint8Array {
  const linkTypes = [...new Set(frames.map(({ linkType }) => linkType))];
  const interfaces = linkTypes.map(
    (linkType): CaptureInterface => ({ netns: null, device: `eth${linkType}`, linkType }),
  );
  const evidence: Case = {
    session: null,
    interfaces,
    frames: frames.map(({ bytes, linkType }, index): Frame => {
      const interfaceIndex = linkTypes.indexOf(linkType);
      return { number: index + 1, timeNs: BigInt(index), interfaceIndex, originalLength: bytes.length, bytes };
    }),
    snapshot: null,
    kernelLines: [],
  };
  return Buffer.concat([...encodeCase(evidence)]);
}

const all = [
  ...builtFrames.map(({ hex, linkType = 1 }) => ({ bytes: bytesOf(hex), linkType })),
  ...realFrames.map(({ hex }) => ({ bytes: bytesOf(hex), linkType: 1 })),
];

describe('rows answer filters as dissections do', () => {
  it('on every frame of the wire tests', () => {
    const { disagreements, plain } = compareColumns(indexed(captureFile(all)));
    expect(disagreements).toEqual([]);
    expect(plain).toBeGreaterThan(10);
  });

  it('on frames that were cut', () => {
    const cut = all.flatMap(({ bytes, linkType }) =>
      [20, 34, 37, 38, 41, 42, 53, 54, 60].map((length) => ({ bytes: bytes.subarray(0, length), linkType })),
    );
    expect(compareColumns(indexed(captureFile(cut))).disagreements).toEqual([]);
  });

  const syn = realFrames.find(({ name }) => name === 'SYN')?.hex ?? '';
  it.each([
    ['a fragment', place.ipFragment, '2000'],
    ['a later fragment', place.ipFragment, '2001'],
    ['reserved bits', place.transport + 12, 'af02'],
    ['a TCP header that is too short', place.transport + 12, '4002'],
    ['no flags at all', place.transport + 12, 'a000'],
  ])('%s', (_name, offset, hex) => {
    const { disagreements } = compareColumns(
      indexed(captureFile([{ bytes: patched(bytesOf(syn), offset, hex), linkType: 1 }])),
    );
    expect(disagreements).toEqual([]);
  });

  it.each([1701, 4789, 6081, 8472])('a tunnel’s datagram, port %i, is dissected', (port) => {
    const packet = udp({ from: '10.0.0.1:5000', to: `10.0.0.2:${port}` }, 40);
    const file = Buffer.concat([...encodeCase(captureOf([packet, udp({ from: '10.0.0.1:5', to: '10.0.0.2:6' })]))]);
    const columns = indexColumns(indexed(file).index);
    expect([0, 1].map((row) => columns.complete(row))).toEqual([false, true]);
  });

  it('what an ICMP error quotes counts', () => {
    const ends = { from: '10.88.0.11:7', to: '10.88.0.1:8080' };
    const opening = tcp(ends, { flags: 'SYN', sequence: 5 });
    const answer = tcp(reverse(ends), { flags: 'SYN ACK', sequence: 9, acknowledgement: 6 });
    const sights = [opening, answer, icmpError('10.88.0.1', '10.88.0.11', 3, 1, opening)];
    const capture = indexed(Buffer.concat([...encodeCase(captureOf(sights))]));
    expect(compareColumns(capture)).toEqual({ disagreements: [], plain: 2 });
    const test = filterOf('tcp.dstport == 8080').bind(
      indexFields(capture, () => null),
      indexColumns(capture.index),
    );
    expect([0, 1, 2].map(test)).toEqual([true, false, true]);
  });

  it('every column is a field that filters know', () => {
    const columns = indexColumns(indexed(captureFile(all)).index);
    for (const name of columnNames) {
      expect(columns.number(name, 0)).not.toBeNull();
      filterOf(name);
    }
    for (const name of ['tcp.len', 'ip.srcport', 'tcp.src', 'eth', 'dns.qry.name', 'icmp.srcport', 'tcp.flags.ae']) {
      expect(columns.number(name, 0)).toBeNull();
    }
  });
});

describe('the fields of a packet', () => {
  const capture = indexed(Buffer.concat([...encodeCase(exampleCase)]));
  const facts = (number: number): ConnectionFacts | null =>
    number === 4 ? null : { number: 1, outcome: 'refused', cause: null };

  it.each([
    ['frame.number == 2', [2]],
    ['frame.len > 60', [1, 2, 4]],
    ['frame.time_epoch == 1700000000.000003', [3]],
    ['frame.time_relative < 0', [2]],
    ['netns == host', [1, 3]],
    ['interface == portainer:eth0', [2, 4]],
    ['interface == eth0', [2, 4]],
    ['connection == 1 && verdict == refused', [1, 2, 3]],
    ['cause', []],
    ['eth && tcp.window_size_value == 64240', [1, 2]],
    ['frame contains 45:00', [1, 2, 3, 4]],
  ])('%s', (text, numbers) => {
    const test = filterOf(text).bind(indexFields(capture, facts), indexColumns(capture.index));
    expect([1, 2, 3, 4].filter((number) => test(number - 1))).toEqual(numbers);
  });
});
