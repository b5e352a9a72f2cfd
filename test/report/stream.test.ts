import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Side, Stream, StreamItem, StreamTally } from '../../src/flow/stream.ts';
import { lineText, streamDigits, streamHex, streamRaw, streamText } from '../../src/report/stream.ts';

const nothing: StreamTally = {
  bytes: 0,
  missing: 0,
  repeated: 0,
  outOfOrder: 0,
  contradictingFrames: [],
  leftOut: 0,
};

const textOf = (stream: Stream, from: Side | null = null): string[] => [...streamText(stream, from)].map(lineText);
const hexOf = (stream: Stream, from: Side | null = null, each?: 8 | 16): string[] =>
  [...streamHex(stream, from, each)].map(lineText);

function streamOf(items: readonly StreamItem[], client: Partial<StreamTally> = {}): Stream {
  return { protocol: 'tcp', interfaceIndex: 0, items, tally: { client: { ...nothing, ...client }, server: nothing } };
}

function data(from: 'client' | 'server', text: string | Uint8Array, offset = 0): StreamItem {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  return { kind: 'data', from, offset, bytes, frameNumber: 1, timeNs: 0n };
}

const conversation = streamOf([
  data('client', 'GET /ping HTTP/1.1\r\nHost: a\r\n'),
  data('client', '\r\n', 30),
  data('server', 'pong\u001b[31m'),
  { kind: 'gap', from: 'server', offset: 9, length: 1460, reason: 'not-captured' },
  data('server', 'end', 1469),
  { kind: 'gap', from: 'server', offset: 1472, length: 1, reason: 'cut' },
  { kind: 'end', from: 'server', by: 'fin', frameNumber: 8, timeNs: 0n },
  { kind: 'end', from: 'client', by: 'reset', frameNumber: 9, timeNs: 0n },
]);

test('as text', () => {
  expect(textOf(conversation)).toEqual([
    '> GET /ping HTTP/1.1',
    '> Host: a',
    '> ',
    '< pong\\x1b[31m',
    '[1460 bytes of the server missing: no captured frame holds them]',
    '< end',
    '[1 byte of the server missing: the capture cut the frame short]',
    '[the server sends no more (FIN, frame 8)]',
    '[the client reset the connection (RST, frame 9)]',
  ]);
});

test('as a hex dump', () => {
  expect(hexOf(conversation)).toEqual([
    '> 00000000  47 45 54 20 2f 70 69 6e  67 20 48 54 54 50 2f 31  |GET /ping HTTP/1|',
    '> 00000010  2e 31 0d 0a 48 6f 73 74  3a 20 61 0d 0a           |.1..Host: a..|',
    '> 0000001e  0d 0a                                             |..|',
    '< 00000000  70 6f 6e 67 1b 5b 33 31  6d                       |pong.[31m|',
    '[1460 bytes of the server missing: no captured frame holds them]',
    '< 000005bd  65 6e 64                                          |end|',
    '[1 byte of the server missing: the capture cut the frame short]',
    '[the server sends no more (FIN, frame 8)]',
    '[the client reset the connection (RST, frame 9)]',
  ]);
});

test('as a hex dump of eight bytes a line', () => {
  expect(hexOf(conversation, 'client', 8).slice(0, 5)).toEqual([
    '> 00000000  47 45 54 20 2f 70 69 6e  |GET /pin|',
    '> 00000008  67 20 48 54 54 50 2f 31  |g HTTP/1|',
    '> 00000010  2e 31 0d 0a 48 6f 73 74  |.1..Host|',
    '> 00000018  3a 20 61 0d 0a           |: a..|',
    '> 0000001e  0d 0a                    |..|',
  ]);
});

test('as digits', () => {
  const lines = [...streamDigits(conversation, null, 25)];
  expect(lines.slice(0, 5).map(lineText)).toEqual([
    '> 474554202f70696e6720485454502f312e310d0a486f73743a',
    '> 20610d0a',
    '> 0d0a',
    '< 706f6e671b5b33316d',
    '[1460 bytes of the server missing: no captured frame holds them]',
  ]);
});

test('as bytes', () => {
  const whole = [...streamRaw(conversation, null)].map((bytes) => new TextDecoder().decode(bytes)).join('');
  expect(whole).toBe('GET /ping HTTP/1.1\r\nHost: a\r\n\r\npong\u001b[31mend');
});

test('one side alone', () => {
  expect(textOf(conversation, 'client')).toEqual([
    '> GET /ping HTTP/1.1',
    '> Host: a',
    '> ',
    '[the client reset the connection (RST, frame 9)]',
  ]);
  expect(hexOf(conversation, 'client')).toHaveLength(4);
  expect([...streamRaw(conversation, 'server')]).toHaveLength(2);
});

test('what is to be known of the whole stands at the end', () => {
  const stream = streamOf([], { repeated: 1, contradictingFrames: [1, 2, 3, 4, 5, 6, 7], leftOut: 20 });
  const lines = [
    '[the client sent 1 byte more than once; shown once]',
    '[the client sent other bytes for what it had sent already (frames 1, 2, 3, 4, 5 and 2 more); the first are shown]',
    '[20 bytes of the client left out: the stream is too long]',
  ];
  expect(textOf(stream)).toEqual(lines);
  expect(hexOf(stream, 'client')).toEqual(lines);
  expect(textOf(stream, 'server')).toEqual([]);
});

describe('text', () => {
  test('a character that two chunks share is whole', () => {
    const bytes = new TextEncoder().encode('é\n');
    const stream = streamOf([data('client', bytes.subarray(0, 1)), data('client', bytes.subarray(1), 1)]);
    expect(textOf(stream)).toEqual(['> é']);
  });

  test('the other side breaks a line', () => {
    const stream = streamOf([data('client', 'a'), data('server', 'b'), data('client', 'c\n', 1)]);
    expect(textOf(stream)).toEqual(['> a', '< b', '> c']);
  });

  test('a line without an end is cut', () => {
    const lines = textOf(streamOf([data('client', 'x'.repeat(1500)), data('client', 'y'.repeat(700))]));
    expect(lines.map(({ length }) => length)).toEqual([1002, 1002, 202]);
  });

  test('nothing is lost, and nothing unsafe is left', () => {
    const chunk = fc.string({ unit: fc.constantFrom('a', 'B', '\n', 'xyz'.repeat(400)), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(chunk), (texts) => {
        const lines = textOf(streamOf(texts.map((text) => data('client', text))));
        const whole = lines.map((line) => line.slice(2)).join('');
        expect(whole).toBe(texts.join('').replaceAll('\n', ''));
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (chunks) => {
        const lines = textOf(streamOf(chunks.map((bytes) => data('server', bytes))));
        expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }),
    );
  });
});
