import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { StreamLine } from '../../../src/report/stream.ts';
import type { CaseView, StreamForm } from '../../../src/ui/case-view.ts';
import { textOf } from '../../../src/ui/line.ts';
import { streamAbouts, streamRows } from '../../../src/ui/rows/stream.ts';
import { initialState, type UiState } from '../../../src/ui/state.ts';
import { cells } from '../../../src/ui/text.ts';
import { sample } from '../sample.ts';

const endless = Number.MAX_SAFE_INTEGER;

function viewOf(lines: readonly StreamLine[]): CaseView {
  const [client, server] = [
    { address: '10.88.0.10', port: 40112 },
    { address: 'fd00::1', port: 80 },
  ];
  return { ...sample, follow: () => ({ ok: true, protocol: 'tcp', client, server, lines: () => lines }) };
}

function stateOf(frame: number | null, form: StreamForm = 'text', scroll = 0): UiState {
  return { ...initialState, stream: { frame, form }, scroll: { ...initialState.scroll, stream: scroll } };
}

function drawn(lines: readonly StreamLine[], width: number): string[] {
  return streamRows(viewOf(lines), stateOf(1), width, endless).lines.map(textOf);
}

describe('a stream', () => {
  it('tells who sent a line by a sign, goes on in the next row, and has a colour for the server alone', () => {
    const lines: readonly StreamLine[] = [
      { from: 'client', text: 'GET /a-long-name' },
      { from: 'client', text: '' },
      { from: 'server', text: 'pong' },
      { from: null, text: '[1460 bytes of the server missing]' },
    ];
    const rows = streamRows(viewOf(lines), stateOf(1), 12, endless).lines;
    expect(rows.map(textOf)).toEqual([
      '> GET /a-lon',
      '>~g-name',
      '> ',
      '< pong',
      '[1460 bytes',
      ' of the',
      ' server',
      ' missing]',
    ]);
    expect(rows.slice(0, 5).map(({ spans }) => spans[0]?.emphasis)).toEqual([
      undefined,
      undefined,
      undefined,
      'server',
      'strong',
    ]);
  });

  it('says so when nothing was sent', () => {
    expect(drawn([], 60)).toEqual(['Neither end sent anything.']);
  });

  test.each<[string, number | null, string]>([
    ['belongs to no connection', 2, 'Frame 2 belongs to no \\x1b[31mconnection: there is nothing to follow.'],
    ['is none', null, 'No frames of this connection were captured: there is nothing to follow.'],
  ])('says why there is none of a frame that %s', (_name, frame, message) => {
    expect(streamRows(sample, stateOf(frame), 200, 5).lines.map(textOf)).toEqual([message]);
    expect(streamAbouts(sample, stateOf(frame))).toEqual([]);
  });

  it('names the connection and the form, shorter where there is no room', () => {
    expect(streamAbouts(viewOf([]), stateOf(1, 'hex'))).toEqual([
      'of tcp 10.88.0.10:40112 > [fd00::1]:80 as hex',
      'to [fd00::1]:80 as hex',
      'as hex',
    ]);
  });

  it('shows the rows that it is scrolled to', () => {
    const { length, lines, offset } = streamRows(sample, stateOf(8, 'text', 30), 80, 4);
    expect([length, offset]).toEqual([74, 30]);
    expect(lines.map(textOf)).toEqual(['< line 18', '< line 19', '< line 20', '< line 21']);
  });

  it('loses nothing, is never too wide, and draws anew for another width', () => {
    const side = fc.constantFrom('client' as const, 'server' as const);
    const unit = fc.constantFrom('a', ' ', '名', 'e\u0301', '\\x1b', '👩‍👧');
    const line = fc.record({ from: side, text: fc.string({ unit, maxLength: 90 }) });
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), fc.integer({ min: 8, max: 90 }), (lines, width) => {
        for (const each of [width, width + 7]) {
          const rows = drawn(lines, each);
          for (const row of rows) expect(cells(row)).toBeLessThanOrEqual(each);
          const whole = rows.map((row) => `${row[1] === '~' ? '' : `\n${row[0]}`}${row.slice(2)}`).join('');
          expect(whole).toBe(lines.map(({ from, text }) => `\n${from === 'client' ? '>' : '<'}${text}`).join(''));
        }
      }),
    );
  });
});
