import { describe, expect, it, test } from 'vitest';
import { CaseStreams } from '../../../src/cli/saved/case-streams.ts';
import { diagnose } from '../../../src/diagnose/diagnose.ts';
import { lineText } from '../../../src/report/stream.ts';
import type { StreamAnswer, StreamForm } from '../../../src/ui/case-view.ts';
import { captureOf, icmpError, reverse, type Sight, tcp, udp } from '../../flow/frames.ts';

function streamsOf(sights: readonly (Sight | string)[]): CaseStreams {
  const evidence = captureOf(sights);
  return new CaseStreams(evidence, diagnose(evidence));
}

function linesOf(answer: StreamAnswer, form: StreamForm = 'text', width = 78): string[] {
  if (!answer.ok) throw new Error(answer.message);
  return answer.lines(form, width).map(lineText);
}

const ends = { from: '10.88.0.10:40001', to: '10.88.0.1:80' };
const question = tcp(ends, { flags: 'PSH ACK', sequence: 8, text: 'GET /\x1b[31m\r\n' });
const talk = [
  tcp(ends, { flags: 'SYN', sequence: 7 }),
  tcp(reverse(ends), { flags: 'SYN ACK', sequence: 90, acknowledgement: 8 }),
  question,
  { packet: question, at: 1 },
  tcp(reverse(ends), { flags: 'PSH ACK', sequence: 91, acknowledgement: 20, text: 'yes' }),
];

describe('the stream of a frame of a case', () => {
  it('is that of its connection, which several capture points tell once', () => {
    const answer = streamsOf(talk).of(4);
    expect(linesOf(answer)).toEqual(['> GET /\\x1b[31m', '< yes']);
    expect(answer).toMatchObject({
      protocol: 'tcp',
      client: { address: '10.88.0.10', port: 40001 },
      server: { address: '10.88.0.1', port: 80 },
    });
  });

  test.each<[StreamForm, number, readonly string[]]>([
    ['hex', 78, ['> 00000000  47 45 54 20 2f 1b 5b 33  31 6d 0d 0a              |GET /.[31m..|']],
    ['hex', 77, ['> 00000000  47 45 54 20 2f 1b 5b 33  |GET /.[3|', '> 00000008  31 6d 0d 0a              |1m..|']],
    ['raw', 58, ['> 474554202f1b5b33316d0d0a']],
    ['raw', 8, ['> 474554202f1b5b33', '> 316d0d0a']],
  ])('as %s in %i columns', (form, width, rows) => {
    expect(linesOf(streamsOf(talk).of(1), form, width).slice(0, rows.length)).toEqual(rows);
  });

  it('is made once a frame, its lines once a form and width', () => {
    const streams = streamsOf(talk);
    const answer = streams.of(1);
    expect(streams.of(1)).toBe(answer);
    if (!answer.ok) throw new Error(answer.message);
    const lines = answer.lines('hex', 80);
    expect(answer.lines('hex', 80)).toBe(lines);
    expect([answer.lines('hex', 60), answer.lines('text', 60)]).not.toContain(lines);
  });

  it('is found of an ICMP error that came before what it quotes', () => {
    const datagram = udp({ from: '10.88.0.10:5000', to: '10.88.0.2:53' }, Buffer.from('?'));
    const error = icmpError('10.88.0.2', '10.88.0.10', 3, 3, datagram);
    expect(linesOf(streamsOf([error, datagram]).of(1))).toEqual(['> ?']);
  });

  test.each([
    ['a ping', icmpError('10.88.0.10', '10.88.0.1', 8, 0, ''), 'Frame 1 is of a ping: only what TCP and UDP carry'],
    ['no connection', icmpError('10.88.0.1', '10.88.0.9', 3, 1, question), 'Frame 1 belongs to no connection'],
  ])('is none of %s', (_name, packet, message) => {
    expect(streamsOf([packet]).of(1)).toMatchObject({ ok: false, message: expect.stringContaining(message) });
  });

  it('has a bound, and says what is beyond it', () => {
    const length = 60_000;
    const segments = Array.from({ length: 40 }, (_, index) =>
      tcp(ends, { flags: 'ACK', sequence: 8 + index * length, length }),
    );
    const lines = linesOf(streamsOf([...talk.slice(0, 2), ...segments]).of(1), 'raw', 400);
    expect(lines.at(-1)).toBe(
      '[5 frames of the connection left out: it is too long; nettrace follow shows more of it]',
    );
  });

  it('has a bound of lines too', () => {
    const text = '\n'.repeat(60_000);
    const segments = [8, 60_008].map((sequence) => tcp(ends, { flags: 'ACK', sequence, text }));
    const lines = linesOf(streamsOf([...talk.slice(0, 2), ...segments]).of(1));
    expect([lines.length, lines.at(-2), lines.at(-1)]).toEqual([
      100_001,
      '> ',
      '[more lines follow: nettrace follow shows more of it]',
    ]);
  });
});
