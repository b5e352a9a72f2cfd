/** Starts the terminal UI, and gives the terminal back however it ends. */

import chalk from 'chalk';
import { render } from 'ink';
import type { ReactElement } from 'react';
import { App } from './app.tsx';
import type { CaseView } from './case-view.ts';
import type { ColourChoice } from './colour.ts';
import { colourLevel } from './colour.ts';
import { LoadingScreen } from './loading.tsx';
import type { Loading } from './rows/loading.ts';
import { createStore, type UiStore } from './store.ts';

/** The shell's code for a program that SIGTERM ended. */
const terminated = 128 + 15;

/** Stops the whole job, as the terminal's own Ctrl-Z would; returns when it is continued. */
function stopJob(): void {
  process.kill(0, 'SIGTSTP');
}

/** A UI that is open. */
export interface OpenUi {
  /** Shows how far the opening of a case is. */
  tell(loading: Loading): void;
  /** Shows a case, from its beginning. */
  show(view: CaseView): void;
  /** Closes it; it may be closed already. */
  close(): void;
  /**
   * Resolves when it is closed; after SIGTERM too, with `process.exitCode` set to 143, so that the caller can still put
   * things in order. Rejects with the error that rendering threw. Either way the terminal is as it was before.
   */
  readonly closed: Promise<void>;
}

/** Opens the UI on how far the opening of a case is. Standard input and output must be terminals. */
function openUi(first: ReactElement, colour: ColourChoice): OpenUi {
  chalk.level = colourLevel(colour, process.env, chalk.level);
  // Ink does so after its first frame: keys that come before would be echoed into it, and Enter would scroll it.
  process.stdin.setRawMode(true);
  const instance = render(first, {
    alternateScreen: true,
    incrementalRendering: true,
    // The store paces updates; Ink's own throttle would only delay keys.
    maxFps: 1000,
    exitOnCtrlC: false,
    patchConsole: true,
    // Ink takes CI=true for a terminal that nobody looks at.
    interactive: true,
  });
  const onTerminate = (): void => {
    process.exitCode = terminated;
    instance.unmount();
  };
  process.once('SIGTERM', onTerminate);
  const closed = instance.waitUntilExit().finally(() => {
    process.off('SIGTERM', onTerminate);
    process.stdin.setRawMode(false);
  });
  return {
    tell: (loading) => instance.rerender(<LoadingScreen loading={loading} />),
    show: (view) => instance.rerender(<App store={createStore(view)} stop={stopJob} />),
    close: () => instance.unmount(),
    closed: closed.then(() => undefined),
  };
}

/** Opens the UI before there is a case. Standard input and output must be terminals. */
export function openLoading(loading: Loading, colour: ColourChoice = 'auto'): OpenUi {
  return openUi(<LoadingScreen loading={loading} />, colour);
}

/**
 * Shows a case until the user quits; see `OpenUi.closed`. Standard input and output must be terminals.
 *
 * @param onStore Hears of the store: through it another view can be shown, and the UI be closed.
 */
export async function startUi(
  view: CaseView,
  colour: ColourChoice = 'auto',
  onStore: (store: UiStore, close: () => void) => void = () => {},
): Promise<void> {
  const store = createStore(view);
  const ui = openUi(<App store={store} stop={stopJob} />, colour);
  onStore(store, () => ui.close());
  await ui.closed;
}
