import { describe, expect, it } from 'vitest';
import { textOf } from '../../../src/ui/line.ts';
import { type Loading, loadingLines } from '../../../src/ui/rows/loading.ts';

const loading: Loading = {
  title: 'big\x1b[2J.pcap',
  text: 'Reading: 900 MB of 1.8 GB, 1.1 GB/s, 1 s left',
  share: 0.5,
};
const lines = (change: Partial<Loading>, width: number, height = 6): string[] =>
  loadingLines({ ...loading, ...change }, width, height).map(textOf);

describe('the screen while a capture is read', () => {
  it('tells what, how far, and the way out', () => {
    expect(lines({}, 80)).toEqual([
      '  big\\x1b[2J.pcap',
      '',
      `  [${'#'.repeat(30)}${'-'.repeat(30)}]  50 %`,
      '  Reading: 900 MB of 1.8 GB, 1.1 GB/s, 1 s left',
      '',
      '  Esc or q: leave',
    ]);
  });

  it('stands in the middle of a large terminal', () => {
    expect(lines({}, 80, 24).findIndex((line) => line.includes('pcap'))).toBe(9);
  });

  it('has no bar where the end is not known, or there is no room', () => {
    expect(lines({ share: null }, 80)[2]).toBe('');
    expect(lines({}, 40).join('\n')).not.toContain('#');
  });

  it.each([1, 5, 20, 60, 300])('never outgrows %i columns', (width) => {
    expect(Math.max(...lines({}, width).map(({ length }) => length))).toBeLessThanOrEqual(width);
    expect(lines({}, width, 2)).toHaveLength(2);
  });
});
