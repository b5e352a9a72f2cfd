/** The root: keys in, screen out. */

import { Box, useApp, useInput, usePaste, useWindowSize } from 'ink';
import type { ReactElement } from 'react';
import { useMemo, useSyncExternalStore } from 'react';
import { commandFor } from './keymap.ts';
import { keysOf } from './keys.ts';
import { columnGap } from './layout.ts';
import { paint } from './paint.ts';
import { Pane, Row } from './pane.tsx';
import type { DrawnPane, Screen } from './screen.ts';
import { composeScreen, tooSmallLines } from './screen.ts';
import { activePane, isTyping } from './state.ts';
import type { UiStore } from './store.ts';

/** What the root needs. */
export interface AppProps {
  readonly store: UiStore;
  /** Stops the process until it is continued; the terminal is the shell's by then. */
  readonly stop: () => void;
}

function Column({ panes }: { readonly panes: readonly DrawnPane[] }): ReactElement {
  return (
    <Box flexDirection="column" flexShrink={0}>
      {panes.map((pane) => (
        <Pane key={pane.pane} pane={pane} />
      ))}
    </Box>
  );
}

function Drawn({ screen, columns, rows }: { screen: Screen; columns: number; rows: number }): ReactElement {
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      <Row text={paint(screen.header, columns, false)} />
      <Column panes={screen.top} />
      {screen.left.length > 0 && (
        <Box columnGap={columnGap} flexShrink={0}>
          <Column panes={screen.left} />
          <Column panes={screen.right} />
        </Box>
      )}
      {screen.bottom.map((row, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- they are places on the screen
        <Row key={index} text={paint(row, columns, false)} />
      ))}
    </Box>
  );
}

/** The terminal UI on a store. */
export function App({ store, stop }: AppProps): ReactElement {
  const { exit, suspendTerminal } = useApp();
  const { columns, rows } = useWindowSize();
  const snapshot = useSyncExternalStore(
    (listener) => store.subscribe(listener),
    () => store.getSnapshot(),
  );
  const screen = useMemo(() => composeScreen(snapshot, columns, rows), [snapshot, columns, rows]);

  const press = (key: string): void => {
    const current = store.getSnapshot();
    if (isTyping(current.state) && key !== 'ctrl+c' && key !== 'ctrl+z') {
      store.type(key);
      return;
    }
    const command = commandFor(key, activePane(current.state));
    if (command === 'quit') exit();
    else if (command === 'suspend') void suspendTerminal(stop);
    else if (command) {
      // Several keys may come at once, so each is judged by the screen as the one before left it.
      const scene = (current === snapshot ? screen : composeScreen(current, columns, rows))?.scene;
      if (scene) store.dispatch(command, scene);
    }
  };
  useInput((input, flags) => {
    for (const key of keysOf(input, flags)) press(key);
  });
  // Pasted text is no typing: its letters are no commands, but they may be a filter, or the name of a file.
  usePaste((text) => store.paste(text));

  if (screen) return <Drawn screen={screen} columns={columns} rows={rows} />;
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      {tooSmallLines(columns, rows).map((row, index) => (
        // oxlint-disable-next-line react/no-array-index-key -- blank rows have nothing else to be told apart by
        <Row key={index} text={paint(row, columns, false)} />
      ))}
    </Box>
  );
}
