/** The path pane: one hop a row, `X` where it ended. */

import type { ConnectionDiagnosis, Hop } from '../../diagnose/diagnosis.ts';
import { hopIntervals } from '../../report/duration.ts';
import type { CaseView } from '../case-view.ts';
import type { Line, Rows } from '../line.ts';
import { plain, windowStart } from '../line.ts';
import { cells, cut, cutWords, fit, fitRight, printable } from '../text.ts';
import { endsBadly, placeText } from './words.ts';

/** Of the pane's width, what places may take. */
const placeShare = 0.34;

/** Cells that why is worth more than when. */
const leastDetail = 30;

const widest = (hops: readonly Hop[], text: (hop: Hop) => string): number =>
  Math.max(0, ...hops.map((hop) => cells(text(hop))));

/** What a path without hops says. */
function whyEmpty({ live, diagnosis }: Pick<CaseView, 'live' | 'diagnosis'>, connection: ConnectionDiagnosis): string {
  if (live !== null && !live.isDone(connection)) {
    return 'No path yet: it is worked out while you look at the connection.';
  }
  return diagnosis.evidence.snapshot
    ? 'No path: the state of the host does not tell it.'
    : 'No path: without a snapshot of the host, frames alone do not tell it.';
}

/** The visible hops of a view's connection, `selectedIndex` among them. */
export function pathRows(
  view: Pick<CaseView, 'live' | 'diagnosis'>,
  connection: ConnectionDiagnosis | null,
  selectedIndex: number,
  width: number,
  height: number,
): Rows {
  const hops = connection?.hops ?? [];
  if (hops.length === 0) {
    const reason = connection === null ? '' : whyEmpty(view, connection);
    return { lines: [plain(cut(`  ${reason}`, width))], length: 1, offset: 0 };
  }
  const offset = windowStart(hops.length, height, selectedIndex);
  const visible = hops.slice(offset, offset + height);
  const indexWidth = String(hops.length).length;
  const placeWidth = Math.min(
    widest(visible, (hop) => placeText(hop.netns, hop.device, Number.POSITIVE_INFINITY)),
    Math.floor(width * placeShare),
  );
  const stageWidth = widest(visible, (hop) => hop.stage);
  const verdictWidth = widest(visible, (hop) => hop.verdict);
  const intervals = hopIntervals(hops);
  const intervalWidth = Math.max(...intervals.map(cells));
  const bothWays = hops.some((hop) => hop.direction === 'reply');
  const lines = visible.map((hop, row): Line => {
    const selected = offset + row === selectedIndex;
    const ended = hop.index === connection?.where?.hop;
    const way = bothWays ? (hop.direction === 'reply' ? '<- ' : '-> ') : '';
    const marks = `${selected ? '>' : ' '}${ended ? 'X' : ' '}`;
    const place = fit(placeText(hop.netns, hop.device, placeWidth), placeWidth);
    const before = `${marks} ${fitRight(String(hop.index), indexWidth)} ${way}${place}  ${fit(hop.stage, stageWidth)}  `;
    const rest = width - cells(before) - verdictWidth - 2;
    const isTimed = intervalWidth > 0 && rest - intervalWidth - 2 >= leastDetail;
    const interval = isTimed ? `  ${fitRight(intervals[offset + row] ?? '', intervalWidth)}` : '';
    const room = rest - cells(interval);
    return {
      selected,
      spans: [
        { text: before },
        {
          text: fit(hop.verdict, verdictWidth),
          ...(endsBadly(hop.verdict) ? { emphasis: 'failed' as const } : ended ? { emphasis: 'strong' as const } : {}),
        },
        { text: `${interval}  ${cutWords(printable(hop.detail), room)}` },
      ],
    };
  });
  return { lines, length: hops.length, offset };
}
