/**
 * What the user looks at, and how keys change it. Pure: the same state, command and case give the same next state, and
 * the very same object when nothing changes, so that nothing is drawn.
 */

import type { CaseView } from './case-view.ts';
import { nextStreamForm, type OpenStream, openStream, toggleStream } from './following.ts';
import type { Command } from './keymap.ts';
import type { PaneName, ViewName } from './layout.ts';
import { covers, panesOf } from './layout.ts';
import { markFrame, toNextMark } from './marks.ts';
import { openPrompt, type Prompt } from './prompt.ts';
import type { Selection } from './selection.ts';
import { endsTail, pinned, toggleTail } from './tail.ts';
import { openWrite, type WritePrompt } from './write-prompt.ts';

/** Panes that scroll text; the others move a cursor. */
const scrolledPanes = ['why', 'evidence', 'hex', 'health', 'stream', 'help'] as const;
type ScrolledPane = (typeof scrolledPanes)[number];

/** The state of the screen. Selections are identities; null is "the first, or the one that matters". */
export interface UiState {
  readonly view: ViewName;
  readonly focus: PaneName;
  readonly zoomed: boolean;
  readonly help: boolean;
  readonly stream: OpenStream | null;
  /** The frames pane shows the whole case, not the connection's frames. */
  readonly allFrames: boolean;
  /** The filter in force; empty: none. */
  readonly filter: string;
  /** Filters that were in force in this session, each once, the latest last. */
  readonly filters: readonly string[];
  /** The filter line, while it is open. */
  readonly prompt: Prompt | null;
  /** The line that asks what to write and where, while it is open. */
  readonly write: WritePrompt | null;
  /** What the last command came to, until the next one. */
  readonly notice: string | null;
  /** Numbers of marked frames. */
  readonly marks: ReadonlySet<number>;
  /** Live: the latest connection and frame are selected, whatever comes. */
  readonly tail: boolean;
  /** Live: the screen holds still while the capture goes on. */
  readonly paused: boolean;
  /** `LiveInterface.place`. */
  readonly place: string | null;
  readonly connection: string | null;
  /** `Hop.index`. */
  readonly hop: number | null;
  /** `FrameView.number`. */
  readonly frame: number | null;
  /** `TreeNode.id`. */
  readonly node: string | null;
  /** Ids of open layers. */
  readonly open: ReadonlySet<string>;
  /** Rows scrolled away at the top; null in `hex` follows the selected field. */
  readonly scroll: {
    readonly why: number;
    readonly evidence: number;
    readonly hex: number | null;
    readonly stream: number;
    readonly health: number;
    readonly help: number;
  };
}

/** How much of a pane is on the screen. */
interface Extent {
  readonly height: number;
  readonly length: number;
  readonly offset: number;
}

/** What a command is judged by: the selection, and the extent of the active pane as it was drawn. */
export interface Scene {
  readonly selection: Selection;
  readonly extent: Extent;
  readonly framesOf: CaseView['framesOf'];
}

/** Where every session starts. */
export const initialState: UiState = {
  view: 'path',
  focus: 'connections',
  zoomed: false,
  help: false,
  stream: null,
  allFrames: false,
  filter: '',
  filters: [],
  prompt: null,
  write: null,
  notice: null,
  marks: new Set(),
  tail: false,
  paused: false,
  place: null,
  connection: null,
  hop: null,
  frame: null,
  node: null,
  open: new Set(),
  scroll: { why: 0, evidence: 0, hex: null, stream: 0, health: 0, help: 0 },
};

/** The pane that keys act on. */
export function activePane(state: UiState): PaneName {
  if (state.help) return 'help';
  return state.stream === null ? state.focus : 'stream';
}

/** Keys are typed into a line at the bottom. */
export function isTyping(state: UiState): boolean {
  return state.prompt !== null || state.write !== null;
}

/** The state with changes, or itself when they change nothing. */
function change(state: UiState, patch: Partial<UiState>): UiState {
  const current = new Map<string, unknown>(Object.entries(state));
  const same = Object.entries(patch).every(([key, value]) => current.get(key) === value);
  return same ? state : { ...state, ...patch };
}

/** The view that a pane stands in; one that covers the others stands in any. */
function viewOf(pane: PaneName, { view }: UiState): ViewName {
  const views: readonly ViewName[] = ['path', 'packets', 'live'];
  return views.find((one) => panesOf[one].some((other) => other === pane)) ?? view;
}

function focusOn(state: UiState, focus: PaneName): UiState {
  const view = viewOf(focus, state);
  return change(state, { view, focus, zoomed: state.zoomed && state.focus !== focus ? false : state.zoomed });
}

function scrollTo(state: UiState, pane: ScrolledPane, row: number, { length, height }: Extent): UiState {
  const offset = Math.max(0, Math.min(row, length - height));
  if (state.scroll[pane] === offset) return state;
  return { ...state, scroll: { ...state.scroll, [pane]: offset } };
}

function selectConnection(state: UiState, { connections, connectionIndex }: Selection, index: number): UiState {
  const chosen = connections[Math.max(0, Math.min(index, connections.length - 1))];
  if (!chosen || chosen === connections[connectionIndex]) return state;
  return {
    ...state,
    connection: chosen.id,
    hop: null,
    frame: null,
    scroll: { ...state.scroll, why: 0, evidence: 0, hex: null },
  };
}

function selectHop(state: UiState, { connection, hopIndex }: Selection, index: number): UiState {
  const hops = connection?.hops ?? [];
  const chosen = Math.max(0, Math.min(index, hops.length - 1));
  const hop = hops[chosen];
  if (!hop || chosen === hopIndex) return state;
  return { ...state, hop: hop.index, scroll: { ...state.scroll, evidence: 0 } };
}

function selectFrame(state: UiState, { frames, frameIndex }: Selection, index: number): UiState {
  const chosen = Math.max(0, Math.min(index, frames.length - 1));
  if (frames.length === 0 || chosen === frameIndex) return state;
  return { ...state, frame: frames.at(chosen), scroll: { ...state.scroll, hex: null } };
}

function selectNode(state: UiState, { nodes, nodeIndex }: Selection, index: number): UiState {
  const chosen = Math.max(0, Math.min(index, nodes.length - 1));
  const node = nodes[chosen];
  if (!node || chosen === nodeIndex) return state;
  return { ...state, node: node.id, scroll: { ...state.scroll, hex: null } };
}

function selectPlace(state: UiState, { interfaces, interfaceIndex }: Selection, index: number): UiState {
  const chosen = interfaces[Math.max(0, Math.min(index, interfaces.length - 1))];
  return !chosen || chosen === interfaces[interfaceIndex] ? state : { ...state, place: chosen.place };
}

type Mover = (state: UiState, selection: Selection, rows: number) => UiState;

const cursors: Readonly<Record<Exclude<PaneName, ScrolledPane>, Mover>> = {
  connections: (state, selection, rows) => selectConnection(state, selection, selection.connectionIndex + rows),
  path: (state, selection, rows) => selectHop(state, selection, selection.hopIndex + rows),
  frames: (state, selection, rows) => selectFrame(state, selection, selection.frameIndex + rows),
  layers: (state, selection, rows) => selectNode(state, selection, selection.nodeIndex + rows),
  interfaces: (state, selection, rows) => selectPlace(state, selection, selection.interfaceIndex + rows),
};

function isScrolled(pane: PaneName): pane is ScrolledPane {
  return scrolledPanes.some((one) => one === pane);
}

/** Moves the cursor of the active pane, or its text, by `rows`; any number beyond the ends stops there. */
function move(state: UiState, { selection, extent }: Scene, rows: number): UiState {
  const pane = activePane(state);
  return isScrolled(pane) ? scrollTo(state, pane, extent.offset + rows, extent) : cursors[pane](state, selection, rows);
}

function setOpen(state: UiState, layer: string, open: boolean): UiState {
  if (state.open.has(layer) === open) return state;
  const layers = new Set(state.open);
  if (open) layers.add(layer);
  else layers.delete(layer);
  return { ...state, open: layers, node: layer };
}

function expand(state: UiState, scene: Scene): UiState {
  const { node } = scene.selection;
  if (node?.kind !== 'layer') return state;
  return node.open ? move(state, scene, node.layer.fields.length > 0 ? 1 : 0) : setOpen(state, node.id, true);
}

function collapse(state: UiState, { selection }: Scene): UiState {
  const { node } = selection;
  if (node?.kind === 'field') return change(state, { node: node.parent, scroll: { ...state.scroll, hex: null } });
  return node?.kind === 'layer' ? setOpen(state, node.id, false) : state;
}

/** The first frame that the hop names as evidence, when the case holds it. */
function evidenceFrame({ hop, ofConnection }: Selection): number | null {
  for (const item of hop?.evidence ?? []) {
    if (item.kind === 'frame' && ofConnection.includes(item.frame)) return item.frame;
  }
  return null;
}

function openEvidence(state: UiState, { selection }: Scene): UiState {
  const frame = evidenceFrame(selection) ?? state.frame;
  const packets = focusOn(state, 'frames');
  return frame === state.frame ? packets : { ...packets, frame, scroll: { ...state.scroll, hex: null } };
}

function openNode(state: UiState, { selection: { node } }: Scene): UiState {
  if (node?.kind === 'layer') return setOpen(state, node.id, !node.open);
  return node ? focusOn(state, 'hex') : state;
}

/** What Enter does, a pane; the others have nothing to open. */
const openers: Readonly<Partial<Record<PaneName, (state: UiState, scene: Scene) => UiState>>> = {
  connections: (state, { selection }) => (selection.hop ? focusOn(state, 'path') : focusOn(state, 'frames')),
  path: (state) => focusOn(state, 'evidence'),
  evidence: openEvidence,
  frames: (state) => focusOn(state, 'layers'),
  layers: openNode,
};

const levelAbove: Readonly<Record<PaneName, PaneName>> = {
  connections: 'connections',
  path: 'connections',
  why: 'path',
  evidence: 'path',
  frames: 'path',
  layers: 'frames',
  hex: 'layers',
  stream: 'stream',
  interfaces: 'connections',
  health: 'interfaces',
  help: 'help',
};

function back(state: UiState, { selection }: Scene): UiState {
  if (state.help) return change(state, { help: false });
  if (state.stream !== null) return change(state, { stream: null });
  // A filter that takes long is called off.
  if (selection.isSearching) return change(state, { filter: '' });
  if (state.zoomed) return change(state, { zoomed: false });
  return focusOn(state, levelAbove[state.focus]);
}

function cycle(state: UiState, step: 1 | -1): UiState {
  if (covers(activePane(state))) return state;
  const panes: readonly PaneName[] = panesOf[state.view];
  const next = panes[(panes.indexOf(state.focus) + step + panes.length) % panes.length];
  return change(state, { focus: next ?? state.focus });
}

const firstFocus: Readonly<Record<ViewName, PaneName>> = { path: 'path', packets: 'frames', live: 'interfaces' };

function show(state: UiState, view: ViewName): UiState {
  const uncovered = change(state, { help: false, stream: null });
  if (state.view === view) return uncovered;
  return change(uncovered, { view, focus: firstFocus[view], zoomed: false });
}

type Reducer = (state: UiState, scene: Scene) => UiState;

const page = ({ extent }: Scene): number => Math.max(1, extent.height - 1);

/** A stream that is open is the next connection's too. */
function nextConnection(state: UiState, { selection, framesOf }: Scene, step: 1 | -1): UiState {
  const index = selection.connectionIndex + step;
  const next = selectConnection(state, selection, index);
  if (next === state || state.stream === null) return next;
  const connection = selection.connections[index]?.connection;
  const first = connection === undefined ? null : (framesOf(connection)[0] ?? null);
  return openStream(next, first, state.stream.form);
}

const reducers: Readonly<Record<Command, Reducer>> = {
  up: (state, scene) => move(state, scene, -1),
  down: (state, scene) => move(state, scene, 1),
  'page-up': (state, scene) => move(state, scene, -page(scene)),
  'page-down': (state, scene) => move(state, scene, page(scene)),
  first: (state, scene) => move(state, scene, -Number.MAX_SAFE_INTEGER),
  last: (state, scene) => move(state, scene, Number.MAX_SAFE_INTEGER),
  'next-pane': (state) => cycle(state, 1),
  'previous-pane': (state) => cycle(state, -1),
  open: (state, scene) => openers[activePane(state)]?.(state, scene) ?? state,
  back,
  'view-path': (state) => show(state, 'path'),
  'view-packets': (state) => show(state, 'packets'),
  'view-live': (state, { selection }) => (selection.isLive ? show(state, 'live') : state),
  tail: (state, { selection }) => toggleTail(state, selection),
  pause: (state, { selection }) => (selection.isLive ? { ...state, paused: !state.paused } : state),
  'toggle-capture': (state) => state,
  'next-connection': (state, scene) => nextConnection(state, scene, 1),
  'previous-connection': (state, scene) => nextConnection(state, scene, -1),
  expand,
  collapse,
  'all-frames': (state, { selection }) =>
    change(state, { allFrames: !state.allFrames, frame: selection.frame?.number ?? null }),
  filter: openPrompt,
  mark: markFrame,
  'next-mark': toNextMark,
  follow: toggleStream,
  'stream-form': nextStreamForm,
  write: openWrite,
  zoom: (state) => (covers(activePane(state)) ? state : change(state, { zoomed: !state.zoomed })),
  help: (state) => change(state, { help: !state.help }),
  quit: (state) => state,
  suspend: (state) => state,
};

/** The state after a command; the same object when it changes nothing. */
export function reduce(state: UiState, command: Command, scene: Scene): UiState {
  const quiet = change(state, { notice: null });
  const from = endsTail(quiet, command, activePane(quiet)) ? pinned(quiet, scene.selection) : quiet;
  return reducers[command](from, scene);
}
