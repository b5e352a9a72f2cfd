import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Case } from '../../src/case/evidence.ts';
import { type Connection, findConnections, fromClient, requestPacket, resetPacket } from '../../src/flow/connection.ts';
import { captureOf, echo, icmpError, linked, reverse, type Sight, tcp, udp } from './frames.ts';

const four = { from: '10.88.0.10:40000', to: '10.88.0.1:8080' };
const six = { from: '[fd00:88::10]:40000', to: '[fd00:88::1]:8080' };

const syn = tcp(four, { flags: 'SYN', sequence: 100 });
const synAck = tcp(reverse(four), { flags: 'SYN ACK', sequence: 900, acknowledgement: 101 });
const ack = tcp(four, { flags: 'ACK', sequence: 101, acknowledgement: 901 });
const refusal = tcp(reverse(four), { flags: 'RST ACK', sequence: 0, acknowledgement: 101 });
const question = tcp(four, { flags: 'PSH ACK', sequence: 101, acknowledgement: 901, length: 20 });
const answer = tcp(reverse(four), { flags: 'PSH ACK', sequence: 901, acknowledgement: 121, length: 40 });
const heard = tcp(reverse(four), { flags: 'ACK', sequence: 901, acknowledgement: 121 });
const finish = tcp(reverse(four), { flags: 'FIN ACK', sequence: 901, acknowledgement: 121 });
const done = tcp(four, { flags: 'FIN ACK', sequence: 121, acknowledgement: 941 });
const abort = tcp(reverse(four), { flags: 'RST', sequence: 901 });
const handshake = [syn, synAck, ack];

/** One line a connection: `tcp client > server outcome errno frames 1,2`. */
function describeConnection({ protocol, client, server, outcome, errno, frames }: Connection): string {
  const ends = `${client.address}:${client.port} > ${server.address}:${server.port}`;
  return `${protocol} ${ends} ${outcome} ${errno ?? '-'} frames ${frames.map(({ number }) => number).join()}`;
}

function found(sights: readonly (Sight | string)[], linkType = 1): string[] {
  return findConnections(captureOf(sights, linkType)).map(describeConnection);
}

function met(sights: readonly (Sight | string)[]): string {
  return findConnections(captureOf(sights))
    .map(({ outcome, errno }) => `${outcome} ${errno ?? '-'}`)
    .join('; ');
}

it('takes whom a refusal is for as the client, where that alone was seen', () => {
  expect(found([refusal])).toEqual(['tcp 10.88.0.10:40000 > 10.88.0.1:8080 refused ECONNREFUSED frames 1']);
  // The number of a reset in the midst of a connection is the one that its other end expects.
  expect(found([abort])).toEqual(['tcp 10.88.0.1:8080 > 10.88.0.10:40000 unknown - frames 1']);
});

describe('what the program met', () => {
  it.each<[string, readonly string[], string]>([
    ['a SYN alone', [syn], 'timeout -'],
    ['a SYN and a reset', [syn, refusal], 'refused ECONNREFUSED'],
    ['a handshake and nothing more', handshake, 'ok -'],
    ['question and answer', [...handshake, question, answer], 'ok -'],
    ['a question acknowledged, without an answer', [...handshake, question, heard], 'timeout -'],
    ['a question met by FIN', [...handshake, question, finish], 'closed -'],
    [
      'a question of the middle met by FIN: what it asked before may have been answered',
      [question, finish],
      'unknown -',
    ],
    ['a question met by RST', [...handshake, question, abort], 'reset ECONNRESET'],
    ['an answer, then RST', [...handshake, question, answer, abort], 'reset ECONNRESET'],
    ['an answer to who is done then, and RST', [...handshake, question, answer, done, abort], 'ok -'],
    ['an answer and FIN, then RST', [...handshake, question, answer, finish, abort], 'ok -'],
    ['a SYN-ACK that the client never acknowledges', [syn, synAck, synAck], 'timeout -'],
    ['a SYN-ACK that the client resets', [syn, synAck, tcp(four, { flags: 'RST', sequence: 101 })], 'unknown -'],
    ['frames of the middle, without an answer', [heard], 'unknown -'],
  ])('%s', (_name, packets, outcome) => {
    expect(met(packets)).toBe(outcome);
  });

  const codes: readonly (readonly [number, number, string, string])[] = [
    [3, 0, 'unreachable ENETUNREACH', 'timeout -'],
    [3, 1, 'unreachable EHOSTUNREACH', 'timeout -'],
    [3, 2, 'unreachable ENOPROTOOPT', 'unreachable ENOPROTOOPT'],
    [3, 3, 'refused ECONNREFUSED', 'refused ECONNREFUSED'],
    [3, 4, 'timeout -', 'timeout -'],
    [3, 9, 'unreachable ENETUNREACH', 'unreachable ENETUNREACH'],
    [3, 10, 'unreachable EHOSTUNREACH', 'unreachable EHOSTUNREACH'],
    [3, 13, 'unreachable EHOSTUNREACH', 'unreachable EHOSTUNREACH'],
    [11, 0, 'unreachable EHOSTUNREACH', 'timeout -'],
  ];
  it.each(codes)('ICMP %i/%i: TCP %s, UDP %s', (type, code, byTcp, byUdp) => {
    const ask = udp({ ...four, to: '10.88.0.1:53' });
    expect(met([syn, icmpError('10.88.0.1', '10.88.0.10', type, code, syn)])).toBe(byTcp);
    expect(met([ask, icmpError('10.88.0.1', '10.88.0.10', type, code, ask)])).toBe(byUdp);
  });

  it.each([
    [1, 0, 'unreachable ENETUNREACH'],
    [1, 1, 'unreachable EACCES'],
    [1, 3, 'unreachable EHOSTUNREACH'],
    [1, 4, 'refused ECONNREFUSED'],
    [1, 5, 'unreachable EACCES'],
    [1, 6, 'unreachable EACCES'],
    [3, 0, 'unreachable EHOSTUNREACH'],
  ])('ICMPv6 %i/%i: %s', (type, code, outcome) => {
    const ask = tcp(six, { flags: 'SYN' });
    expect(met([ask, icmpError('fd00:88::1', 'fd00:88::10', type, code, ask)])).toBe(outcome);
  });

  it('takes an ICMP message that is no error for none', () => {
    expect(met([syn, icmpError('10.88.0.1', '10.88.0.10', 5, 1, syn)])).toBe('timeout -');
  });

  it('does not let an ICMP error undo an answer', () => {
    const late = icmpError('10.88.0.1', '10.88.0.10', 3, 1, question);
    expect(met([...handshake, question, answer, late])).toBe('ok -');
  });
});

describe('whose connection it is', () => {
  it.each([
    ['in order', [syn, refusal]],
    ['the answer first', [refusal, syn]],
  ])('the sender of the SYN is the client: %s', (_name, packets) => {
    expect(found(packets)).toEqual(['tcp 10.88.0.10:40000 > 10.88.0.1:8080 refused ECONNREFUSED frames 1,2']);
  });

  it('the first sender is the client where no SYN was captured', () => {
    expect(found([question, answer])).toEqual(['tcp 10.88.0.10:40000 > 10.88.0.1:8080 ok - frames 1,2']);
  });

  it('the first sender is the client of a UDP exchange', () => {
    const ends = { from: '10.88.0.10:5353', to: '10.88.0.1:53' };
    expect(found([udp(ends), udp(reverse(ends), 60)])).toEqual(['udp 10.88.0.10:5353 > 10.88.0.1:53 ok - frames 1,2']);
  });

  it('a ping is one whatever the number of its echoes, and an error fails it', () => {
    const [asks, answers] = [
      [1, 2].map((sequence) => echo('10.88.0.10', '10.88.0.1', 'request', sequence)),
      [1, 2].map((sequence) => echo('10.88.0.1', '10.88.0.10', 'reply', sequence)),
    ];
    expect(found([...asks, ...answers])).toEqual(['icmp 10.88.0.10:7 > 10.88.0.1:7 ok - frames 1,2,3,4']);
    const error = icmpError('10.88.0.9', '10.88.0.10', 3, 0, asks.join('').slice(0, 56));
    expect(found([...asks, error])).toEqual(['icmp 10.88.0.10:7 > 10.88.0.1:7 unreachable ENETUNREACH frames 1,2,3']);
  });

  it('tells TCP from UDP on the same ports', () => {
    expect(found([udp(four), syn])).toEqual([
      'udp 10.88.0.10:40000 > 10.88.0.1:8080 timeout - frames 1',
      'tcp 10.88.0.10:40000 > 10.88.0.1:8080 timeout - frames 2',
    ]);
  });

  it('reads IPv6', () => {
    expect(found([tcp(six, { flags: 'SYN' })])).toEqual(['tcp fd00:88::10:40000 > fd00:88::1:8080 timeout - frames 1']);
  });
});

describe('the same ports again', () => {
  const second = tcp(four, { flags: 'SYN', sequence: 7777 });
  const secondRefusal = tcp(reverse(four), { flags: 'RST ACK', sequence: 0, acknowledgement: 7778 });

  it('a SYN with another sequence number begins a new connection', () => {
    expect(found([syn, refusal, second, secondRefusal])).toEqual([
      'tcp 10.88.0.10:40000 > 10.88.0.1:8080 refused ECONNREFUSED frames 1,2',
      'tcp 10.88.0.10:40000 > 10.88.0.1:8080 refused ECONNREFUSED frames 3,4',
    ]);
  });

  it('a SYN with the same number is a retransmission', () => {
    expect(found([syn, syn, syn])).toEqual(['tcp 10.88.0.10:40000 > 10.88.0.1:8080 timeout - frames 1,2,3']);
  });

  it('a capture point that reports everything later falls into the same connections', () => {
    const first = [syn, refusal, second, secondRefusal];
    const later = first.map((packet) => ({ at: 1, packet }));
    expect(found([...first, ...later])).toEqual([
      'tcp 10.88.0.10:40000 > 10.88.0.1:8080 refused ECONNREFUSED frames 1,2,5,6',
      'tcp 10.88.0.10:40000 > 10.88.0.1:8080 refused ECONNREFUSED frames 3,4,7,8',
    ]);
  });

  it('an ICMP error is met by the connection that it interrupts', () => {
    const error = icmpError('10.88.0.1', '10.88.0.10', 3, 13, syn);
    expect(found([syn, error, second])).toEqual([
      'tcp 10.88.0.10:40000 > 10.88.0.1:8080 unreachable EHOSTUNREACH frames 1,2',
      'tcp 10.88.0.10:40000 > 10.88.0.1:8080 timeout - frames 3',
    ]);
  });
});

describe('packets of a connection', () => {
  it('names the request and the reset', () => {
    const [connection] = findConnections(captureOf([refusal, syn]));
    const request = connection === undefined ? null : requestPacket(connection);
    const reset = connection === undefined ? null : resetPacket(connection);
    expect(request?.frames.map(({ number }) => number)).toEqual([2]);
    expect(reset?.frames.map(({ number }) => number)).toEqual([1]);
    expect([request, reset].map((packet) => packet && connection && fromClient(connection, packet))).toEqual([
      true,
      false,
    ]);
  });
});

describe('captures of other tools', () => {
  it.each([0, 101, 113])('link type %i', (linkType) => {
    expect(found([syn, refusal], linkType)).toEqual([
      'tcp 10.88.0.10:40000 > 10.88.0.1:8080 refused ECONNREFUSED frames 1,2',
    ]);
  });

  it('a link type that nettrace does not read has no connections', () => {
    expect(found([syn, refusal], 127)).toEqual([]);
  });

  it('a frame of an interface that the file does not name is read as Ethernet', () => {
    expect(found([{ at: 99, packet: syn }])).toHaveLength(1);
  });
});

describe('hostile bytes', () => {
  const templates = [
    syn,
    question,
    udp(four),
    tcp(six, { flags: 'SYN' }),
    icmpError('10.88.0.1', '10.88.0.10', 3, 3, syn),
  ];

  /** A frame of anything: noise, or a good frame with some bytes overwritten and its end cut. */
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 120 }),
    fc
      .record({
        template: fc.constantFrom(...templates),
        patches: fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 6 }),
        keep: fc.nat(90),
      })
      .map(({ template, patches, keep }) => {
        const frame = linked(1, template);
        for (const [at, value] of patches) if (at < frame.length) frame[at] = value;
        return frame.subarray(0, keep);
      }),
  );

  it('never throw, and put every frame into one connection at most', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ bytes, interfaceIndex: fc.nat(3), more: fc.nat(70_000) }), { maxLength: 12 }),
        (frames) => {
          const evidence: Case = {
            ...captureOf([]),
            frames: frames.map((frame, index) => ({
              number: index + 1,
              timeNs: 0n,
              interfaceIndex: frame.interfaceIndex,
              originalLength: frame.bytes.length + frame.more,
              bytes: frame.bytes,
            })),
          };
          const numbers = findConnections(evidence).flatMap((connection) =>
            connection.frames.map(({ number }) => number),
          );
          expect(new Set(numbers).size).toBe(numbers.length);
        },
      ),
    );
  });
});
