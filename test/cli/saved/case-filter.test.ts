import { describe, expect, it } from 'vitest';
import { connectionsWith, framesAmong, passingFrames } from '../../../src/cli/saved/case-filter.ts';
import { diagnose } from '../../../src/diagnose/diagnose.ts';
import { filterOf } from '../../filter/ask.ts';
import { captureOf, icmpError, reverse, tcp, udp } from '../../flow/frames.ts';

const refused = { from: '10.88.0.10:40001', to: '10.88.0.1:81' };
const question = udp({ from: '10.88.0.10:5000', to: '10.88.0.2:53' });
const evidence = captureOf([
  question,
  tcp(refused, { flags: 'SYN', sequence: 7 }),
  tcp(reverse(refused), { flags: 'RST ACK', acknowledgement: 8 }),
  icmpError('10.88.0.2', '10.88.0.10', 3, 3, question),
]);
const diagnosis = diagnose(evidence);

describe('the frames of a case that a filter accepts', () => {
  it.each([
    ['tcp.flags.syn', [2]],
    ['frame.time_relative > 0.001', [3, 4]],
    ['interface == eth0', [1, 2, 3, 4]],
    ['connection == 1', [1, 4]],
    ['connection == 2', [2, 3]],
    ['verdict == refused', [1, 2, 3, 4]],
    ['cause == refused-by-remote', [2, 3]],
  ])('%s', (text, numbers) => {
    expect([...passingFrames(evidence, diagnosis, filterOf(text))]).toEqual(numbers);
  });
});

describe('a diagnosis by its frames', () => {
  it('keeps the connections that have one of them, as they are', () => {
    const chosen = connectionsWith(diagnosis, new Set([3]));
    expect(chosen).toEqual({
      ...diagnosis,
      connections: diagnosis.connections.filter(({ protocol }) => protocol === 'tcp'),
    });
    expect(chosen.connections.map(({ frames }) => frames)).toEqual([[2, 3]]);
  });

  it('lists those of a connection that are among them', () => {
    const frames = framesAmong(diagnosis, new Set([3, 4])).connections.map((connection) => connection.frames);
    expect(frames).toEqual([[4], [3]]);
  });
});
