import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CaseView } from '../../src/ui/case-view.ts';
import { bindings } from '../../src/ui/keymap.ts';
import { textOf } from '../../src/ui/line.ts';
import type { Screen } from '../../src/ui/screen.ts';
import { composeScreen } from '../../src/ui/screen.ts';
import { createStore } from '../../src/ui/store.ts';
import { cells } from '../../src/ui/text.ts';
import { liveSample } from './live-sample.ts';
import { sample } from './sample.ts';

// What must not reach a terminal from packets and names: C0, DEL, C1, bidirectional and zero-width characters.
// oxlint-disable-next-line no-control-regex
const hostile = /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

function rowsOf({ header, bottom, top, left, right }: Screen): { text: string; width: number }[] {
  const bars = [header, ...bottom].map((row) => ({ text: textOf(row), width: Number.POSITIVE_INFINITY }));
  const panes = [...top, ...left, ...right].flatMap(({ rule, rows, width }) =>
    [rule, ...rows.lines].map((row) => ({ text: textOf(row), width })),
  );
  return [...bars, ...panes];
}

/** The live sample, of which a note is hostile too; what it is told to capture goes nowhere. */
const live: CaseView = {
  ...liveSample,
  live: liveSample.live && { ...liveSample.live, notes: ['evil\x1b[2J\u202ename:eth0 is gone.'], toggle: () => {} },
};

it('draws whatever the keys and the size, nothing hostile and nothing too wide or too high', () => {
  const commands = fc.array(fc.constantFrom(...bindings.map(({ command }) => command)), { maxLength: 25 });
  fc.assert(
    fc.property(
      fc.constantFrom(sample, live),
      commands,
      fc.integer({ min: 60, max: 210 }),
      fc.integer({ min: 16, max: 60 }),
      (view, keys, columns, rows) => {
        const store = createStore(view);
        const screen = (): Screen => {
          const composed = composeScreen(store.getSnapshot(), columns, rows);
          if (!composed) throw new Error('the terminal is large enough');
          return composed;
        };
        for (const key of keys) store.dispatch(key, screen().scene);
        const drawn = screen();
        for (const { text, width } of rowsOf(drawn)) {
          expect(text).not.toMatch(hostile);
          expect(cells(text)).toBeLessThanOrEqual(Math.min(width, columns));
        }
        for (const pane of [...drawn.top, ...drawn.left, ...drawn.right]) {
          expect(pane.rows.lines.length).toBeLessThanOrEqual(pane.height);
        }
      },
    ),
  );
});

it('draws nothing on a terminal that is too small', () => {
  expect(composeScreen(createStore(sample).getSnapshot(), 59, 24)).toBeNull();
});
