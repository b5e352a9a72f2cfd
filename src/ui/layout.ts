/**
 * Where the panes stand: a pure function of the terminal's size, the view, and how many rows the lists want.
 *
 * Narrow (below 112 columns), Path on the left, Packets on the right:
 *
 *     header                        header
 *     -- Connections ----           -- Frames ---------
 *     rows                          rows
 *     -- Path -----------           -- Layers ---------
 *     rows                          rows
 *     -- Why | Evidence --          -- Bytes ----------
 *     rows                          rows
 *     keys                          keys
 *
 * Wide:
 *
 *     header                                header
 *     -- Connections ----------------       -- Frames ---------------------
 *     rows                                  rows
 *     -- Path ------- -- Why --------       -- Layers ----- -- Bytes ------
 *     rows            rows                  rows            rows
 *     -- Evidence ---
 *     rows
 *     keys                                  keys
 *
 * A live capture has a third view, its interfaces above and how the capture goes below.
 *
 * Each pane is a rule with its title and the rows below it. No side borders: they would cost a third of the drawing time.
 */

/** A screen of several panes. */
export type ViewName = 'path' | 'packets' | 'live';

/** A pane that can be focused. `stream` and `help` cover the whole body. */
export type PaneName =
  | 'connections'
  | 'path'
  | 'why'
  | 'evidence'
  | 'frames'
  | 'layers'
  | 'hex'
  | 'interfaces'
  | 'health'
  | CoveringPane;

/** A pane over all others. */
export type CoveringPane = 'stream' | 'help';

/** True for a pane that covers the others. */
export function covers(pane: PaneName): pane is CoveringPane {
  return pane === 'stream' || pane === 'help';
}

/** The panes of each view, in the order in which Tab goes through them. */
export const panesOf = {
  path: ['connections', 'path', 'why', 'evidence'],
  packets: ['frames', 'layers', 'hex'],
  live: ['interfaces', 'health'],
} as const satisfies Record<ViewName, readonly PaneName[]>;

/** The smallest terminal that the panes fit in. */
export const smallest = { columns: 60, rows: 16 } as const;

/** From here on two panes stand side by side: 74 columns of bytes and enough for the layers' names. */
const wideColumns = 112;

/** Columns of sixteen bytes a row: offset, bytes, brackets, text. */
const hexColumns = 74;

/** Blank columns between panes side by side. */
export const columnGap = 2;

/** Header above, keys below. */
const barRows = 2;

/** A pane's place. */
export interface Place {
  readonly pane: PaneName;
  /** Columns. */
  readonly width: number;
  /** Rows of content, the rule above them not counted. */
  readonly height: number;
}

/** Panes over the whole width, then two columns of panes side by side; either part may be empty. */
export interface Layout {
  readonly top: readonly Place[];
  readonly left: readonly Place[];
  readonly right: readonly Place[];
}

/** What the layout depends on. */
export interface LayoutInput {
  readonly columns: number;
  readonly rows: number;
  readonly view: ViewName;
  readonly focus: PaneName;
  /** The focused pane has the whole body. */
  readonly zoomed: boolean;
  /** Rows that these lists would like; the same while a case is looked at, so that panes do not jump. */
  readonly wanted: {
    readonly connections: number;
    readonly path: number;
    readonly frames: number;
    readonly interfaces: number;
  };
}

/** True when the terminal is too small for any pane. */
export function tooSmall(columns: number, rows: number): boolean {
  return columns < smallest.columns || rows < smallest.rows;
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(value, most));

function pathView(input: LayoutInput, body: number): Layout {
  const { columns, wanted, focus } = input;
  const connections = clamp(wanted.connections, 1, Math.max(3, Math.floor(body * 0.22)));
  const rest = body - connections - 1;
  const top: Place[] = [{ pane: 'connections', width: columns, height: connections }];
  if (columns < wideColumns) {
    const path = clamp(wanted.path, 3, Math.floor(body * 0.42));
    const lower: PaneName = focus === 'evidence' ? 'evidence' : 'why';
    top.push({ pane: 'path', width: columns, height: path });
    top.push({ pane: lower, width: columns, height: rest - path - 2 });
    return { top, left: [], right: [] };
  }
  const leftWidth = Math.floor(columns * 0.56);
  const path = clamp(wanted.path, 3, rest - Math.max(9, Math.floor(rest * 0.4)));
  return {
    top,
    left: [
      { pane: 'path', width: leftWidth, height: path },
      { pane: 'evidence', width: leftWidth, height: rest - path - 2 },
    ],
    right: [{ pane: 'why', width: columns - leftWidth - columnGap, height: rest - 1 }],
  };
}

function packetsView({ columns, wanted }: LayoutInput, body: number): Layout {
  if (columns < wideColumns) {
    const rows = body - 3;
    const hex = clamp(Math.floor(rows * 0.28), 4, 12);
    const frames = clamp(wanted.frames, 3, Math.floor((rows - hex) * 0.45));
    return {
      top: [
        { pane: 'frames', width: columns, height: frames },
        { pane: 'layers', width: columns, height: rows - hex - frames },
        { pane: 'hex', width: columns, height: hex },
      ],
      left: [],
      right: [],
    };
  }
  const frames = clamp(wanted.frames, 6, Math.floor(body * 0.42) - 1);
  const below = body - frames - 2;
  const leftWidth = columns - hexColumns - columnGap;
  return {
    top: [{ pane: 'frames', width: columns, height: frames }],
    left: [{ pane: 'layers', width: leftWidth, height: below }],
    right: [{ pane: 'hex', width: hexColumns, height: below }],
  };
}

function liveView({ columns, wanted }: LayoutInput, body: number): Layout {
  const interfaces = clamp(wanted.interfaces, 3, Math.floor((body - 2) * 0.7));
  return {
    top: [
      { pane: 'interfaces', width: columns, height: interfaces },
      { pane: 'health', width: columns, height: body - 2 - interfaces },
    ],
    left: [],
    right: [],
  };
}

const views: Readonly<Record<ViewName, (input: LayoutInput, body: number) => Layout>> = {
  path: pathView,
  packets: packetsView,
  live: liveView,
};

/** Places the panes. The terminal must not be `tooSmall`. */
export function layout(input: LayoutInput): Layout {
  const body = input.rows - barRows;
  if (input.zoomed || covers(input.focus)) {
    return { top: [{ pane: input.focus, width: input.columns, height: body - 1 }], left: [], right: [] };
  }
  return views[input.view](input, body);
}
