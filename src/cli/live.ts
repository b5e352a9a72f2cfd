/** `nettrace live`, and `nettrace` alone: the terminal UI on what passes this host's interfaces now. */

import { chooseEngine, type WantedEngine } from '../capture/capture.ts';
import { Guard } from '../capture/guard.ts';
import type { UiStore } from '../ui/store.ts';
import { UserError } from './errors.ts';
import { LiveSession } from './live-session.ts';
import type { ColorChoice } from './show.ts';

/** The command line's options. */
export interface LiveOptions {
  readonly interface?: readonly string[];
  readonly netns?: readonly string[];
  readonly ignoreNetns?: readonly string[];
  readonly engine: WantedEngine;
  readonly kernel: boolean;
  readonly memory: number;
  readonly color: ColorChoice;
}

const bytesPerMegabyte = 1024 * 1024;

/** Throws where it cannot be: with what can be done instead. */
function checkPossible(): void {
  if (process.getuid?.() !== 0) {
    throw new UserError(
      'live needs root to capture and to enter namespaces: repeat it with sudo, or use nettrace replay FILE, nettrace path --snapshot FILE or nettrace doctor',
    );
  }
  if (!process.stdin.isTTY || !process.stdout.isTTY || process.env['TERM'] === 'dumb') {
    throw new UserError('live needs a terminal; nettrace record -o FILE captures without one');
  }
}

/** Shows the host until the user quits. When it rejects, the process is to end at once: the guard then cleans up. */
export async function live(options: LiveOptions): Promise<void> {
  checkPossible();
  const engine = chooseEngine(options.engine);
  if (typeof engine === 'string') throw new UserError(engine);
  const guard = new Guard();
  let store: UiStore | null = null;
  const session = new LiveSession(
    {
      engine,
      kernel: options.kernel,
      isIgnored: () => false,
      choose: null,
      filter: null,
      memoryBytes: options.memory * bytesPerMegabyte,
      notes: [],
    },
    guard,
    (view) => store?.show(view),
  );
  const [{ startUi }, { select }] = await Promise.all([import('../ui/start.tsx'), import('../ui/selection.ts')]);
  const ended = startUi(session.view(), options.color, (made) => {
    store = made;
    made.subscribe(() => {
      const { view, state } = made.getSnapshot();
      session.lookAt(select(view, state).connection);
    });
  });
  await Promise.race([ended, session.begin().then(() => ended)]);
  await session.end();
  await guard.release();
}
