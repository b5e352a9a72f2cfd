import { describe, expect, it } from 'vitest';
import type { Filter } from '../../src/filter/filter.ts';
import { FilterSearch, type Turns } from '../../src/replay/filter-search.ts';
import type { FilterAnswer } from '../../src/ui/case-view.ts';

const count = 1000;

/** Turns that come when the test says so; each look at the clock takes some milliseconds. */
class TestTurns implements Turns {
  readonly #works: (() => void)[] = [];
  #ms = 0;
  readonly #lookMs: number;

  constructor(lookMs: number) {
    this.#lookMs = lookMs;
  }

  get waiting(): number {
    return this.#works.length;
  }

  later(work: () => void): void {
    this.#works.push(work);
  }

  nowMs(): number {
    this.#ms += this.#lookMs;
    return this.#ms;
  }

  /** Takes a turn; false when none is to come. */
  take(): boolean {
    const work = this.#works.shift();
    work?.();
    return work !== undefined;
  }
}

interface Searching {
  readonly search: FilterSearch;
  readonly turns: TestTurns;
  readonly asked: number[];
}

/** A search whose filters, whatever they say, accept every tenth row. */
function searching(lookMs = 4): Searching {
  const turns = new TestTurns(lookMs);
  const asked: number[] = [];
  const testOf = (_filter: Filter) => (row: number) => {
    asked.push(row);
    return row % 10 === 0;
  };
  return { search: new FilterSearch(count, testOf, turns), turns, asked };
}

function frames(answer: FilterAnswer): number {
  return answer.ok ? answer.frames.length : Number.NaN;
}

describe('a search', () => {
  it('asks nothing before it is wanted', () => {
    const { search, turns, asked } = searching();
    expect(search.answer('tcp')).toMatchObject({ ok: true, asked: 0 });
    expect([turns.waiting, asked.length]).toEqual([0, 0]);
  });

  it('asks every row once, in turns, and tells what it found', () => {
    const { search, turns, asked } = searching(20);
    const told: number[] = [];
    search.subscribe(() => told.push(frames(search.answer('tcp'))));
    search.answer('tcp');
    search.search('tcp');
    let taken = 0;
    while (turns.take()) taken += 1;
    expect(asked).toEqual(Array.from({ length: count }, (_, row) => row));
    expect(taken).toBeGreaterThan(3);
    expect(told.at(-1)).toBe(count / 10);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    const answer = search.answer('tcp');
    expect([answer, search.answer('tcp') === answer]).toEqual([{ ok: true, frames: expect.anything() }, true]);
  });

  it('gives a new object when more is known, and the same one until then', () => {
    const { search, turns } = searching(100);
    const first = search.answer('tcp');
    expect(search.answer('tcp')).toBe(first);
    search.search('tcp');
    turns.take();
    turns.take();
    const second = search.answer('tcp');
    expect(second).not.toBe(first);
    expect(second.ok && second.asked).toBeGreaterThan(0);
  });

  it('goes on with what is wanted now, and later from where it was', () => {
    const { search, turns, asked } = searching();
    search.answer('tcp');
    search.search('tcp');
    turns.take();
    const ofFirst = asked.length;
    search.answer('udp');
    search.search('udp');
    while (turns.take());
    expect(asked).toHaveLength(ofFirst + count);
    search.search('tcp');
    while (turns.take());
    expect(asked).toHaveLength(2 * count);
  });

  it('rests when nothing is wanted', () => {
    const { search, turns, asked } = searching();
    search.answer('tcp');
    search.search('tcp');
    turns.take();
    search.search(null);
    const before = asked.length;
    while (turns.take());
    expect(asked).toHaveLength(before);
  });

  it('says where a text is no filter', () => {
    const { search, turns } = searching();
    expect(search.answer('tcp && tpc')).toMatchObject({ ok: false, start: 7, end: 10 });
    search.search('tcp && tpc');
    expect(turns.waiting).toBe(0);
  });

  it('keeps some answers, that of the wanted one among them', () => {
    const { search, turns } = searching();
    search.answer('tcp');
    search.search('tcp');
    while (turns.take());
    const answer = search.answer('tcp');
    for (let port = 1; port < 40; port += 1) search.answer(`udp.port == ${port}`);
    expect(search.answer('tcp')).toBe(answer);
  });
});
