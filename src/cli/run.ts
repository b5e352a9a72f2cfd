/** `nettrace run -- CMD`: runs a command as if nettrace were not there, then explains its connections. */

import { closeSync, openSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { chooseEngine, type WantedEngine } from '../capture/capture.ts';
import { Guard } from '../capture/guard.ts';
import { findContainer } from '../host/containers.ts';
import { isPlainFile } from '../host/files.ts';
import type { ColourChoice } from '../ui/colour.ts';
import { UserError } from './errors.ts';
import { namespaceInode } from './namespace-file.ts';
import { checkSavable, saveCase } from './save.ts';
import { type RelayedSignal, SignalRelay } from './signals.ts';
import { whyNoScreen } from './terminal.ts';
import { trace } from './watch/trace.ts';
import { exitStatus, type NameFiles } from './watch/traced-command.ts';

/** The command line's options. */
export interface RunOptions {
  readonly netns?: string;
  readonly container?: string;
  readonly pid?: string;
  readonly json?: true;
  readonly save?: string;
  readonly timeout?: number;
  readonly tui?: true;
  readonly teach?: true;
  readonly ignoreNetns?: readonly string[];
  readonly engine: WantedEngine;
  readonly kernel: boolean;
  readonly ruleTrace: boolean;
  readonly color: ColourChoice;
}

interface Place {
  readonly namespaceInode: number | null;
  readonly nameFiles: NameFiles;
}

function existing(path: string): string | null {
  try {
    closeSync(openSync(path, 'r'));
    return path;
  } catch {
    return null;
  }
}

/** What explains and shows, half of the program: it is loaded while the command runs, which need not wait for it. */
async function loadTelling() {
  const [{ diagnose }, { browseCase, writeJson, writeReport }] = await Promise.all([
    import('../diagnose/diagnose.ts'),
    import('./show.ts'),
  ]);
  return { diagnose, browseCase, writeJson, writeReport };
}

/** A file that an engine names as its container's; null for none. Throws when it may lead elsewhere. */
function containersOwn(path: string | null): string | null {
  if (path === null || isPlainFile(path)) return path;
  throw new UserError(
    `cannot give the command the container's ${path}: it is not there, or a link, or no plain file; --pid enters the namespace without the container's names`,
  );
}

async function findPlace({ netns, container, pid }: RunOptions, guard: Guard): Promise<Place> {
  if ([netns, container, pid].filter((choice) => choice !== undefined).length > 1) {
    throw new UserError('--netns, --container and --pid exclude each other: name one place to run the command in');
  }
  const hostFiles = { hosts: null, resolvConf: null };
  if (netns !== undefined) {
    const files = {
      hosts: existing(`/etc/netns/${netns}/hosts`),
      resolvConf: existing(`/etc/netns/${netns}/resolv.conf`),
    };
    const inode = namespaceInode(
      `/run/netns/${netns}`,
      `the namespace ${netns} (ip netns list shows the names)`,
      `ip netns delete ${netns} removes what is left of it, then make it again`,
    );
    return { namespaceInode: inode, nameFiles: files };
  }
  if (pid !== undefined) {
    return {
      namespaceInode: namespaceInode(`/proc/${pid}/ns/net`, `the namespace of process ${pid}`, 'name another process'),
      nameFiles: hostFiles,
    };
  }
  if (container !== undefined) {
    const found = await findContainer(container, { onChild: guard.watchProcess });
    if (found.container === null) throw new UserError(found.reasons.join(' '));
    return {
      namespaceInode: namespaceInode(
        found.netnsPath,
        `the namespace of the container ${container}`,
        'restart the container',
      ),
      nameFiles: {
        hosts: containersOwn(found.container.hostsPath),
        resolvConf: containersOwn(found.container.resolvConfPath),
      },
    };
  }
  return { namespaceInode: null, nameFiles: hostFiles };
}

/**
 * Runs it and resolves to nettrace's exit status: the command's own, which `process.exitCode` holds from the command's
 * end on. When it rejects, the process is to end at once: the guard then cleans up behind it.
 */
export async function run(
  argv: readonly string[],
  options: RunOptions,
  ignoredSignals: readonly RelayedSignal[],
): Promise<number> {
  if (process.getuid?.() !== 0) {
    throw new UserError(
      'run needs root to capture and to enter namespaces: repeat it with sudo, or open a saved case with nettrace replay FILE',
    );
  }
  if (options.save !== undefined) checkSavable(options.save);
  const engine = chooseEngine(options.engine);
  if (typeof engine === 'string') throw new UserError(engine);
  const guard = new Guard();
  const { namespaceInode, nameFiles } = await findPlace(options, guard);
  // However nettrace ends, the guard cleans up: nothing is gained by waiting for it, and what still runs here would go on starting engines.
  const relay = new SignalRelay(process.stdin.isTTY, (status) => process.exit(status));
  const stopListening = relay.listen(ignoredSignals);
  let telling: ReturnType<typeof loadTelling> | undefined;
  const { evidence, end } = await trace(
    {
      command: { argv, nameFiles, ignoredSignals, outputToError: options.json === true },
      namespaceInode,
      ignoreNetns: options.ignoreNetns ?? [],
      engine,
      kernel: options.kernel,
      ruleTrace: options.ruleTrace,
      // The report is to be there as soon as the command has ended.
      pace: 'prompt',
      timeoutSeconds: options.timeout ?? null,
    },
    guard,
    (command) => {
      relay.handTo(command);
      telling = loadTelling();
      // After its end there is nobody to hand a signal to.
      void command.ended.then(stopListening);
    },
  );
  const status = exitStatus(end, osConstants.signals);
  process.exitCode = status;
  const { diagnose, browseCase, writeJson, writeReport } = await (telling ?? loadTelling());
  const diagnosis = diagnose(evidence);
  const noScreen = options.tui === true ? whyNoScreen() : null;
  if (noScreen !== null) process.stderr.write(`nettrace: no terminal UI (--tui): ${noScreen}; the report follows\n`);
  const isBrowsed = options.tui === true && noScreen === null;
  if (options.json) writeJson(diagnosis, options);
  else if (!isBrowsed) writeReport(diagnosis, process.stderr, options);
  if (options.save !== undefined) saveCase(options.save, evidence);
  // The case has the command line with its secrets masked.
  if (isBrowsed) await browseCase(evidence.session?.command?.argv.join(' ') ?? '', evidence, diagnosis, options);
  await guard.release();
  return status;
}
