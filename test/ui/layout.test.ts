import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LayoutInput } from '../../src/ui/layout.ts';
import { columnGap, layout, panesOf, smallest, tooSmall } from '../../src/ui/layout.ts';

const wanted = { connections: 3, path: 7, frames: 6, interfaces: 9 };
const base = { view: 'path', focus: 'path', zoomed: false, wanted } as const;
const panes = (input: LayoutInput): string[] => {
  const { top, left, right } = layout(input);
  return [...top, ...left, ...right].map(({ pane }) => pane);
};

describe('layout', () => {
  it('puts panes one below the other on a narrow terminal', () => {
    expect(panes({ ...base, columns: 80, rows: 24 })).toEqual(['connections', 'path', 'why']);
    expect(panes({ ...base, columns: 80, rows: 24, focus: 'evidence' })).toEqual(['connections', 'path', 'evidence']);
    expect(panes({ ...base, columns: 80, rows: 24, view: 'packets', focus: 'hex' })).toEqual([
      'frames',
      'layers',
      'hex',
    ]);
  });

  it('shows all panes of a view on a wide terminal', () => {
    expect(panes({ ...base, columns: 120, rows: 35 })).toEqual(['connections', 'path', 'evidence', 'why']);
  });

  it('gives the zoomed pane, and the help, the whole body', () => {
    expect(layout({ ...base, columns: 80, rows: 24, zoomed: true })).toEqual({
      top: [{ pane: 'path', width: 80, height: 21 }],
      left: [],
      right: [],
    });
    expect(panes({ ...base, columns: 160, rows: 45, focus: 'help' })).toEqual(['help']);
  });

  it('fills every terminal exactly, the focused pane always among the panes', () => {
    const count = fc.integer({ min: 0, max: 500 });
    fc.assert(
      fc.property(
        fc.record({
          columns: fc.integer({ min: smallest.columns, max: 300 }),
          rows: fc.integer({ min: smallest.rows, max: 120 }),
          zoomed: fc.boolean(),
          place: fc.constantFrom(
            ...panesOf.path.map((focus) => ({ view: 'path' as const, focus })),
            ...panesOf.packets.map((focus) => ({ view: 'packets' as const, focus })),
            ...panesOf.live.map((focus) => ({ view: 'live' as const, focus })),
          ),
          wanted: fc.record({ connections: count, path: count, frames: count, interfaces: count }),
        }),
        ({ place, ...input }) => {
          const { top, left, right } = layout({ ...input, ...place });
          const height = (column: typeof top): number => column.reduce((sum, pane) => sum + pane.height + 1, 0);
          const all = [...top, ...left, ...right];
          expect(height(top) + height(left)).toBe(input.rows - 2);
          if (left.length > 0) {
            expect(height(right)).toBe(height(left));
            expect((left[0]?.width ?? 0) + columnGap + (right[0]?.width ?? 0)).toBe(input.columns);
          }
          for (const pane of all) expect(pane.height).toBeGreaterThanOrEqual(1);
          expect(all.map(({ pane }) => pane)).toContain(place.focus);
        },
      ),
    );
  });

  it('knows a terminal that is too small', () => {
    expect([tooSmall(60, 16), tooSmall(59, 16), tooSmall(60, 15)]).toEqual([false, true, true]);
  });
});
