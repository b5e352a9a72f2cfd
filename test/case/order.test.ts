import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { inTimeOrder } from '../../src/case/order.ts';
import { findConnections } from '../../src/flow/connection.ts';
import { captureOf, framesOf, icmpError, reverse, type Sight, tcp } from '../flow/frames.ts';

const ends = { from: '10.88.0.10:40000', to: '10.88.0.1:8080' };
const syn = tcp(ends, { flags: 'SYN', sequence: 100 });
const refusal = tcp(reverse(ends), { flags: 'RST ACK', sequence: 0, acknowledgement: 101 });

function numbersAt(...times: readonly bigint[]): number[] {
  const frames = framesOf(times.map((): Sight => ({ packet: syn })));
  return inTimeOrder(frames.map((frame, index) => ({ ...frame, timeNs: times[index] ?? 0n }))).map(
    ({ number }) => number,
  );
}

describe('frames in the order of time', () => {
  it.each([
    ['no frames', [], []],
    ['in order', [5n, 5n, 6n], [1, 2, 3]],
    ['out of order', [9n, 7n, 8n], [2, 3, 1]],
    ['of one time, by number', [8n, 7n, 8n, 7n], [2, 4, 1, 3]],
    ['before 1970', [1n, -1n], [2, 1]],
    ['without a time, behind the frame that they follow', [9n, 0n, 7n, 0n], [3, 4, 1, 2]],
    ['all without a time', [0n, 0n, 0n], [1, 2, 3]],
  ])('%s', (_name, times, numbers) => {
    expect(numbersAt(...times)).toEqual(numbers);
  });

  it('is the list itself when that is in order', () => {
    const frames = framesOf([syn, refusal]);
    expect(inTimeOrder(frames)).toBe(frames);
  });

  test('keeps every frame, whatever the times', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt({ min: 1n, max: 20n })), (times) => {
        const ordered = numbersAt(...times);
        expect(ordered.toSorted((a, b) => a - b)).toEqual(times.map((_, index) => index + 1));
        const sorted = ordered.map((number) => times[number - 1] ?? 0n);
        expect(sorted).toEqual(times.toSorted((a, b) => Number(a - b)));
      }),
    );
  });
});

describe('connections of a capture whose frames are out of order', () => {
  it('are read in the order of time, with the numbers of the file', () => {
    const [connection, ...others] = findConnections(
      captureOf([
        { packet: refusal, afterNs: 2000n },
        { packet: syn, afterNs: 1000n },
      ]),
    );
    expect(others).toEqual([]);
    expect(connection).toMatchObject({ client: { port: 40_000 }, outcome: 'refused' });
    expect(connection?.frames.map(({ number }) => number)).toEqual([2, 1]);
  });

  it('an error goes to the attempt before it in time', () => {
    const again = tcp(ends, { flags: 'SYN', sequence: 200 });
    const error = icmpError('10.88.0.1', '10.88.0.10', 3, 1, syn);
    const found = findConnections(
      captureOf([
        { packet: syn, afterNs: 1000n },
        { packet: again, afterNs: 3000n },
        { packet: error, afterNs: 2000n },
      ]),
    );
    expect(found.map(({ outcome, frames }) => [outcome, frames.map(({ number }) => number)])).toEqual([
      ['unreachable', [1, 3]],
      ['timeout', [2]],
    ]);
  });
});
