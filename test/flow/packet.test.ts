import { describe, expect, it } from 'vitest';
import {
  type FrameFacts,
  factsOf,
  icmpErrorOf,
  isIcmpError,
  joinPackets,
  readQuotedHeaders,
} from '../../src/flow/packet.ts';
import { Headers } from '../../src/wire/headers.ts';
import { framesOf, icmpError, type Sight, tcp, udp } from './frames.ts';

const ends = { from: '10.88.0.10:40000', to: '10.88.0.1:8080' };
const syn = tcp(ends, { flags: 'SYN', sequence: 100, id: 5 });

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readAll(sights: readonly (Sight | string)[]): FrameFacts[] {
  const headers = new Headers();
  return framesOf(sights)
    .map((frame) => {
      headers.read(viewOf(frame.bytes), 0, frame.bytes.length, frame.originalLength, 1);
      return factsOf(frame, headers);
    })
    .filter((facts) => facts !== null);
}

/** Frame numbers of each packet: `1,3; 2`. */
function joined(sights: readonly (Sight | string)[]): string {
  return joinPackets(readAll(sights))
    .map(({ frames }) => frames.map(({ number }) => number).join())
    .join('; ');
}

describe('frames that are one packet', () => {
  it.each<[string, readonly Sight[], string]>([
    [
      'one packet at three points',
      [
        { at: 0, packet: syn },
        { at: 1, packet: syn },
        { at: 2, packet: syn },
      ],
      '1,2,3',
    ],
    [
      'the same at one point is a retransmission',
      [
        { at: 0, packet: syn },
        { at: 0, packet: syn },
      ],
      '1; 2',
    ],
    [
      'a retransmission seen at two points, in any order',
      [
        { at: 0, packet: syn },
        { at: 0, packet: syn },
        { at: 1, packet: syn },
        { at: 1, packet: syn },
      ],
      '1,3; 2,4',
    ],
    [
      'another identification is another packet',
      [
        { at: 0, packet: syn },
        { at: 1, packet: tcp(ends, { flags: 'SYN', sequence: 100, id: 6 }) },
      ],
      '1; 2',
    ],
    [
      'the answer is another packet, though it has the same numbers',
      [
        { at: 0, packet: syn },
        { at: 1, packet: tcp({ from: ends.to, to: ends.from }, { flags: 'SYN', sequence: 100, id: 5 }) },
      ],
      '1; 2',
    ],
    [
      'a UDP packet of another length',
      [
        { at: 0, packet: udp(ends, 4) },
        { at: 1, packet: udp(ends, 5) },
      ],
      '1; 2',
    ],
  ])('%s', (_name, sights, numbers) => {
    expect(joined(sights)).toBe(numbers);
  });
});

describe('what a frame says', () => {
  it('reads a segment', () => {
    const [facts] = readAll([tcp(ends, { flags: 'PSH ACK', sequence: 7, acknowledgement: 9, length: 11 })]);
    expect(facts).toMatchObject({
      protocol: 'tcp',
      family: 4,
      source: { address: '10.88.0.10', port: 40000 },
      destination: { address: '10.88.0.1', port: 8080 },
      payloadLength: 11,
      tcp: { sequence: 7, acknowledgement: 9, syn: false, ack: true, fin: false, reset: false },
    });
  });

  it('counts the payload of a datagram without its header', () => {
    expect(readAll([udp(ends, 33)]).map(({ payloadLength, tcp: header }) => [payloadLength, header])).toEqual([
      [33, null],
    ]);
  });

  it('does not take the packet that an ICMP error quotes for a packet', () => {
    const [frame] = framesOf([icmpError('10.88.0.1', '10.88.0.10', 3, 13, syn)]);
    if (frame === undefined) throw new Error('there is no frame');
    const [headers, quoted] = [new Headers(), new Headers()];
    const view = viewOf(frame.bytes);
    headers.read(view, 0, frame.bytes.length, frame.originalLength, 1);
    expect(factsOf(frame, headers)).toBeNull();
    expect([isIcmpError(headers), readQuotedHeaders(quoted, headers, view, view.byteLength)]).toEqual([true, true]);
    expect(icmpErrorOf(frame, headers, quoted)).toMatchObject({
      family: 4,
      sender: '10.88.0.1',
      type: 3,
      code: 13,
      protocol: 'tcp',
      quotedSource: { address: '10.88.0.10', port: 40000 },
      quotedDestination: { address: '10.88.0.1', port: 8080 },
    });
  });
});
