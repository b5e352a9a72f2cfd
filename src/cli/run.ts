/** `nettrace run -- CMD`: runs a command as if nettrace were not there, then explains its connections. */

import { closeSync, fstatSync, openSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { Guard } from '../capture/guard.ts';
import { diagnose } from '../diagnose/diagnose.ts';
import { findContainer } from '../host/containers.ts';
import { errorText, UserError } from './errors.ts';
import { refuseExisting, saveCase } from './save.ts';
import { type ColorChoice, showCase, writeJson, writeReport } from './show.ts';
import { type TraceOptions, trace } from './trace.ts';
import { exitStatus, type NameFiles, type TracedProcess } from './traced-command.ts';

/** The command line's options. */
export interface RunOptions {
  readonly netns?: string;
  readonly container?: string;
  readonly pid?: string;
  readonly json?: true;
  readonly save?: string;
  readonly timeout?: number;
  readonly tui?: true;
  readonly ignoreNetns?: readonly string[];
  readonly engine: TraceOptions['engine'];
  readonly kernel: boolean;
  readonly color: ColorChoice;
}

interface Place {
  readonly namespaceInode: number | null;
  readonly nameFiles: NameFiles;
}

function namespaceInode(path: string, what: string): number {
  try {
    const descriptor = openSync(path, 'r');
    const { ino } = fstatSync(descriptor);
    closeSync(descriptor);
    return ino;
  } catch (error) {
    throw new UserError(`cannot enter ${what}: ${errorText(error)}`);
  }
}

function existing(path: string): string | null {
  try {
    closeSync(openSync(path, 'r'));
    return path;
  } catch {
    return null;
  }
}

async function findPlace({ netns, container, pid }: RunOptions): Promise<Place> {
  if ([netns, container, pid].filter((choice) => choice !== undefined).length > 1) {
    throw new UserError('--netns, --container and --pid exclude each other: name one place to run the command in');
  }
  const hostFiles = { hosts: null, resolvConf: null };
  if (netns !== undefined) {
    if (netns.includes('/'))
      throw new UserError(`there is no namespace called ${netns}: ip netns list shows the names`);
    const files = {
      hosts: existing(`/etc/netns/${netns}/hosts`),
      resolvConf: existing(`/etc/netns/${netns}/resolv.conf`),
    };
    const inode = namespaceInode(`/run/netns/${netns}`, `the namespace ${netns} (ip netns list shows the names)`);
    return { namespaceInode: inode, nameFiles: files };
  }
  if (pid !== undefined) {
    return {
      namespaceInode: namespaceInode(`/proc/${pid}/ns/net`, `the namespace of process ${pid}`),
      nameFiles: hostFiles,
    };
  }
  if (container !== undefined) {
    const found = await findContainer(container);
    if (found.container === null) throw new UserError(found.reasons.join(' '));
    return {
      namespaceInode: namespaceInode(found.netnsPath, `the namespace of the container ${container}`),
      nameFiles: { hosts: found.container.hostsPath, resolvConf: found.container.resolvConfPath },
    };
  }
  return { namespaceInode: null, nameFiles: hostFiles };
}

/**
 * Signals while the command runs: the terminal gives Ctrl-C to the command itself, so the first one is let pass and the
 * second ends nettrace; the others are handed on.
 */
function passSignals(process_: () => TracedProcess | null, leave: (status: number) => void): () => void {
  let interrupts = 0;
  const onInterrupt = (): void => {
    interrupts += 1;
    if (interrupts > 1) leave(128 + osConstants.signals.SIGINT);
    else if (!process.stdin.isTTY) process_()?.signal('SIGINT');
  };
  const handOn = (signal: NodeJS.Signals): void => process_()?.signal(signal);
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', handOn);
  process.on('SIGHUP', handOn);
  return () => {
    process.off('SIGINT', onInterrupt);
    process.off('SIGTERM', handOn);
    process.off('SIGHUP', handOn);
  };
}

/** Runs it and resolves to nettrace's exit status: the command's own. */
export async function run(argv: readonly string[], options: RunOptions): Promise<number> {
  if (process.getuid?.() !== 0) {
    throw new UserError(
      'run needs root to capture and to enter namespaces: repeat it with sudo, or open a saved case with nettrace replay FILE',
    );
  }
  if (options.save !== undefined) refuseExisting(options.save);
  const place = await findPlace(options);
  const guard = new Guard();
  let traced: TracedProcess | null = null;
  const leave = (status: number): void => {
    void guard.release().finally(() => process.exit(status));
  };
  const letGo = passSignals(() => traced, leave);
  try {
    const { evidence, end } = await trace(
      {
        argv,
        ...place,
        ignoreNetns: options.ignoreNetns ?? [],
        engine: options.engine,
        kernel: options.kernel,
        timeoutSeconds: options.timeout ?? null,
        outputToError: options.json === true,
      },
      guard,
      (process_) => {
        traced = process_;
      },
    );
    const diagnosis = diagnose(evidence);
    if (options.json) writeJson(diagnosis);
    else if (!options.tui) writeReport(diagnosis, process.stderr, options.color);
    if (options.save !== undefined) saveCase(options.save, evidence);
    if (options.tui && !options.json) await showCase(argv.join(' '), evidence, { color: options.color });
    return exitStatus(end, osConstants.signals);
  } finally {
    letGo();
    await guard.release();
  }
}
