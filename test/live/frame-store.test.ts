import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { none } from '../../src/flow/connection-row.ts';
import { FrameStore, type ToldFrame } from '../../src/live/frame-store.ts';
import { firstSecond, record, wallMs } from './records.ts';

const megabyte = 1024 * 1024;
const ms = 1_000_000;

/** A store of so many streams, and the times that it tells, with the streams that they come from. */
function storeOf(streams: number, { bound = 16 * megabyte, latencyMs = 1000 } = {}) {
  const told: string[] = [];
  const store = new FrameStore(bound, latencyMs, ({ point, timeNs }: ToldFrame) => {
    told.push(`${point}:${timeNs / ms}`);
    return none;
  });
  for (let count = 0; count < streams; count += 1) store.open();
  const push = (stream: number, atMs: number, length = 60): void =>
    store.push(stream, record(atMs * ms, new Uint8Array(length)));
  return { store, told, push };
}

describe('streams are merged by time', () => {
  it('waits for a stream that has told less', () => {
    const { store, told, push } = storeOf(2);
    push(0, 100);
    push(0, 200);
    push(1, 150);
    store.advance(wallMs(300 * ms));
    // A stream tells its frames nearly in their order: 10 ms are left for that.
    expect(told).toEqual(['0:100']);
    push(1, 400);
    store.advance(wallMs(400 * ms));
    expect(told).toEqual(['0:100', '1:150']);
    push(0, 500);
    store.advance(wallMs(500 * ms));
    expect(told).toEqual(['0:100', '1:150', '0:200']);
  });

  it('does not wait for a silent stream longer than its frames can take, nor for one that has ended', () => {
    const { store, told, push } = storeOf(2);
    push(0, 100);
    store.advance(wallMs(1050 * ms));
    expect(told).toEqual([]);
    store.advance(wallMs(1100 * ms));
    expect(told).toEqual(['0:100']);
    push(0, 1200);
    push(0, 1300);
    store.close(1);
    store.advance(wallMs(1300 * ms));
    expect(told).toEqual(['0:100', '0:1200']);
  });

  it('numbers a frame that comes too late where it comes, and counts it', () => {
    const { store, told, push } = storeOf(2);
    push(0, 500);
    store.advance(wallMs(2000 * ms));
    push(1, 400);
    store.finish();
    expect(told).toEqual(['0:500', '1:400']);
    expect(store.late).toBe(1);
  });

  it('lets the earliest go where more waits than a quarter of the memory', () => {
    const { told, push } = storeOf(2, { bound: 8 * megabyte });
    for (let at = 0; at < 40; at += 1) push(0, at, 60_000);
    expect(told).toHaveLength(40 - Math.floor((2 * megabyte) / 60_032));
    expect(told[0]).toBe('0:0');
  });
});

/** Some streams; of each frame its time and how much later, in milliseconds, than its place it comes. */
const streams = fc.array(fc.array(fc.record({ gap: fc.nat(30), shift: fc.nat(9) }), { maxLength: 40 }), {
  minLength: 1,
  maxLength: 4,
});

test('frames of nearly ordered streams come in the order of time, each once, whatever comes first', () => {
  fc.assert(
    fc.property(streams, fc.infiniteStream(fc.nat(3)), (all, choices) => {
      const { store, told, push } = storeOf(all.length);
      const queues = all.map((frames) => {
        let at = 0;
        const timed = frames.map(({ gap, shift }) => {
          at += gap;
          return { at, comes: at + shift };
        });
        return timed.sort((a, b) => a.comes - b.comes).map(({ at }) => at);
      });
      while (queues.some((queue) => queue.length > 0)) {
        const stream = choices.next().value % queues.length;
        const at = queues[stream]?.shift();
        if (at !== undefined) push(stream, at);
        store.advance(wallMs(0));
      }
      store.finish();
      const times = told.map((one) => Number(one.split(':')[1]));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(told).toHaveLength(all.flat().length);
      expect(store.late).toBe(0);
    }),
  );
});

describe('frames are kept within a bound', () => {
  const lengths = fc.array(fc.constantFrom<number[]>(0, 1, 60, 1514, 65_000, 262_144), {
    minLength: 1,
    maxLength: 120,
  });

  test('the latest are there as they came, the others are gone', () => {
    fc.assert(
      fc.property(lengths, (all) => {
        const store = new FrameStore(8 * megabyte, 0, () => none);
        const stream = store.open();
        for (const [index, length] of all.entries()) {
          store.push(stream, record(index * ms, new Uint8Array(length).fill(index), length + 5));
          store.finish();
        }
        expect(store.last).toBe(all.length);
        expect(store.bytes).toBeLessThanOrEqual(8 * megabyte);
        expect(store.frame(store.first - 1)).toBeNull();
        expect(store.frame(store.last + 1)).toBeNull();
        for (let number = store.first; number <= store.last; number += 1) {
          const length = all[number - 1] ?? -1;
          expect(store.frame(number)).toEqual({
            number,
            point: stream,
            timeNs: BigInt(firstSecond) * 1_000_000_000n + BigInt((number - 1) * ms),
            originalLength: length + 5,
            bytes: new Uint8Array(length).fill(number - 1),
          });
        }
        const kept = all.slice(store.first - 1).reduce((sum, length) => sum + length, 0);
        const total = all.reduce((sum, length) => sum + length, 0);
        // Two segments may be half empty: the one that is filled and the one that was let go.
        expect(kept).toBeGreaterThan(Math.min(total, 5 * megabyte) - 1);
      }),
      { numRuns: 40 },
    );
  });

  it('may be prepared, a piece at a time, up to the bound, and holds the same frames then', () => {
    const { store, push } = storeOf(1, { bound: 10 * megabyte, latencyMs: 0 });
    store.prepare(4 * megabyte);
    expect(store.bytes).toBe(4 * megabyte);
    store.prepare(100 * megabyte);
    expect(store.bytes).toBe(10 * megabyte);
    for (let at = 1; at <= 30; at += 1) push(0, at, 500_000);
    store.finish();
    expect([store.first, store.last, store.bytes]).toEqual([11, 30, 10 * megabyte]);
    expect(store.frame(11)?.bytes.length).toBe(500_000);
  });

  it('cuts what is longer than any frame', () => {
    const store = new FrameStore(8 * megabyte, 0, () => none);
    const stream = store.open();
    store.push(stream, record(0, new Uint8Array(2 * megabyte)));
    store.finish();
    expect(store.frame(1)?.bytes.length).toBe(megabyte - 32);
    expect(store.frame(1)?.originalLength).toBe(2 * megabyte);
  });
});

test('the frames of a connection are those that were said to be its own', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: none, max: 3 }), { maxLength: 300 }),
      fc.nat(300),
      fc.nat(20),
      (ids, after, most) => {
        const store = new FrameStore(8 * megabyte, 0, ({ number }) => ids[number - 1] ?? none);
        const stream = store.open();
        // Large enough that the first ones go.
        for (let index = 0; index < ids.length; index += 1)
          store.push(stream, record(index * ms, new Uint8Array(50_000)));
        store.finish();
        for (const id of [0, 1, 2, 3]) {
          const own = ids.flatMap((one, index) => (one === id ? [index + 1] : []));
          const expected = own.filter((number) => number > after && number >= store.first);
          expect(store.framesOf(id, after, most)).toEqual(most === 0 ? [] : expected.slice(-most));
        }
        for (let number = 1; number <= ids.length; number += 1) {
          expect(store.connectionOf(number)).toBe(number < store.first ? none : ids[number - 1]);
        }
      },
    ),
    { numRuns: 60 },
  );
});
