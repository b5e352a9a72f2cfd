/** Starts the terminal UI, and gives the terminal back however it ends. */

import chalk from 'chalk';
import { render } from 'ink';
import { App } from './app.tsx';
import type { CaseView } from './case-view.ts';
import type { ColourChoice } from './colour.ts';
import { colourLevel } from './colour.ts';
import { createStore, type UiStore } from './store.ts';

/** The shell's code for a program that SIGTERM ended. */
const terminated = 128 + 15;

/** Stops the whole job, as the terminal's own Ctrl-Z would; returns when it is continued. */
function stopJob(): void {
  process.kill(0, 'SIGTSTP');
}

/**
 * Shows a case until the user quits. Standard input and output must be terminals.
 *
 * `onStore` hears of the store: through it another view can be shown, and the UI be closed.
 *
 * Resolves when the user quits; after SIGTERM too, with `process.exitCode` set to 143, so that the caller can still put
 * things in order. Rejects with the error that rendering threw. Either way the terminal is as it was before.
 */
export async function startUi(
  view: CaseView,
  colour: ColourChoice = 'auto',
  onStore: (store: UiStore, close: () => void) => void = () => {},
): Promise<void> {
  chalk.level = colourLevel(colour, process.env, chalk.level);
  const store = createStore(view);
  const instance = render(<App store={store} stop={stopJob} />, {
    alternateScreen: true,
    incrementalRendering: true,
    // The store paces updates; Ink's own throttle would only delay keys.
    maxFps: 1000,
    exitOnCtrlC: false,
    patchConsole: true,
    // Ink takes CI=true for a terminal that nobody looks at.
    interactive: true,
  });
  onStore(store, () => instance.unmount());
  const onTerminate = (): void => {
    process.exitCode = terminated;
    instance.unmount();
  };
  process.once('SIGTERM', onTerminate);
  try {
    await instance.waitUntilExit();
  } finally {
    process.off('SIGTERM', onTerminate);
  }
}
