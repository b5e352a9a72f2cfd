/**
 * The key table: what each key does, and where. The help pane, the line of hints and docs/keys.md come from it.
 */

import type { PaneName } from './layout.ts';

/**
 * What a key can ask for. `quit` and `suspend` are the terminal's business, `toggle-capture` the capture's, the rest is
 * `state.ts`'s.
 */
export type Command =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'first'
  | 'last'
  | 'next-pane'
  | 'previous-pane'
  | 'open'
  | 'back'
  | 'view-path'
  | 'view-packets'
  | 'view-live'
  | 'next-connection'
  | 'previous-connection'
  | 'expand'
  | 'collapse'
  | 'all-frames'
  | 'filter'
  | 'mark'
  | 'next-mark'
  | 'follow'
  | 'stream-form'
  | 'write'
  | 'tail'
  | 'pause'
  | 'toggle-capture'
  | 'zoom'
  | 'help'
  | 'quit'
  | 'suspend';

/** One row of the table. */
export interface Binding {
  /** Names as `keys.ts` gives them: a character, or `up`, `page-down`, `ctrl+c`, … */
  readonly keys: readonly string[];
  /** The panes where it works; `any` is everywhere. */
  readonly context: 'any' | readonly PaneName[];
  readonly command: Command;
  /** What it does, for the help. */
  readonly help: string;
  /** What it does, for the line of hints at the bottom; without it, the key is not hinted at. */
  readonly hint?: string;
}

/** All bindings. A key stands at most once for a pane. */
export const bindings: readonly Binding[] = [
  { keys: ['j', 'down'], context: 'any', command: 'down', help: 'the next row, or scroll down' },
  { keys: ['k', 'up'], context: 'any', command: 'up', help: 'the row before, or scroll up' },
  { keys: ['page-down', 'ctrl+f'], context: 'any', command: 'page-down', help: 'a page down' },
  { keys: ['page-up', 'ctrl+b'], context: 'any', command: 'page-up', help: 'a page up' },
  { keys: ['g', 'home'], context: 'any', command: 'first', help: 'to the top' },
  { keys: ['G', 'end'], context: 'any', command: 'last', help: 'to the bottom' },
  { keys: ['enter'], context: ['connections'], command: 'open', help: 'to the path of the connection', hint: 'path' },
  { keys: ['enter'], context: ['path'], command: 'open', help: 'to the evidence of the hop', hint: 'evidence' },
  { keys: ['enter'], context: ['evidence'], command: 'open', help: 'to the frame that is evidence', hint: 'frames' },
  { keys: ['enter'], context: ['frames'], command: 'open', help: 'to the layers of the frame', hint: 'layers' },
  { keys: ['enter', 'space'], context: ['layers'], command: 'open', help: 'open or close the layer', hint: 'open' },
  { keys: ['right', 'l'], context: ['layers'], command: 'expand', help: 'open the layer, or go into it' },
  { keys: ['left', 'h'], context: ['layers'], command: 'collapse', help: 'close the layer, or go out to it' },
  { keys: ['escape', 'backspace'], context: 'any', command: 'back', help: 'one level back', hint: 'back' },
  { keys: ['tab'], context: 'any', command: 'next-pane', help: 'next pane', hint: 'pane' },
  { keys: ['shift+tab'], context: 'any', command: 'previous-pane', help: 'previous pane' },
  { keys: ['1'], context: 'any', command: 'view-path', help: 'the path, why it ended, and the evidence' },
  { keys: ['2'], context: 'any', command: 'view-packets', help: 'the frames, their layers and bytes' },
  { keys: ['3'], context: 'any', command: 'view-live', help: 'live: interfaces, and how the capture goes' },
  { keys: ['F'], context: 'any', command: 'tail', help: 'live: stay with the latest, or where the cursor is' },
  { keys: ['p'], context: 'any', command: 'pause', help: 'live: hold the screen still, or go on' },
  {
    keys: ['space', 'enter'],
    context: ['interfaces'],
    command: 'toggle-capture',
    help: 'begin or end the capture there',
    hint: 'capture or not',
  },
  { keys: ['z'], context: 'any', command: 'zoom', help: 'the pane alone, or among the others', hint: 'zoom' },
  { keys: [']'], context: 'any', command: 'next-connection', help: 'next connection' },
  { keys: ['['], context: 'any', command: 'previous-connection', help: 'previous connection' },
  {
    keys: ['a'],
    context: ['frames'],
    command: 'all-frames',
    help: 'all frames of the case, or those of the connection',
    hint: 'all',
  },
  {
    keys: ['/'],
    context: ['frames'],
    command: 'filter',
    help: 'filter the list (Enter keeps, Esc takes back)',
    hint: 'filter',
  },
  { keys: ['m'], context: ['frames', 'layers'], command: 'mark', help: 'mark the frame, or not', hint: 'mark' },
  { keys: ['M'], context: ['frames', 'layers'], command: 'next-mark', help: 'to the next marked frame' },
  {
    keys: ['f'],
    context: 'any',
    command: 'follow',
    help: 'what the connection said, and away again',
    hint: 'follow',
  },
  {
    keys: ['t'],
    context: ['stream'],
    command: 'stream-form',
    help: 'as text, as a hex dump, as bytes alone',
    hint: 'text, hex or raw',
  },
  { keys: ['w'], context: 'any', command: 'write', help: 'write frames to a file', hint: 'write' },
  { keys: ['?'], context: 'any', command: 'help', help: 'this help, and away again' },
  { keys: ['q', 'ctrl+c'], context: 'any', command: 'quit', help: 'quit' },
  { keys: ['ctrl+z'], context: 'any', command: 'suspend', help: 'suspend; fg comes back' },
];

/** What a key asks for in a pane; null when it means nothing there. */
export function commandFor(key: string, pane: PaneName): Command | null {
  const found = bindings.find(
    (binding) => binding.keys.includes(key) && (binding.context === 'any' || binding.context.includes(pane)),
  );
  return found?.command ?? null;
}

const shownNames: Readonly<Record<string, string>> = {
  enter: 'Enter',
  space: 'Space',
  escape: 'Esc',
  backspace: 'Backspace',
  tab: 'Tab',
  'shift+tab': 'Shift-Tab',
  up: 'Up',
  down: 'Down',
  left: 'Left',
  right: 'Right',
  home: 'Home',
  end: 'End',
  'page-up': 'PgUp',
  'page-down': 'PgDn',
};

/** A key as a person reads it: `PgDn`, `Ctrl-C`, `j`. */
export function shownKey(key: string): string {
  return shownNames[key] ?? key.replace(/^ctrl\+(.)$/, (_, letter: string) => `Ctrl-${letter.toUpperCase()}`);
}

/** The panes of a binding in words. */
export function shownContext(binding: Binding): string {
  return binding.context === 'any' ? 'everywhere' : binding.context.map((pane) => paneTitles[pane]).join(', ');
}

/** What each pane is called on the screen. */
export const paneTitles: Readonly<Record<PaneName, string>> = {
  connections: 'Connections',
  path: 'Path',
  why: 'Why',
  evidence: 'Evidence',
  frames: 'Frames',
  layers: 'Layers',
  hex: 'Bytes',
  stream: 'Stream',
  interfaces: 'Interfaces',
  health: 'Capture',
  help: 'Help',
};
