/**
 * A gate before a child: a shell that waits for a line and then becomes the command. Between the start of a child and the
 * moment when somebody else knows of it, whoever started it may be killed; a child at its gate has done nothing by then,
 * and ends by itself when the gate closes without a word.
 */

import { execa, type Options } from 'execa';
import { fixedEnvironment } from './environment.ts';

/** Is told of a child, which leads a process group of its own, and calls `letGo` as soon as that is known for good. */
export type ChildWatcher = (pid: number, letGo: () => void) => void;

// What the command reads as its standard input afterwards is what is written behind the first line.
const gateScript = 'read -r go && exec "$@"';

/** How a child is started behind a gate. */
interface GateOptions {
  /** Without one the child is let go at once. */
  readonly watcher?: ChildWatcher | undefined;
  /** Its standard input is left open for what the caller has to say; else the command finds it empty. */
  readonly keepsInput?: boolean;
}

/**
 * Starts a command, in the fixed environment, that does nothing before its watcher knows of it. The child has the process
 * number of the command. It never rejects: how it ended is in its result.
 *
 * @param options Execa's own; what `env` has is added to the fixed environment.
 */
export function startGated<Own extends Options>(
  command: readonly string[],
  options: Own,
  { watcher, keepsInput = false }: GateOptions,
) {
  const child = execa('sh', ['-c', gateScript, 'sh', ...command], {
    ...options,
    stdin: 'pipe',
    env: { ...fixedEnvironment, ...options.env },
    extendEnv: false,
    reject: false,
  });
  const { pid, stdin } = child;
  // A child that has ended takes no line: how it ended is known from its end.
  stdin.on('error', () => {});
  const letGo = (): void => {
    stdin.write('go\n');
    if (!keepsInput) stdin.end();
  };
  if (pid === undefined || watcher === undefined) letGo();
  else watcher(pid, letGo);
  return child;
}

/** Ends a child that leads a process group, and what runs below it, at once; nothing where it has ended. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** How long a child has to go after SIGTERM, before SIGKILL. */
const endLimitMs = 300;

const streaming = { buffer: false, detached: true, forceKillAfterDelay: endLimitMs } as const;

/**
 * Starts a child that is read as it goes and ended by whoever started it; `kill` with SIGTERM is followed by SIGKILL, if
 * need be. It leads a session of its own: the terminal's Ctrl-C is for the traced command, and what hangs below it ends
 * with it.
 */
export function startStreaming(
  command: readonly string[],
  gate: GateOptions,
  options: Pick<Options, 'cwd' | 'env'> = {},
) {
  return startGated(command, { ...options, ...streaming }, gate);
}

/** The same; what it writes goes to a file descriptor. */
export function startStreamingTo(descriptor: number, command: readonly string[], gate: GateOptions) {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- any descriptor will do; execa's types name two
  return startGated(command, { ...streaming, stdout: descriptor as 1 }, gate);
}
