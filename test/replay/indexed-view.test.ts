import { describe, expect, it } from 'vitest';
import { CaseAround } from '../../src/capfile/case-around.ts';
import { encodeCase } from '../../src/capfile/case-file.ts';
import { FrameSet } from '../../src/case/frame-set.ts';
import { viewCase } from '../../src/cli/saved/case-view.ts';
import { Streams } from '../../src/cli/saved/streams.ts';
import { diagnose } from '../../src/diagnose/diagnose.ts';
import { FilterSearch } from '../../src/replay/filter-search.ts';
import { viewIndexed } from '../../src/replay/indexed-view.ts';
import type { CaseView } from '../../src/ui/case-view.ts';
import { composeScreen } from '../../src/ui/screen.ts';
import { createStore } from '../../src/ui/store.ts';
import { concat } from '../capfile/build.ts';
import { caseOf, packets } from '../diagnose/cases.ts';
import { reverse, tcp } from '../flow/frames.ts';
import { diagnosedCapture, indexedCapture } from './indexed.ts';

const well = { from: '10.88.0.10:7', to: '10.88.0.1:80' };
const evidence = caseOf({
  sights: [
    packets.syn,
    packets.reset,
    tcp(well, { flags: 'SYN', sequence: 1 }),
    tcp(reverse(well), { flags: 'SYN ACK', acknowledgement: 2 }),
    tcp(well, { flags: 'ACK', sequence: 2, acknowledgement: 2 }),
  ],
});
const plain = { ...evidence, session: null };

const instantly = { later: (work: () => void) => work(), nowMs: () => 0 };

function view(passing: FrameSet | null = null): CaseView {
  const around = new CaseAround();
  const capture = indexedCapture(concat(...encodeCase(plain)), around);
  const { interfaces, ...rest } = around.end();
  const diagnosis = diagnosedCapture(capture, { interfaces, ...rest });
  const search = new FilterSearch(capture.index.packets.count, () => (row) => row > 2, instantly);
  const streams = new Streams(capture);
  return viewIndexed({
    title: 'outage.pcapng',
    capture,
    interfaces,
    diagnosis,
    passing,
    search,
    follow: (frame) => streams.of(frame),
    write: () => Promise.resolve({ kind: 'exists' }),
  });
}

describe('a capture by its index, for the terminal UI', () => {
  const whole = viewCase('outage.pcapng', plain, diagnose(plain));
  const indexed = view();

  it('has the frames of the whole case', () => {
    expect(indexed.frameCount).toBe(5);
    for (let number = 1; number <= 5; number += 1) expect(indexed.frame(number)).toEqual(whole.frame(number));
  });

  it.each([0, 6, -1, 1.5])('has no frame %d', (number) => {
    expect(() => indexed.frame(number)).toThrow(RangeError);
  });

  it('has its connections, and their frames when they are asked for', () => {
    const { connections, ...head } = indexed.diagnosis;
    const { connections: expected, ...expectedHead } = whole.diagnosis;
    expect(head).toEqual(expectedHead);
    expect(connections.map((one) => ({ ...one, frames: indexed.framesOf(one) }))).toEqual(expected);
    const [first] = connections;
    expect(first && indexed.framesOf(first)).toBe(first && indexed.framesOf(first));
  });

  it('lists the frames of a connection that pass', () => {
    const chosen = view(FrameSet.of(5, [2, 4]));
    expect(chosen.diagnosis.connections.map((one) => chosen.framesOf(one))).toEqual([[2], [4]]);
  });

  it('is drawn as the whole case is', () => {
    const drawn = (shown: CaseView): unknown => {
      const store = createStore(shown);
      const screens = (['view-path', 'next-connection', 'view-packets', 'all-frames', 'last'] as const).map(
        (command) => {
          const screen = composeScreen(store.getSnapshot(), 120, 40);
          if (screen) store.dispatch(command, screen.scene);
          return { ...screen, scene: null };
        },
      );
      return screens;
    };
    expect(drawn(indexed)).toEqual(drawn(whole));
  });

  it('filters, and tells the screen when it has', () => {
    const store = createStore(view());
    let drawn = 0;
    store.subscribe(() => {
      drawn += 1;
    });
    const press = (command: 'view-packets' | 'all-frames' | 'filter'): void => {
      const screen = composeScreen(store.getSnapshot(), 80, 24);
      if (screen) store.dispatch(command, screen.scene);
    };
    for (const command of ['view-packets', 'all-frames', 'filter'] as const) press(command);
    for (const key of ['t', 'c', 'p', 'enter']) {
      composeScreen(store.getSnapshot(), 80, 24);
      store.type(key);
    }
    expect(drawn).toBeGreaterThan(7);
    const { frames } = composeScreen(store.getSnapshot(), 80, 24)?.scene.selection ?? {};
    expect([frames?.length, frames?.at(0), frames?.at(1)]).toEqual([2, 4, 5]);
  });
});
