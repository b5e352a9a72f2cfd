/** Staying with the latest connection and frame of a live capture, until the user chooses something. */

import type { Command } from './keymap.ts';
import type { PaneName } from './layout.ts';
import type { Selection } from './selection.ts';
import type { UiState } from './state.ts';

/** What a tail shows now stays where it is. */
export function pinned(state: UiState, { connections, connectionIndex, frame }: Selection): UiState {
  const connection = connections[connectionIndex]?.id ?? null;
  return { ...state, tail: false, connection, frame: frame?.number ?? null };
}

/** Begins or ends a tail; the same object in a replay. */
export function toggleTail(state: UiState, selection: Selection): UiState {
  if (!selection.isLive) return state;
  return state.tail ? pinned(state, selection) : { ...state, tail: true, connection: null, hop: null, frame: null };
}

/** Commands that choose something. */
const choosing: ReadonlySet<Command> = new Set<Command>([
  'up',
  'down',
  'page-up',
  'page-down',
  'first',
  'last',
  'next-connection',
  'previous-connection',
  'open',
  'all-frames',
]);

/** Panes in which moving chooses no connection, hop or frame. */
const besideTail: ReadonlySet<PaneName> = new Set<PaneName>(['interfaces', 'health', 'help']);

/** True for a command that ends the tail, in the pane that keys act on. */
export function endsTail({ tail }: UiState, command: Command, pane: PaneName): boolean {
  return tail && choosing.has(command) && !besideTail.has(pane);
}
