import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linked, reverse, tcp, udp } from '../flow/frames.ts';
import { readByDissect, readByHeaders } from './agreement.ts';
import { bytesOf, realFrames } from './frames.ts';

const ends = { from: '10.88.0.10:40000', to: '10.88.0.1:8080' };
const six = { from: '[fd00:88::10]:40000', to: '[fd00:88::1]:8080' };
const segment = tcp(ends, { flags: 'SYN ACK', sequence: 0xfffffff0, acknowledgement: 7, length: 5, id: 9 });

describe('what the fast path reads', () => {
  it.each([0, 1, 101, 113])('a segment of link type %i', (linkType) => {
    const bytes = linked(linkType, segment);
    expect(readByHeaders(bytes, linkType, bytes.length)).toMatchObject({
      source: '10.88.0.10',
      destination: '10.88.0.1',
      sourcePort: 40000,
      destinationPort: 8080,
      sequence: 0xfffffff0,
      acknowledgement: 7,
      flags: 0x12,
      window: 0xfaf0,
      payloadLength: 5,
    });
  });

  it('tags of VLANs are passed over', () => {
    const bytes = linked(1, segment);
    const tags = bytesOf('88a8 0064 8100 0007');
    const tagged = Uint8Array.from([...bytes.subarray(0, 12), ...tags, ...bytes.subarray(12)]);
    expect(readByHeaders(tagged, 1, tagged.length)).toEqual(readByHeaders(bytes, 1, bytes.length));
  });

  it('a tunnel is its outermost packet', () => {
    const inner = segment.match(/../g) ?? [];
    const length = (20 + inner.length).toString(16).padStart(4, '0');
    const tunnel = linked(1, `4500${length}00000000400400000a000001 0a000002${segment}`.replaceAll(' ', ''));
    expect(readByHeaders(tunnel, 1, tunnel.length)).toMatchObject({ source: '10.0.0.1', sourcePort: undefined });
  });

  it('a frame that was cut counts its payload whole', () => {
    const bytes = linked(1, segment).subarray(0, 54);
    expect(readByHeaders(bytes, 1, bytes.length + 5)).toMatchObject({ payloadLength: 5 });
  });
});

const frames: readonly (readonly [number, Uint8Array])[] = [
  ...realFrames.map(({ hex }) => [1, bytesOf(hex)] as const),
  ...[0, 1, 101, 113].flatMap((linkType) =>
    [segment, udp(reverse(ends)), tcp(six, { flags: 'FIN ACK' }), udp(six, 9)].map(
      (packet) => [linkType, linked(linkType, packet)] as const,
    ),
  ),
];

describe('the fast path and the decoders agree', () => {
  it('on whole frames', () => {
    for (const [linkType, bytes] of frames) {
      expect(readByHeaders(bytes, linkType, bytes.length)).toEqual(readByDissect(bytes, linkType, bytes.length));
    }
  });

  it('on frames of anything', () => {
    const change = fc.record({ at: fc.nat(70), value: fc.nat(255) });
    fc.assert(
      fc.property(
        fc.constantFrom(...frames),
        fc.array(change, { maxLength: 4 }),
        fc.option(fc.nat(80), { nil: 1000 }),
        fc.nat(2000),
        ([linkType, good], changes, keep, beyond) => {
          const bytes = good.slice(0, keep);
          for (const { at, value } of changes) if (at < bytes.length) bytes[at] = value;
          const originalLength = beyond < 1000 ? bytes.length : beyond - 1000;
          expect(readByHeaders(bytes, linkType, originalLength)).toEqual(
            readByDissect(bytes, linkType, originalLength),
          );
        },
      ),
      { numRuns: 3000 },
    );
  });
});
