import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCase } from '../../src/capfile/case-file.ts';
import type { Case } from '../../src/case/evidence.ts';
import { FrameSet } from '../../src/case/frame-set.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import type { Diagnosis } from '../../src/diagnose/diagnosis.ts';
import { concat } from '../capfile/build.ts';
import { caseOf, ends, listeners, noSocketLines, packets, rejectingRule, snapshotWith } from '../diagnose/cases.ts';
import { captureOf, icmpError, reverse, type Sight, tcp, udp } from '../flow/frames.ts';
import { domainName, join } from '../wire/payloads.ts';
import { indexedDiagnosis, indexedDocument } from './indexed.ts';

const clientHello = Uint8Array.from([22, 3, 1, 0, 6, 1, 0, 0, 2, 3, 3]);
const tlsAlert = Uint8Array.from([21, 3, 3, 0, 2, 2, 40]);

const web = { from: '10.88.0.10:40000', to: '10.88.0.1:443' };
const six = { from: '[fd00:88::10]:40000', to: '[fd00:88::1]:80' };
const names = { from: '10.88.0.10:5353', to: '10.88.0.2:53' };
const log = { from: '10.88.0.10:5000', to: '10.88.0.3:514' };

/** The ends that NAT gives `web`, and others that a SYN of its number may have: then nobody can tell which became which. */
const outside = { from: '192.0.2.1:61000', to: '10.88.0.1:8443' };
/** `web` where its destination is rewritten already, and its source not yet. */
const between = { from: web.from, to: outside.to };
const stranger = { from: '192.0.2.9:61000', to: '10.88.0.9:443' };

/** A question for a name, or an answer. */
function dns(flags: string): Uint8Array {
  return join('1a2b', flags, '0001 0000 0000 0000', domainName('www.example.org'), '0001 0001');
}

/** A first fragment, or a later one, of a packet. */
function fragment(packet: string, offset: number): string {
  return packet.slice(0, 12) + (offset === 0 ? '2000' : '0001') + packet.slice(16);
}

/** What captures are put together of: two attempts on one pair of ends, TLS and plain text, names, errors, fragments. */
const pool: readonly string[] = [
  ...[web, six].flatMap((ends) => [
    tcp(ends, { flags: 'SYN', sequence: 100 }),
    tcp(ends, { flags: 'SYN', sequence: 900 }),
    tcp(reverse(ends), { flags: 'SYN ACK', sequence: 300, acknowledgement: 101 }),
    tcp(ends, { flags: 'ACK', sequence: 101, acknowledgement: 301 }),
    tcp(ends, { flags: 'PSH ACK', sequence: 101, acknowledgement: 301, text: clientHello }),
    tcp(ends, { flags: 'PSH ACK', sequence: 101, acknowledgement: 301, text: 'GET / HTTP/1.1\r\n\r\n' }),
    tcp(reverse(ends), { flags: 'PSH ACK', sequence: 301, acknowledgement: 200, text: 'HTTP/1.1 400 Bad\r\n\r\n' }),
    tcp(reverse(ends), { flags: 'PSH ACK', sequence: 301, acknowledgement: 200, text: tlsAlert }),
    tcp(reverse(ends), { flags: 'ACK', sequence: 301, acknowledgement: 400 }),
    tcp(reverse(ends), { flags: 'RST ACK', acknowledgement: 101 }),
    tcp(ends, { flags: 'FIN ACK', sequence: 130, acknowledgement: 330 }),
    tcp(reverse(ends), { flags: 'FIN ACK', sequence: 330, acknowledgement: 131 }),
  ]),
  udp(names, dns('0100')),
  udp(reverse(names), dns('8183')),
  udp(reverse(names), dns('8180')),
  udp(log, 9),
  udp(reverse(log), 9),
  fragment(udp(log, 64, 7), 0),
  icmpError('10.88.0.3', '10.88.0.10', 3, 3, udp(log, 9)),
  icmpError('10.88.0.1', '10.88.0.10', 3, 1, tcp(web, { flags: 'SYN', sequence: 100 })),
];

/** The same behind NAT. */
const translated: readonly string[] = [
  tcp(outside, { flags: 'SYN', sequence: 100 }),
  tcp(outside, { flags: 'SYN', sequence: 900 }),
  tcp(reverse(outside), { flags: 'SYN ACK', sequence: 300, acknowledgement: 101 }),
  tcp(outside, { flags: 'PSH ACK', sequence: 101, acknowledgement: 301, text: clientHello }),
  tcp(reverse(outside), { flags: 'PSH ACK', sequence: 301, acknowledgement: 200, text: 'HTTP/1.1 400 Bad\r\n\r\n' }),
  tcp(reverse(outside), { flags: 'RST ACK', acknowledgement: 101 }),
  tcp(between, { flags: 'SYN', sequence: 100 }),
  tcp(reverse(between), { flags: 'SYN ACK', sequence: 300, acknowledgement: 101 }),
  tcp(stranger, { flags: 'SYN', sequence: 100 }),
];

function fileOf(evidence: Case): Uint8Array {
  return concat(...encodeCase(evidence));
}

/** Frames at two capture points, most of them in the order of time. */
const anyCapture = fc
  .array(fc.record({ packet: fc.constantFrom(...pool), at: fc.nat(1), late: fc.option(fc.nat(3_000), { freq: 5 }) }), {
    maxLength: 40,
  })
  .map((sights) =>
    captureOf(
      sights.map(({ packet, at, late }, index): Sight => {
        const afterMs = BigInt(index) * 200n - BigInt(late ?? 0);
        return { packet, at, afterNs: (afterMs < 0n ? 0n : afterMs) * 1_000_000n };
      }),
    ),
  );

/** Frames on both sides of a NAT, in the order of time. */
const anyTranslation = fc
  .array(fc.record({ packet: fc.constantFrom(...pool.slice(0, 12), ...translated, ...translated), at: fc.nat(1) }), {
    maxLength: 40,
  })
  .map((sights) =>
    captureOf(sights.map((sight, index): Sight => ({ ...sight, afterNs: BigInt(index) * 200_000_000n }))),
  );

/** Packets that are seen microseconds apart. */
function together(some: readonly string[]): Sight[] {
  return some.map((packet, index) => ({ packet, afterNs: BigInt(index) * 10_000n }));
}

const proxied = { from: '10.88.0.1:45000', to: '203.0.113.9:80' };
const resolved = { from: '10.88.0.10:5353', to: '10.88.0.1:19001' };
/** The rule sends datagrams for that port to another address. */
const redirectingRule = {
  json: rejectingRule.json
    .replace('"type": "filter", "hook": "input"', '"type": "nat", "hook": "prerouting"')
    .replace('"protocol": "tcp"', '"protocol": "udp"')
    .replace('{"reject": {"type": "tcp reset"}}', '{"dnat": {"addr": "10.88.0.20", "port": 53}}'),
  text: rejectingRule.text
    .replace('type filter hook input', 'type nat hook prerouting')
    .replace('tcp dport 19001 reject with tcp reset', 'udp dport 19001 dnat to 10.88.0.20:53'),
};

/** Sights that one connection is told by, and of how many connections the document tells. */
const joined: readonly [string, Case, (document: Diagnosis) => unknown, unknown][] = [
  [
    'a datagram that a rule sends elsewhere',
    caseOf({
      sights: together([udp(resolved, 9), udp({ ...resolved, to: '10.88.0.20:53' }, 9)]),
      snapshot: snapshotWith('', redirectingRule),
    }),
    ({ connections }) => connections.map(({ translated: ends, frames }) => [ends?.destination.address, frames]),
    [['10.88.0.20', [1, 2]]],
  ],
  [
    'a connection whose first packets alone are seen between NAT of its destination and of its source',
    captureOf(
      together([
        ...[web, between, outside].map((way) => tcp(way, { flags: 'SYN', sequence: 100 })),
        ...[outside, between, web].map((way) =>
          tcp(reverse(way), { flags: 'SYN ACK', sequence: 300, acknowledgement: 101 }),
        ),
        ...[web, outside].map((way) => tcp(way, { flags: 'ACK', sequence: 101, acknowledgement: 301 })),
      ]),
    ),
    ({ connections }) =>
      connections.map(({ outcome, translated: ends, frames }) => [outcome, ends?.source, ends?.destination, frames]),
    [
      [
        'ok',
        { address: '192.0.2.1', port: 61000, netns: null, name: null },
        { address: '10.88.0.1', port: 8443, netns: null, name: null },
        [1, 2, 3, 4, 5, 6, 7, 8],
      ],
    ],
  ],
  [
    "a proxy's connection, and the one that made it hang up, which is not the command's",
    caseOf({
      sights: together([
        packets.syn,
        packets.synAck,
        packets.ack,
        tcp(ends.tcp, { flags: 'PSH ACK', sequence: 101, acknowledgement: 901, length: 9 }),
        tcp(reverse(ends.tcp), { flags: 'ACK', sequence: 901, acknowledgement: 110 }),
        tcp(proxied, { flags: 'SYN', sequence: 7 }),
        tcp(reverse(proxied), { flags: 'RST ACK', acknowledgement: 8 }),
        tcp(reverse(ends.tcp), { flags: 'FIN ACK', sequence: 901, acknowledgement: 110 }),
      ]),
      snapshot: snapshotWith(listeners.bridge),
    }),
    ({ connections }) => connections.map(({ cause, frames }) => [cause, frames.length]),
    [
      ['proxy-upstream-refused', 6],
      [null, 2],
    ],
  ],
  [
    'an answer that began, and whose full packets vanish',
    captureOf(
      [
        packets.syn,
        packets.synAck,
        packets.ack,
        tcp(reverse(ends.tcp), { flags: 'ACK', sequence: 901, acknowledgement: 101, length: 300 }),
        tcp(ends.tcp, { flags: 'ACK', sequence: 101, acknowledgement: 1201 }),
        ...[1, 2, 3].flatMap((id) => [
          tcp(reverse(ends.tcp), { flags: 'ACK', sequence: 1201, acknowledgement: 101, length: 1400, id }),
          tcp(ends.tcp, { flags: 'ACK', sequence: 101, acknowledgement: 1201, id }),
        ]),
      ].map((packet, index): Sight => ({ packet, afterNs: BigInt(index) * 100_000_000n })),
    ),
    ({ connections }) => connections.map(({ outcome, cause }) => [outcome, cause]),
    [['stalled', 'mtu-black-hole']],
  ],
  [
    'what the arguments ask for, where nothing was captured of it',
    caseOf({ sights: [], snapshot: snapshotWith(listeners.loopback), argv: ['curl', `http://${ends.tcp.to}/`] }),
    ({ connections }) => connections.map(({ outcome, frames }) => [outcome, frames]),
    [['refused', []]],
  ],
];

describe('a diagnosis by the index', () => {
  it('is that of the whole case, whatever was captured in whatever order', () => {
    fc.assert(
      fc.property(anyCapture, (evidence) => {
        expect(indexedDocument(fileOf(evidence))).toEqual(diagnose(evidence));
      }),
      { numRuns: 100 },
    );
  });

  it('is that of the whole case, whatever NAT made of it', () => {
    fc.assert(
      fc.property(anyTranslation, (evidence) => {
        expect(indexedDocument(fileOf(evidence))).toEqual(diagnose(evidence));
      }),
      { numRuns: 100 },
    );
  });

  it.each(joined)('joins what the whole case joins: %s', (_name, evidence, tell, expected) => {
    const document = indexedDocument(fileOf(evidence));
    expect(tell(document)).toEqual(expected);
    expect(document).toEqual(diagnose(evidence));
  });

  it('joins nothing that does not fit alone among all connections, however few of them are read together', () => {
    const attempt = (client: string): string[] => {
      const way = { from: client, to: '10.88.0.1:81' };
      return [tcp(way, { flags: 'SYN', sequence: 1 }), tcp(reverse(way), { flags: 'RST ACK', acknowledgement: 2 })];
    };
    const flood = captureOf(
      together(Array.from({ length: 386 }, (_, index) => attempt(`10.88.1.${index % 200}:${1000 + index}`)).flat()),
    );
    expect(indexedDocument(fileOf(flood))).toEqual(diagnose(flood));
  });

  const sights = [packets.syn, packets.reset];
  const snapshot = snapshotWith(listeners.bridge, rejectingRule);
  it.each<[string, Case]>([
    ['nothing', captureOf([])],
    ["a command's", caseOf({ sights, snapshot, kernel: null })],
    [
      "a command's with the kernel's word",
      caseOf({ sights, snapshot: snapshotWith(listeners.loopback), kernel: noSocketLines }),
    ],
    ["a command's of which nothing was captured", caseOf({ sights: [] })],
  ])('is that of the whole case: %s', (_name, evidence) => {
    expect(indexedDocument(fileOf(evidence))).toEqual(diagnose(evidence));
  });

  it('tells of each connection by its place', () => {
    const evidence = captureOf(pool.map((packet) => ({ packet })));
    const diagnosis = indexedDiagnosis(fileOf(evidence));
    const places = Array.from({ length: diagnosis.length }, (_, index) => index);
    const { connections } = diagnose(evidence);
    expect(places.map((index) => ({ ...diagnosis.at(index), frames: diagnosis.framesAt(index) }))).toEqual(connections);
    const [first] = connections;
    const outcomes = diagnosis.outcomes();
    expect(first?.frames.map((number) => outcomes(number)?.cause)).toEqual(first?.frames.map(() => first.cause));
  });

  it('can be of those connections alone that have some frames', () => {
    const evidence = captureOf([...sights, udp(names), udp(log)]);
    const { connections } = diagnose(evidence);
    const chosen = indexedDiagnosis(fileOf(evidence)).withFrames(FrameSet.of(4, [2, 4]));
    expect([...chosen.all()]).toEqual(connections.filter(({ frames }) => frames.includes(2) || frames.includes(4)));
  });
});

describe('what is more than the bounds', () => {
  const refused = (port: number): string[] => {
    const ends = { from: `10.88.0.10:${port}`, to: '10.88.0.1:81' };
    return [tcp(ends, { flags: 'SYN', sequence: 1 }), tcp(reverse(ends), { flags: 'RST ACK', acknowledgement: 2 })];
  };
  const many = captureOf([1, 2, 3, 4].flatMap(refused));
  const causes = ({ connections }: Diagnosis): unknown[] =>
    connections.map(({ outcome, cause, frames }) => [outcome, cause, frames.length]);

  it.each([
    ['connections', { connections: 2, frames: 100, framesEach: 100 }],
    ['frames', { connections: 100, frames: 5, framesEach: 100 }],
  ])('is told by its headers, and counted: %s', (_name, bounds) => {
    const document = indexedDocument(fileOf(many), bounds);
    expect(causes(document)).toEqual([
      ['refused', 'refused-by-remote', 2],
      ['refused', 'refused-by-remote', 2],
      ['refused', null, 2],
      ['refused', null, 2],
    ]);
    expect(document.connections.at(-1)?.summary).toBe('10.88.0.1:81 refused the connection; why was not looked into.');
    expect(document.evidence.missing.join(' ')).toContain('2 of its connections were looked into. 2 more were not');
  });

  it('is looked at from both ends when it is one long connection', () => {
    const opening = pool.slice(0, 4).filter((_, index) => index !== 1);
    const middle = Array.from({ length: 20 }, (_, index) =>
      tcp(reverse(web), { flags: 'PSH ACK', sequence: 301 + index, acknowledgement: 101, length: 1 }),
    );
    const reset = tcp(reverse(web), { flags: 'RST ACK', sequence: 400, acknowledgement: 101 });
    const long = captureOf([...opening, ...middle, reset]);
    const document = indexedDocument(fileOf(long), { connections: 9, frames: 99, framesEach: 8 });
    expect(causes(document)).toEqual([['reset', 'reset-by-application', 24]]);
    expect(document.connections).toEqual(diagnose(long).connections);
    expect(document.evidence.missing.at(-1)).toBe(
      'One connection has more than 8 frames each: the first and the last 4 were looked at.',
    );
  });
});
