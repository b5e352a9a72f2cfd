/** The panes of a live capture: its interfaces, and how it goes. */

import type { Line, Rows } from '../line.ts';
import { line, plain, windowStart } from '../line.ts';
import type { LiveInterface, LiveStatus } from '../live-status.ts';
import { cells, cut, fit, fitRight, printable, wrap } from '../text.ts';
import { compact } from './words.ts';

const rateWidth = 6;
const stateWidth = 4;
const lostWidth = 7;

/** Of the pane's width, what names of places may take. */
const placeShare = 0.34;

function about({ container, connectedTo, addresses }: LiveInterface): string {
  const texts = [...(container === null ? [] : [`container ${container}`]), ...connectedTo, ...addresses];
  return texts.map(printable).join(', ');
}

function heading(place: number, kind: number): Line {
  const names = `${fit('   INTERFACE', place + 4)} ${fit('KIND', kind)} ${fit('', stateWidth)}`;
  const rates = ['PKT/S', 'BYTE/S', 'DROPPED'].map((text, index) =>
    fitRight(text, [rateWidth, rateWidth, lostWidth][index] ?? 0),
  );
  return plain(`${names} ${rates.join(' ')}  CONNECTED TO, ADDRESSES`);
}

const rate = (value: number | null): string => fitRight(value === null ? '-' : compact(value), rateWidth);

/**
 * The visible interfaces under a heading, `selectedIndex` among them; `*` marks those that are captured.
 *
 * @param isKnown The host was looked at, whatever was found.
 */
export function interfaceRows(
  isKnown: boolean,
  interfaces: readonly LiveInterface[],
  selectedIndex: number,
  width: number,
  height: number,
): Rows {
  if (interfaces.length === 0) {
    const why = isKnown ? 'No interface of this host is known.' : 'Looking for the interfaces of this host.';
    return { lines: [plain(cut(`  ${why}`, width))], length: 1, offset: 0 };
  }
  const rows = Math.max(1, height - 1);
  const offset = windowStart(interfaces.length, rows, selectedIndex);
  const visible = interfaces.slice(offset, offset + rows);
  const widest = (text: (one: LiveInterface) => string): number =>
    Math.max(...interfaces.map((one) => cells(text(one))));
  const place = Math.min(
    widest((one) => printable(one.place)),
    Math.floor(width * placeShare),
  );
  const kind = Math.min(
    widest((one) => printable(one.kind)),
    10,
  );
  const lines = visible.map((one, row): Line => {
    const selected = offset + row === selectedIndex;
    const lost = one.captured || one.dropped !== null ? String(one.dropped ?? '-') : '';
    const text = [
      `${selected ? '>' : ' '} ${one.captured ? '*' : ' '} ${fit(printable(one.place), place)}`,
      fit(printable(one.kind), kind),
      fit(one.state, stateWidth),
      rate(one.packetsPerSecond),
      rate(one.bytesPerSecond),
      fitRight(lost, lostWidth),
    ].join(' ');
    const before = `${text}  `;
    return { selected, spans: [{ text: `${before}${cut(about(one), width - cells(before))}` }] };
  });
  const head = heading(place, kind);
  const first: Line = { spans: [{ text: cut(head.spans[0]?.text ?? '', width) }] };
  return { lines: [first, ...lines].slice(0, height), length: interfaces.length, offset };
}

/** `1:15`, or `25:00:00` from an hour on. */
function elapsed(seconds: number): string {
  const [hours, minutes, rest] = [seconds / 3600, (seconds / 60) % 60, seconds % 60].map(Math.floor);
  const parts = hours === 0 ? [minutes, rest] : [hours, minutes, rest];
  return parts.map((part, index) => String(part).padStart(index === 0 ? 1 : 2, '0')).join(':');
}

/** What there is no room for in the selected interface's row. */
function selectedText(one: LiveInterface): string {
  const told = about(one);
  const frames = one.frames === 0 ? '' : ` ${one.frames} frames captured.`;
  return `${printable(one.place)}${told === '' ? '' : `: ${told}`}.${frames}`;
}

/** All rows of how the capture goes, the selected interface first, the latest note before the others. */
export function healthLines(live: LiveStatus | null, selected: LiveInterface | null, width: number): Line[] {
  if (live === null) return [];
  const captured = live.interfaces.filter((one) => one.captured).length;
  const head = [
    `Captured for ${elapsed(live.seconds)} at ${captured} of ${live.interfaces.length} interfaces.`,
    `${compact(live.framesPerSecond)} frames/s, ${compact(live.bytesPerSecond)}B/s, ${live.dropped} dropped.`,
  ];
  return [
    ...wrap(head.join(' '), width).map((text) => line(text, 'strong')),
    ...(selected === null ? [] : wrap(selectedText(selected), width, 2).map(plain)),
    ...live.notes.toReversed().flatMap((note) => wrap(`- ${printable(note)}`, width, 2).map(plain)),
  ];
}
