/**
 * What the user looks at, and how keys change it. Pure: the same state, command and case give the same next state, and
 * the very same object when nothing changes, so that nothing is drawn.
 */

import type { Command } from './keymap.ts';
import type { PaneName, ViewName } from './layout.ts';
import { panesOf } from './layout.ts';
import { openPrompt, type Prompt } from './prompt.ts';
import type { Selection } from './selection.ts';

/** Panes that scroll text; the others move a cursor. */
type ScrolledPane = 'why' | 'evidence' | 'hex' | 'help';

/** The state of the screen. Selections are identities; null is "the first, or the one that matters". */
export interface UiState {
  readonly view: ViewName;
  readonly focus: PaneName;
  readonly zoomed: boolean;
  readonly help: boolean;
  /** The frames pane shows the whole case, not the connection's frames. */
  readonly allFrames: boolean;
  /** The filter in force; empty: none. */
  readonly filter: string;
  /** Filters that were in force in this session, each once, the latest last. */
  readonly filters: readonly string[];
  /** The filter line, while it is open. */
  readonly prompt: Prompt | null;
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
}

/** Where every session starts. */
export const initialState: UiState = {
  view: 'path',
  focus: 'connections',
  zoomed: false,
  help: false,
  allFrames: false,
  filter: '',
  filters: [],
  prompt: null,
  connection: null,
  hop: null,
  frame: null,
  node: null,
  open: new Set(),
  scroll: { why: 0, evidence: 0, hex: null, help: 0 },
};

/** The pane that keys act on. */
export function activePane(state: UiState): PaneName {
  return state.help ? 'help' : state.focus;
}

/** The state with changes, or itself when they change nothing. */
function change(state: UiState, patch: Partial<UiState>): UiState {
  const current = new Map<string, unknown>(Object.entries(state));
  const same = Object.entries(patch).every(([key, value]) => current.get(key) === value);
  return same ? state : { ...state, ...patch };
}

function focusOn(state: UiState, view: ViewName, focus: PaneName): UiState {
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

type Mover = (state: UiState, selection: Selection, rows: number) => UiState;

const cursors: Readonly<Record<Exclude<PaneName, ScrolledPane>, Mover>> = {
  connections: (state, selection, rows) => selectConnection(state, selection, selection.connectionIndex + rows),
  path: (state, selection, rows) => selectHop(state, selection, selection.hopIndex + rows),
  frames: (state, selection, rows) => selectFrame(state, selection, selection.frameIndex + rows),
  layers: (state, selection, rows) => selectNode(state, selection, selection.nodeIndex + rows),
};

function isScrolled(pane: PaneName): pane is ScrolledPane {
  return pane === 'why' || pane === 'evidence' || pane === 'hex' || pane === 'help';
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
  const packets = focusOn(state, 'packets', 'frames');
  return frame === state.frame ? packets : { ...packets, frame, scroll: { ...state.scroll, hex: null } };
}

function openNode(state: UiState, { selection: { node } }: Scene): UiState {
  if (node?.kind === 'layer') return setOpen(state, node.id, !node.open);
  return node ? focusOn(state, 'packets', 'hex') : state;
}

/** What Enter does, a pane; the others have nothing to open. */
const openers: Readonly<Partial<Record<PaneName, (state: UiState, scene: Scene) => UiState>>> = {
  connections: (state, { selection }) =>
    selection.hop ? focusOn(state, 'path', 'path') : focusOn(state, 'packets', 'frames'),
  path: (state) => focusOn(state, 'path', 'evidence'),
  evidence: openEvidence,
  frames: (state) => focusOn(state, 'packets', 'layers'),
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
  help: 'help',
};

function back(state: UiState, { selection }: Scene): UiState {
  if (state.help) return change(state, { help: false });
  // A filter that takes long is called off.
  if (selection.isSearching) return change(state, { filter: '' });
  if (state.zoomed) return change(state, { zoomed: false });
  const above = levelAbove[state.focus];
  return focusOn(state, above === 'path' || above === 'connections' ? 'path' : 'packets', above);
}

function cycle(state: UiState, step: 1 | -1): UiState {
  if (state.help) return state;
  const panes: readonly PaneName[] = panesOf[state.view];
  const next = panes[(panes.indexOf(state.focus) + step + panes.length) % panes.length];
  return change(state, { focus: next ?? state.focus });
}

function show(state: UiState, view: ViewName): UiState {
  if (state.view === view) return change(state, { help: false });
  return change(state, { view, focus: view === 'path' ? 'path' : 'frames', zoomed: false, help: false });
}

type Reducer = (state: UiState, scene: Scene) => UiState;

const page = ({ extent }: Scene): number => Math.max(1, extent.height - 1);

function nextConnection(state: UiState, { selection }: Scene, step: 1 | -1): UiState {
  return selectConnection(state, selection, selection.connectionIndex + step);
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
  'next-connection': (state, scene) => nextConnection(state, scene, 1),
  'previous-connection': (state, scene) => nextConnection(state, scene, -1),
  expand,
  collapse,
  'all-frames': (state, { selection }) =>
    change(state, { allFrames: !state.allFrames, frame: selection.frame?.number ?? null }),
  filter: openPrompt,
  zoom: (state) => (state.help ? state : change(state, { zoomed: !state.zoomed })),
  help: (state) => change(state, { help: !state.help }),
  quit: (state) => state,
  suspend: (state) => state,
};

/** The state after a command; the same object when it changes nothing. */
export function reduce(state: UiState, command: Command, scene: Scene): UiState {
  return reducers[command](state, scene);
}
