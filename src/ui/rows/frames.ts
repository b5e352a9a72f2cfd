/** The frames pane: number, time, interface, length, what it says. */

import type { ConnectionDiagnosis } from '../../diagnose/diagnosis.ts';
import type { CaseView, FilterAnswer } from '../case-view.ts';
import type { Line, Rows } from '../line.ts';
import { plain, windowStart } from '../line.ts';
import type { Selection } from '../selection.ts';
import { cells, cut, cutWords, fit, fitRight, printable } from '../text.ts';

/** Least widths, so that columns stay where they are while the list moves. */
const timeWidth = 10;
const interfaceWidth = 14;
const lengthWidth = 6;

/** Stands behind the number of a marked frame. */
const markSign = 'm';

/** Below this width the length gives way to what the frame says. */
const lengthsFrom = 100;

/** Of the pane's width, what interface names may take. */
const interfaceShare = 0.28;

function evidenceFrames(connection: ConnectionDiagnosis | null): ReadonlySet<number> {
  const hops = connection?.hops ?? [];
  return new Set(hops.flatMap((hop) => hop.evidence.flatMap((item) => (item.kind === 'frame' ? [item.frame] : []))));
}

/** An interface name in `width` cells; the end, where the device stands, is what stays. */
function shortInterface(name: string, width: number): string {
  if (cells(name) <= width) return name;
  const colon = name.lastIndexOf(':');
  const device = colon === -1 ? '' : name.slice(colon);
  const room = width - cells(device);
  return device === '' || room < 2 ? cut(name, width) : `${cut(name.slice(0, colon), room)}${device}`;
}

/** How the list was narrowed and marked. */
export interface FrameMarks {
  readonly marks: ReadonlySet<number>;
  /** Null without a filter. */
  readonly answer: (FilterAnswer & { ok: true }) | null;
}

/** The visible frames, the selected one among them. Only these are asked for and decoded. */
export function frameRows(
  view: CaseView,
  { frames, connection, frameIndex }: Pick<Selection, 'frames' | 'connection' | 'frameIndex'>,
  { marks, answer }: FrameMarks,
  width: number,
  height: number,
): Rows {
  if (frames.length === 0) {
    const passing = answer?.asked === undefined ? 'No frame here passes' : 'No frame here that was asked by now passes';
    const why = answer === null ? '  No frames of this connection were captured.' : `  ${passing} the filter.`;
    return { lines: [plain(cut(why, width))], length: 1, offset: 0 };
  }
  const offset = windowStart(frames.length, height, frameIndex);
  const count = Math.min(height, frames.length - offset);
  const visible = Array.from({ length: count }, (_, row) => view.frame(frames.at(offset + row)));
  const names = visible.map((frame) => printable(frame.interfaceName));
  const evidence = evidenceFrames(connection);
  const numberWidth = Math.max(3, String(view.frameCount).length);
  const times = Math.max(timeWidth, ...visible.map((frame) => frame.relativeTime.length));
  const place = Math.min(Math.max(interfaceWidth, ...names.map(cells)), Math.floor(width * interfaceShare));
  const lines = visible.map((frame, row): Line => {
    const selected = offset + row === frameIndex;
    const isMarked = marks.has(frame.number);
    const text = [
      `${selected ? '>' : ' '}${evidence.has(frame.number) ? '*' : ' '}`,
      `${fitRight(String(frame.number), numberWidth)}${isMarked ? markSign : ' '}${fitRight(frame.relativeTime, times)}`,
      fit(shortInterface(names[row] ?? '', place), place),
      ...(width < lengthsFrom ? [] : [fitRight(String(frame.originalLength), lengthWidth)]),
      printable(frame.info),
    ].join(' ');
    return { selected, spans: [{ text: cutWords(text, width), ...(isMarked && { emphasis: 'strong' }) }] };
  });
  return { lines, length: frames.length, offset };
}
