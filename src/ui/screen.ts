/**
 * The whole screen as rows: state and case in, panes with their visible rows out. Pure; `app.tsx` only draws it.
 */

import type { LayoutInput, PaneName, Place } from './layout.ts';
import { layout, tooSmall } from './layout.ts';
import type { Line, Rows } from './line.ts';
import { plain, scrolled } from './line.ts';
import { headerLine, hintLine, noticeLine, promptLine, ruleLine, tooSmallText } from './rows/bars.ts';
import { connectionRows, rowsEach } from './rows/connections.ts';
import { evidenceLines } from './rows/evidence.ts';
import { frameRows } from './rows/frames.ts';
import { helpLines } from './rows/help.ts';
import { hexRows } from './rows/hex.ts';
import { layerRows } from './rows/layers.ts';
import { healthLines, interfaceRows } from './rows/live.ts';
import { pathRows } from './rows/path.ts';
import { streamAbouts, streamRows } from './rows/stream.ts';
import { whyLines } from './rows/why.ts';
import { badge, certaintyMarks, endpointText } from './rows/words.ts';
import { writeLines } from './rows/write.ts';
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
  /** Keys, what became of a command, or a line that is typed in with what is to be known of it. */
  readonly bottom: readonly Line[];
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
  connections: ({ snapshot: { view }, selection }, width, height) =>
    connectionRows(view, selection.connections, selection.connectionIndex, width, height),
  path: ({ snapshot: { view }, selection }, width, height) =>
    pathRows(view, selection.connection, selection.hopIndex, width, height),
  why: ({ snapshot: { view, state }, selection }, width, height) =>
    scrolled(whyLines(view.diagnosis, selection.connection, width), height, state.scroll.why),
  evidence: ({ snapshot: { state }, selection }, width, height) =>
    scrolled(evidenceLines(selection.hop, width), height, state.scroll.evidence),
  frames: ({ snapshot: { view, state }, selection }, width, height) =>
    frameRows(view, selection, { marks: state.marks, answer: filterAnswer(view, state) }, width, height),
  layers: ({ selection: { nodes, nodeIndex } }, width, height) => layerRows(nodes, nodeIndex, width, height),
  hex: ({ snapshot: { state }, selection: { frame, node } }, width, height) =>
    hexRows(frame?.bytes ?? null, node?.range ?? null, state.scroll.hex, width, height),
  stream: ({ snapshot: { view, state } }, width, height) => streamRows(view, state, width, height),
  interfaces: ({ snapshot: { view }, selection: { interfaces, interfaceIndex } }, width, height) =>
    interfaceRows(view.diagnosis.evidence.snapshot, interfaces, interfaceIndex, width, height),
  health: ({ snapshot: { view, state }, selection: { interfaces, interfaceIndex } }, width, height) =>
    scrolled(healthLines(view.live, interfaces[interfaceIndex] ?? null, width), height, state.scroll.health),
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
  stream: ({ snapshot: { view, state } }) => streamAbouts(view, state),
};

function verdictNote({ selection: { connection } }: Subject): string {
  if (!connection) return '';
  const hop = connection.where?.hop ?? null;
  const at = hop === null ? '' : ` at hop ${hop}`;
  return `${badge(connection.outcome)} ${certaintyMarks[connection.certainty]}${at}`;
}

function marksNote({ snapshot: { state } }: Subject): string {
  return state.marks.size === 0 ? '' : `, ${state.marks.size} marked`;
}

/** What stands at the rule's right end: the verdict of the path, else where the list or text stands. */
function noteOf(subject: Subject, pane: PaneName, rows: Rows, height: number): string {
  const { connectionIndex, frameIndex, interfaceIndex } = subject.selection;
  if (pane === 'path') return verdictNote(subject);
  if (pane === 'connections') return connectionIndex === -1 ? '' : `${connectionIndex + 1} of ${rows.length}`;
  if (pane === 'interfaces') return interfaceIndex === -1 ? '' : `${interfaceIndex + 1} of ${rows.length}`;
  if (pane === 'frames') return frameIndex === -1 ? '' : `${frameIndex + 1} of ${rows.length}${marksNote(subject)}`;
  if (rows.length <= height) return '';
  return `rows ${rows.offset + 1}-${rows.offset + height} of ${rows.length}`;
}

/** What the lists would like, over all connections: panes keep their sizes while the selection moves. */
function wantedRows(
  { view, state }: Snapshot,
  { connections, ofConnection, interfaces }: Selection,
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
    // One more for what stands above them.
    interfaces: interfaces.length + 1,
  };
}

function bottomLines({ view, state }: Snapshot, active: PaneName, columns: number): readonly Line[] {
  if (state.write !== null) return writeLines(view, state, state.write, columns);
  if (state.prompt !== null) return [promptLine(view, state.prompt.text, columns)];
  return [state.notice === null ? hintLine(active, view.live !== null, columns) : noticeLine(state.notice, columns)];
}

/** Composes the screen for a terminal of this size; null when the terminal is too small. */
export function composeScreen(snapshot: Snapshot, columns: number, rows: number): Screen | null {
  if (tooSmall(columns, rows)) return null;
  const { view, state } = snapshot;
  const selection = select(view, state);
  const active = activePane(state);
  const bottom = bottomLines(snapshot, active, columns);
  const places = layout({
    columns,
    rows: rows - (bottom.length - 1),
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
    header: headerLine(view, state, filterAnswer(view, state), columns),
    bottom,
    top,
    left,
    right,
    scene: { selection, extent, framesOf: (connection) => view.framesOf(connection) },
  };
}

/** The rows of a terminal that is too small: blank ones, then one in the middle that says so. */
export function tooSmallLines(columns: number, rows: number): Line[] {
  const above = Array.from({ length: Math.max(0, Math.floor((rows - 1) / 2)) }, () => plain(''));
  return [...above, plain(tooSmallText(columns, rows))];
}
