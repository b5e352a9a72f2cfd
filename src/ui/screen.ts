/**
 * The whole screen as rows: state and case in, panes with their visible rows out. Pure; `app.tsx` only draws it.
 */

import type { LayoutInput, PaneName, Place } from './layout.ts';
import { layout, tooSmall } from './layout.ts';
import type { Line, Rows } from './line.ts';
import { plain, scrolled } from './line.ts';
import { headerLine, hintLine, promptLine, ruleLine, tooSmallText } from './rows/bars.ts';
import { connectionRows, rowsEach } from './rows/connections.ts';
import { evidenceLines } from './rows/evidence.ts';
import { frameRows } from './rows/frames.ts';
import { helpLines } from './rows/help.ts';
import { hexRows } from './rows/hex.ts';
import { layerRows } from './rows/layers.ts';
import { pathRows } from './rows/path.ts';
import { whyLines } from './rows/why.ts';
import { badge, certaintyMarks, endpointText } from './rows/words.ts';
import type { Selection } from './selection.ts';
import { filterAnswer, select } from './selection.ts';
import type { Scene } from './state.ts';
import { activePane } from './state.ts';
import type { Snapshot } from './store.ts';

/** A pane as it is drawn. */
export interface DrawnPane extends Place {
  readonly rule: Line;
  readonly rows: Rows;
  readonly focused: boolean;
}

/** A screen as it is drawn, and the scene that the next key is judged by. */
export interface Screen {
  readonly header: Line;
  readonly hints: Line;
  readonly top: readonly DrawnPane[];
  readonly left: readonly DrawnPane[];
  readonly right: readonly DrawnPane[];
  readonly scene: Scene;
}

/** Paths longer than this scroll, whatever they would like. */
const longestPath = 16;

interface Subject {
  readonly snapshot: Snapshot;
  readonly selection: Selection;
}

const makers: Readonly<Record<PaneName, (subject: Subject, width: number, height: number) => Rows>> = {
  connections: ({ selection }, width, height) =>
    connectionRows(selection.connections, selection.connectionIndex, width, height),
  path: ({ selection }, width, height) => pathRows(selection.connection, selection.hopIndex, width, height),
  why: ({ snapshot: { view, state }, selection }, width, height) =>
    scrolled(whyLines(view.diagnosis, selection.connection, width), height, state.scroll.why),
  evidence: ({ snapshot: { state }, selection }, width, height) =>
    scrolled(evidenceLines(selection.hop, width), height, state.scroll.evidence),
  frames: ({ snapshot: { view, state }, selection: { frames, connection, frameIndex } }, width, height) =>
    frameRows(view, frames, connection, frameIndex, width, height, filterAnswer(view, state)),
  layers: ({ selection: { nodes, nodeIndex } }, width, height) => layerRows(nodes, nodeIndex, width, height),
  hex: ({ snapshot: { state }, selection: { frame, node } }, width, height) =>
    hexRows(frame?.bytes ?? null, node?.range ?? null, state.scroll.hex, width, height),
  help: ({ snapshot: { state } }, width, height) => scrolled(helpLines(width), height, state.scroll.help),
};

/** The connection's ends, then its destination alone for where there is no room. */
function endsOf({ selection: { connection } }: Subject): readonly string[] {
  if (!connection) return [];
  const { protocol, source, destination } = connection;
  const to = endpointText(destination);
  return [`of ${protocol} ${endpointText(source)} > ${to}`, `to ${to}`];
}

function byteRangeOf({ selection: { node } }: Subject): readonly string[] {
  if (!node || node.range.length === 0) return [];
  const { offset, length } = node.range;
  return [length === 1 ? `${offset}` : `${offset} to ${offset + length - 1}`];
}

/** What the rule says beside the pane's title: which connection, hop or frame it is about; the fullest text first. */
const abouts: Readonly<Partial<Record<PaneName, (subject: Subject) => readonly string[]>>> = {
  path: endsOf,
  evidence: ({ selection: { hop } }) => (hop ? [`of hop ${hop.index}`] : []),
  frames: (subject) =>
    subject.snapshot.state.allFrames || !subject.selection.connection ? ['of the whole case'] : endsOf(subject),
  layers: ({ selection: { frame } }) => (frame ? [`of frame ${frame.number}`] : []),
  hex: byteRangeOf,
};

function verdictNote({ selection: { connection } }: Subject): string {
  if (!connection) return '';
  const hop = connection.where?.hop ?? null;
  const at = hop === null ? '' : ` at hop ${hop}`;
  return `${badge(connection.outcome)} ${certaintyMarks[connection.certainty]}${at}`;
}

/** What stands at the rule's right end: the verdict of the path, else where the list or text stands. */
function noteOf(subject: Subject, pane: PaneName, rows: Rows, height: number): string {
  const { connectionIndex, frameIndex } = subject.selection;
  if (pane === 'path') return verdictNote(subject);
  if (pane === 'connections') return connectionIndex === -1 ? '' : `${connectionIndex + 1} of ${rows.length}`;
  if (pane === 'frames') return frameIndex === -1 ? '' : `${frameIndex + 1} of ${rows.length}`;
  if (rows.length <= height) return '';
  return `rows ${rows.offset + 1}-${rows.offset + height} of ${rows.length}`;
}

/** What the lists would like, over all connections: panes keep their sizes while the selection moves. */
function wantedRows(
  { view, state }: Snapshot,
  { connections, ofConnection }: Selection,
  columns: number,
): LayoutInput['wanted'] {
  let [path, frames] = [0, 0];
  for (const { connection } of connections) {
    path = Math.max(path, connection.hops.length);
    frames = Math.max(frames, connection.frames.length);
  }
  return {
    connections: connections.length * rowsEach(connections, columns),
    path: Math.min(path, longestPath),
    frames: state.allFrames || connections.length === 0 ? view.frameCount : Math.max(frames, ofConnection.length),
  };
}

/** Composes the screen for a terminal of this size; null when the terminal is too small. */
export function composeScreen(snapshot: Snapshot, columns: number, rows: number): Screen | null {
  if (tooSmall(columns, rows)) return null;
  const { view, state } = snapshot;
  const selection = select(view, state);
  const active = activePane(state);
  const places = layout({
    columns,
    rows,
    view: state.view,
    focus: active,
    zoomed: state.zoomed,
    wanted: wantedRows(snapshot, selection, columns),
  });
  const subject = { snapshot, selection };
  const draw = (place: Place): DrawnPane => {
    const { pane, width, height } = place;
    const drawn = makers[pane](subject, width, height);
    const about = abouts[pane]?.(subject) ?? [];
    const focused = pane === active;
    const rule = ruleLine(pane, about, noteOf(subject, pane, drawn, height), width, focused);
    return { ...place, rule, rows: drawn, focused };
  };
  const [top, left, right] = [places.top.map(draw), places.left.map(draw), places.right.map(draw)];
  const drawn = [...top, ...left, ...right].find(({ pane }) => pane === active);
  const extent = drawn
    ? { height: drawn.height, length: drawn.rows.length, offset: drawn.rows.offset }
    : { height: 1, length: 0, offset: 0 };
  return {
    header: headerLine(view, state.view, filterAnswer(view, state), columns),
    hints: state.prompt === null ? hintLine(active, columns) : promptLine(view, state.prompt.text, columns),
    top,
    left,
    right,
    scene: { selection, extent },
  };
}

/** The rows of a terminal that is too small: blank ones, then one in the middle that says so. */
export function tooSmallLines(columns: number, rows: number): Line[] {
  const above = Array.from({ length: Math.max(0, Math.floor((rows - 1) / 2)) }, () => plain(''));
  return [...above, plain(tooSmallText(columns, rows))];
}
