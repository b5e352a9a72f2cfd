/** `nettrace live`, and `nettrace` alone: the terminal UI on what passes this host's interfaces now. */

import { setFlagsFromString } from 'node:v8';
import { chooseEngine, type WantedEngine } from '../capture/capture.ts';
import { Guard } from '../capture/guard.ts';
import { escapeText } from '../report/escape.ts';
import type { ColourChoice } from '../ui/colour.ts';
import type { UiStore } from '../ui/store.ts';
import { captureFilter } from './capture-filter.ts';
import { UserError } from './errors.ts';
import { matchesAny } from './globs.ts';
import { liveChoice } from './live/choice.ts';
import { LiveSession } from './live/session.ts';
import { isTerminal } from './terminal.ts';

/** The command line's options. */
export interface LiveOptions {
  readonly interface?: readonly string[];
  readonly netns?: readonly string[];
  readonly ignoreNetns?: readonly string[];
  readonly engine: WantedEngine;
  readonly kernel: boolean;
  readonly memory: number;
  readonly save?: string;
  readonly saveLimit: number;
  readonly captureFilter?: string;
  readonly withSsh?: true;
  readonly color: ColourChoice;
}

const bytesPerMegabyte = 1024 * 1024;
/** The shell's code for a program that SIGHUP ended. */
const hungUp = 128 + 1;

/** Throws where it cannot be: with what can be done instead. */
function checkPossible(): void {
  if (process.getuid?.() !== 0) {
    throw new UserError(
      'live needs root to capture and to enter namespaces: repeat it with sudo, or use nettrace replay FILE, nettrace path --snapshot FILE or nettrace doctor',
    );
  }
  if (!isTerminal()) {
    throw new UserError('live needs a terminal; nettrace record -o FILE captures without one');
  }
}

/** Shows the host until the user quits. When it rejects, the process is to end at once: the guard then cleans up. */
export async function live(options: LiveOptions): Promise<void> {
  checkPossible();
  const engine = chooseEngine(options.engine);
  if (typeof engine === 'string') throw new UserError(engine);
  const { expression, notes } = await captureFilter(options.captureFilter, options.withSsh === true);
  // Under load V8 would let the young generation grow by 50 MB that it has no use for: what is new dies at once.
  setFlagsFromString('--semi-space-growth-factor=1');
  const guard = new Guard();
  let screen: Screen | null = null;
  using session = new LiveSession(
    {
      engine,
      kernel: options.kernel,
      isIgnored: matchesAny(options.ignoreNetns ?? []),
      choose: liveChoice({ devices: options.interface ?? [], namespaces: options.netns ?? [] }),
      filter: expression,
      memoryBytes: options.memory * bytesPerMegabyte,
      save:
        options.save === undefined ? null : { path: options.save, limitBytes: options.saveLimit * bytesPerMegabyte },
      notes,
    },
    guard,
    (view) => screen?.store.show(view),
  );
  const [{ startUi }, { select }] = await Promise.all([import('../ui/start.tsx'), import('../ui/selection.ts')]);
  const ended = startUi(session.view(), options.color, (store, close) => {
    screen = { store, close };
    store.subscribe(() => {
      const { view, state } = store.getSnapshot();
      session.lookAt(select(view, state).connection);
    });
  });
  // The terminal is gone: nothing can be drawn any more, nor waited for.
  process.once('SIGHUP', () => {
    session.hurryEnd();
    process.exit(hungUp);
  });
  try {
    await Promise.race([ended, session.begin()]);
  } catch (error) {
    // What is wrong is told on the terminal as it was before.
    closeScreen(screen);
    await ended;
    throw error;
  }
  await ended;
  await session.end();
  await guard.release();
  if (options.save !== undefined) {
    process.stderr.write(
      `nettrace: ${session.savedFrames} frames are in ${escapeText(options.save)}; nettrace replay explains what failed in them\n`,
    );
  }
}

interface Screen {
  readonly store: UiStore;
  readonly close: () => void;
}

function closeScreen(screen: Screen | null): void {
  screen?.close();
}
