import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Frame } from '../../src/case/evidence.ts';
import { findConnections } from '../../src/flow/connection.ts';
import { followStream, type Side, type Stream, type StreamItem } from '../../src/flow/stream.ts';
import { captureOf, reverse, type Segment, type Sight, tcp, udp } from './frames.ts';

const ends = { from: '10.0.0.1:40000', to: '10.0.0.2:80' };
const clientStart = 1000;
const serverStart = 5000;

function client(segment: Segment): string {
  return tcp(ends, segment);
}

function server(segment: Segment): string {
  return tcp(reverse(ends), segment);
}

const handshake = [
  client({ flags: 'SYN', sequence: clientStart - 1 }),
  server({ flags: 'SYN ACK', sequence: serverStart - 1, acknowledgement: clientStart }),
];

/** What the client says at an offset of its stream. */
function says(offset: number, text: string, flags = 'PSH ACK'): string {
  return client({ flags, sequence: clientStart + offset, text });
}

function answers(offset: number, text: string, flags = 'PSH ACK'): string {
  return server({ flags, sequence: serverStart + offset, text });
}

function follow(sights: readonly (Sight | string)[], limit?: number, change?: (frame: Frame) => Frame): Stream {
  const evidence = captureOf(sights);
  const [connection] = findConnections({ ...evidence, frames: evidence.frames.map(change ?? ((frame) => frame)) });
  if (connection === undefined) throw new Error('the sights hold no connection');
  return followStream(
    connection,
    evidence.interfaces.map(({ linkType }) => linkType),
    limit,
  );
}

function showItem(item: StreamItem): string {
  const from = item.from === 'client' ? '>' : '<';
  if (item.kind === 'data') return `${from}${item.offset} ${new TextDecoder().decode(item.bytes)} #${item.frameNumber}`;
  if (item.kind === 'gap') return `${from}${item.offset} ${item.reason} ${item.length}`;
  return `${from} ${item.by} #${item.frameNumber}`;
}

function show(stream: Stream): string[] {
  return stream.items.map(showItem);
}

describe('both sides in order', () => {
  test.each<[string, (Sight | string)[], string[]]>([
    ['a question and its answer', [says(0, 'ping'), answers(0, 'pong')], ['>0 ping #3', '<0 pong #4']],
    ['retransmission', [says(0, 'ping'), says(0, 'ping'), answers(0, 'pong')], ['>0 ping #3', '<0 pong #5']],
    ['overlap: the first bytes stay', [says(0, 'abcd'), says(2, 'XYef')], ['>0 abcd #3', '>4 ef #4']],
    ['out of order', [says(2, 'cd'), answers(0, 'x'), says(0, 'ab')], ['<0 x #4', '>0 ab #5', '>2 cd #3']],
    ['a lost segment', [says(0, 'ab'), says(7, 'hi')], ['>0 ab #3', '>2 not-captured 5', '>7 hi #4']],
    ['lost from the start', [says(4, 'ef')], ['>0 not-captured 4', '>4 ef #3']],
    ['a FIN', [says(0, 'bye'), says(3, '', 'FIN ACK')], ['>0 bye #3', '> fin #4']],
    ['a FIN with data, sent again', [says(0, 'bye', 'FIN ACK'), says(0, 'bye', 'FIN ACK')], ['>0 bye #3', '> fin #3']],
    ['lost before the FIN', [says(0, 'a'), says(3, '', 'FIN ACK')], ['>0 a #3', '>1 not-captured 2', '> fin #4']],
    ['a FIN that came early', [says(2, '', 'FIN ACK'), says(0, 'ab')], ['>0 ab #4', '> fin #3']],
    ['an RST, whose text is no data', [says(0, 'a'), answers(0, 'go away', 'RST ACK')], ['>0 a #3', '< reset #4']],
    ['a keep-alive', [says(0, 'ab'), says(1, '\0', 'ACK'), says(2, 'c')], ['>0 ab #3', '>2 c #5']],
    ['a keep-alive before any data', [says(-1, '\0', 'ACK'), says(0, 'a')], ['>0 a #4']],
  ])('%s', (_name, sights, items) => expect(show(follow([...handshake, ...sights]))).toEqual(items));
});

test('sequence numbers wrap', () => {
  const sights = [
    client({ flags: 'SYN', sequence: 0xfffffffd }),
    client({ flags: 'ACK', sequence: 2, text: 'ef' }),
    client({ flags: 'ACK', sequence: 0xfffffffe, text: 'abcd' }),
  ];
  expect(show(follow(sights))).toEqual(['>0 abcd #3', '>4 ef #2']);
});

test('without its beginning a stream starts with the least that was seen', () => {
  expect(show(follow([says(102, 'cd'), says(100, 'ab'), says(106, 'gh')]))).toEqual([
    '>0 ab #2',
    '>2 cd #1',
    '>4 not-captured 2',
    '>6 gh #3',
  ]);
});

test('of several capture points the one that saw most is read', () => {
  const seen = (packet: string, ...points: number[]): Sight[] => points.map((at) => ({ packet, at }));
  const [syn = '', synAck = ''] = handshake;
  const stream = follow([
    ...seen(syn, 0, 1),
    ...seen(synAck, 1, 0),
    ...seen(says(0, 'a'), 1),
    ...seen(says(1, 'b'), 0, 1),
  ]);
  expect(stream.interfaceIndex).toBe(1);
  expect(show(stream)).toEqual(['>0 a #5', '>1 b #7']);
});

test('frames that the capture cut leave gaps of their own kind', () => {
  const cut = (frame: Frame): Frame => ({ ...frame, bytes: frame.bytes.subarray(0, 56) });
  const stream = follow([...handshake, says(0, 'abcde'), says(7, 'hij'), says(0, 'a')], undefined, cut);
  expect(show(stream)).toEqual(['>0 ab #3', '>2 cut 3', '>5 not-captured 2', '>7 hi #4', '>9 cut 1']);
  expect(stream.tally.client).toMatchObject({ bytes: 4, missing: 6, repeated: 1 });
});

test('is counted a side', () => {
  const sights = [says(0, 'abcd'), says(2, 'XY'), says(6, 'gh'), says(4, 'ef'), answers(0, 'x')];
  const { tally } = follow([...handshake, ...sights]);
  expect(tally.client).toEqual({
    bytes: 8,
    missing: 0,
    repeated: 2,
    outOfOrder: 1,
    contradictingFrames: [4],
    leftOut: 0,
  });
  expect(tally.server).toMatchObject({ bytes: 1, missing: 0, repeated: 0 });
});

test('beyond the limit payload is counted, not followed, and is no gap', () => {
  const stream = follow([...handshake, says(0, 'abcd'), answers(0, 'xy'), says(4, 'efg'), says(7, '', 'FIN ACK')], 6);
  expect(show(stream)).toEqual(['>0 abcd #3', '<0 xy #4', '> fin #6']);
  expect(stream.tally.client.leftOut).toBe(3);
});

test('each datagram is a chunk', () => {
  const stream = follow([udp(ends, 2), udp(ends, 2), udp(reverse(ends), 1)]);
  expect(show(stream)).toEqual(['>0 aa #1', '>2 aa #2', '<0 a #3']);
});

test('a datagram that was cut leaves a gap', () => {
  const cut = (frame: Frame): Frame => ({ ...frame, bytes: frame.bytes.subarray(0, 43) });
  expect(show(follow([udp(ends, 3), udp(ends, 1)], undefined, cut))).toEqual(['>0 a #1', '>1 cut 2', '>3 a #2']);
});

test('IPv6 is followed alike', () => {
  const six = { from: '[fd00::1]:40000', to: '[fd00::2]:80' };
  const data = tcp(six, { flags: 'ACK', sequence: 9, text: 'six' });
  expect(show(follow([data]))).toEqual(['>0 six #1']);
});

function bytesOf(items: readonly StreamItem[], side: Side): string {
  return items
    .map((item) => (item.from === side && item.kind === 'data' ? new TextDecoder().decode(item.bytes) : ''))
    .join('');
}

test('however a text is cut, shuffled and repeated, it is read again, or its gaps are told', () => {
  const text = 'the quick brown fox jumps over the lazy dog';
  const pieces = fc.array(fc.record({ from: fc.nat(text.length - 1), length: fc.integer({ min: 1, max: 9 }) }), {
    minLength: 1,
    maxLength: 20,
  });
  fc.assert(
    fc.property(pieces, fc.nat(), (cuts, start) => {
      const sequence = (offset: number): number => (start + offset) >>> 0;
      const sights = cuts.map(({ from, length }) =>
        client({ flags: 'ACK', sequence: sequence(from + 1), text: text.slice(from, from + length) }),
      );
      const stream = follow([client({ flags: 'SYN', sequence: sequence(0) }), ...sights]);
      const covered = text.split('').map((_, at) => cuts.some(({ from, length }) => at >= from && at < from + length));
      const last = covered.lastIndexOf(true) + 1;
      expect(bytesOf(stream.items, 'client')).toBe(
        text
          .split('')
          .filter((_, at) => covered[at])
          .join(''),
      );
      expect(stream.tally.client.missing).toBe(covered.slice(0, last).filter((one) => !one).length);
      expect(stream.tally.client.contradictingFrames).toEqual([]);
    }),
  );
});
